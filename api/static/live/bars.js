// Muscle activation: one row per muscle, the left side grows to the left and the right side to the right.

import { fill, h, mark, panel, say } from "../ui/dom.js";
import { every } from "../ui/loop.js";
import { number } from "../ui/format.js";
import { grouped, measure, seriesName } from "../names.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";
import { STALE_S, freshness } from "./freshness.js";

export class Bars {
  constructor(store) {
    this.store = store;
    this.reference = h("span", { class: "hint" });
    const { element, body, note } = panel(t("bars.title"), "panel-bars", this.reference);
    this.element = element;
    this.body = body;
    this.stale = freshness(store, element, note);
    this.changed = watch(store, "channels", "session");
    this.speaking = every(200);
    this.bars = [];
  }

  draw(now) {
    if (this.changed()) this.#build();
    this.stale(now, this.bars.map(({ channel }) => channel.ring));
    const speak = this.speaking(now);
    for (const bar of this.bars) {
      const value = bar.channel.ring.age(now) < STALE_S ? bar.channel.ring.value : NaN;
      const share = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
      if (share !== bar.share) bar.level.style.transform = `scaleX(${share.toFixed(3)})`;
      bar.share = share;
      if (speak) bar.speak(value);
    }
  }

  destroy() {}

  #build() {
    const channels = [...this.store.rings.byName.values()].filter(({ name }) => name.startsWith("activation_"));
    this.bars = [];
    const rows = grouped(channels).map(({ base, members }) => this.#row(base, members));
    say(this.reference, rows.length ? t(channels.some(({ unit }) => /mvc/i.test(unit)) ? "bars.reference.mvc" : "bars.reference.peak") : "");
    fill(this.body, rows.length ? rows : h("p", { class: "empty" }, t("bars.none")));
  }

  #row(base, members) {
    const sided = members.some(({ side }) => side);
    const cells = sided ? ["left", "right"].map((side) => this.#bar(members.find((m) => m.side === side), side)) : [this.#bar(members[0], "middle")];
    return h("div", { class: "muscle", data: { muscle: base } }, h("h3", {}, measure(base)), h("div", { class: sided ? "bar-pair" : "bar-single" }, cells));
  }

  #bar(channel, side) {
    const value = h("span", { class: "bar-value" }, "–");
    const level = h("span", { class: "bar-level" });
    const meter = h("div", { class: "bar-track" }, level);
    const element = h("div", { class: `bar bar-${side}`, data: { series: channel?.name ?? "" } }, value, meter);
    if (!channel) {
      element.classList.add("is-absent");
      return element;
    }
    for (const [name, content] of [["role", "meter"], ["aria-valuemin", 0], ["aria-valuemax", 100], ["aria-label", seriesName(channel.name)]]) meter.setAttribute(name, content);
    const speak = (share) => {
      say(value, t("bars.value", { n: number(share * 100) }));
      mark(meter, "aria-valuenow", Number.isFinite(share) ? Math.round(share * 100) : null);
    };
    this.bars.push({ channel, level, speak, share: NaN });
    return element;
  }
}
