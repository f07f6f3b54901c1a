// The joint angles of the last ten seconds, one row per measure, left and right in one picture.

import { fill, h, panel, say } from "../ui/dom.js";
import { Surface } from "../ui/canvas.js";
import { every } from "../ui/loop.js";
import { quantity } from "../ui/format.js";
import { grouped, measure, seriesName } from "../names.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";
import { STALE_S, freshness } from "./freshness.js";
import { paintTrace, Range } from "./trace.js";
import { jointOf, lightsOf, shine, uncertainty } from "./trust.js";

export const WINDOW_S = 10;

export class Traces {
  constructor(store) {
    this.store = store;
    const { element, body, note } = panel(t("traces.title"), "panel-traces", h("span", { class: "hint", title: t("traces.uncertain.title") }, t("traces.window", { n: WINDOW_S })));
    this.element = element;
    this.body = body;
    this.stale = freshness(store, element, note);
    this.changed = watch(store, "channels", "session");
    this.speaking = every(200);
    this.rows = [];
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) entry.target.row.visible = entry.isIntersecting;
    });
  }

  draw(now) {
    if (this.changed()) this.#build();
    this.stale(now, this.rows.flatMap(({ members }) => members.filter(({ kind }) => kind !== "truth").map(({ ring }) => ring)));
    const end = this.store.stream.at(now / 1000);
    const speak = this.speaking(now);
    const lights = speak ? lightsOf(this.store, now) : null;
    for (const row of this.rows) {
      if (row.visible) row.draw(end);
      if (speak) row.speak(now, end, this.store, lights);
    }
  }

  destroy() {
    this.seen.disconnect();
    for (const row of this.rows) row.destroy();
  }

  #build() {
    const joints = [...this.store.rings.byName.values()].filter(({ topic }) => topic === "joints");
    const shown = grouped(joints).filter(({ members }) => members.some(({ kind }) => kind !== "truth"));
    const names = JSON.stringify(shown.map(({ members }) => members.map(({ name }) => name)));
    if (names === this.names && shown.every((group, i) => group.members.every(({ ring }, j) => this.rows[i].members[j].ring === ring))) return;
    this.names = names;
    this.seen.disconnect();
    for (const row of this.rows) row.destroy();
    this.rows = shown.map((group) => new Row(group));
    for (const row of this.rows) this.seen.observe(row.element);
    fill(this.body, this.rows.length ? this.rows.map(({ element }) => element) : h("p", { class: "empty" }, t("traces.waiting")));
  }
}

class Row {
  constructor({ base, members }) {
    this.members = members;
    this.visible = true;
    this.range = new Range();
    this.surface = new Surface("trace-canvas", t("traces.label", { name: measure(base) }));
    this.readings = members.map((member) => ({ member, now: h("b", { class: "reading-now" }, "–"), sd: h("span", { class: "reading-sd" }), light: h("span", { class: "light" }), range: h("span", { class: "reading-range" }) }));
    this.element = h("div", { class: "trace", data: { measure: base } },
      h("div", { class: "trace-head" }, h("h3", {}, measure(base)), h("div", { class: "readings" }, this.readings.map(reading))),
      this.surface.element);
    this.element.row = this;
  }

  draw(end) {
    const context = this.surface.begin();
    if (context) paintTrace(context, this.surface, this.members, this.range, end, WINDOW_S);
  }

  /** Update the numbers; five times a second is as fast as they can be read. */
  speak(now, end, store, lights) {
    for (const { member, now: value, sd, light, range } of this.readings) {
      const fresh = member.ring.age(now) < STALE_S;
      say(value, fresh ? quantity(member.ring.value, member.unit) : "–");
      const unsure = fresh && Number.isFinite(member.ring.value) ? uncertainty(store, member.name, now) : NaN;
      say(sd, Number.isFinite(unsure) ? t("traces.uncertain", { n: quantity(unsure, member.unit) }) : "");
      const judged = lights[jointOf(member.name)]?.light ?? "";
      shine(light, judged === "green" ? "" : judged); // the panel of lights shows the green ones too
      const [low, high] = extent(member.ring, end - WINDOW_S);
      say(range, low <= high ? t("traces.range", { low: quantity(low, member.unit), high: quantity(high, member.unit) }) : "");
    }
  }

  destroy() {
    this.surface.destroy();
  }
}

function reading({ member, now, sd, light, range }) {
  const label = member.kind === "truth" ? t("traces.reference") : member.side ? t(`side.${member.side}`) : t("traces.now");
  const line = h("i", { class: "swatch", "aria-hidden": "true" });
  line.style.borderColor = member.kind === "truth" ? "" : `var(--${member.side || "middle"})`;
  const kind = member.kind === "truth" ? " is-reference" : "";
  return h("span", { class: `reading${kind}`, data: { series: member.name }, title: seriesName(member.name) }, line, h("span", { class: "reading-side" }, label), h("span", { class: "reading-value" }, now, sd), light, range);
}

/** Lowest and highest number of a ring since a time; [Infinity, -Infinity] if there is none. */
function extent(ring, since) {
  let low = Infinity, high = -Infinity;
  for (let i = ring.since(since); i < ring.count; i += 1) {
    const value = ring.values[i % ring.capacity];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
