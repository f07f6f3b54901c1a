// Muscle activation: a drawn body in the colours of its work, and one row per muscle, the left side growing to the left
// and the right side to the right. What cannot be read has no number but a sentence.

import { button, fill, h, mark, panel, say } from "../ui/dom.js";
import { every } from "../ui/loop.js";
import { number } from "../ui/format.js";
import { grouped, measure, parts, seriesName } from "../names.js";
import { BodyMap, viewOf } from "../muscles/body_map.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";
import { STALE_S, freshness } from "./freshness.js";
import { normaliser, target } from "./muscles.js";
import { Targets } from "./targets.js";
import { lightsOf, shine, withoutJoint } from "./trust.js";

export class Bars {
  constructor(store) {
    this.store = store;
    this.reference = h("span", { class: "hint" });
    this.targets = new Targets(store);
    this.aim = button(t("targets.title"), () => this.#aim(), { class: "quiet", "aria-expanded": "false", hidden: true });
    const { element, body, note } = panel(t("bars.title"), "panel-bars", this.reference, this.aim);
    this.element = element;
    this.map = new BodyMap(t("bars.map"), (muscle) => { location.hash = `#/muscles/${parts(muscle).base}`; });
    this.map.element.hidden = true;
    this.rows = h("div", { class: "muscles" });
    body.append(this.map.element, this.rows, this.targets.element);
    this.stale = freshness(store, element, note);
    this.changed = watch(store, "channels", "session");
    this.told = watch(store, "channels", "session", "status", "events");
    this.speaking = every(200);
    this.bars = [];
  }

  draw(now) {
    if (this.changed()) this.#build();
    this.stale(now, this.bars.map(({ channel }) => channel.ring));
    const speak = this.speaking(now), lights = speak ? lightsOf(this.store, now) : null;
    if (speak && this.told()) this.#tellReference();
    for (const bar of this.bars) bar.draw(now, speak, lights);
  }

  destroy() {}

  #aim() {
    const open = this.targets.toggle();
    this.aim.setAttribute("aria-expanded", String(open));
  }

  #build() {
    const channels = [...this.store.rings.byName.values()].filter(({ name }) => name.startsWith("activation_"));
    this.bars = [];
    for (const muscle of this.map.regions.keys()) this.map.shade(muscle, NaN, "");
    this.groups = grouped(channels).map(({ base, members }) => this.#row(base, members));
    this.mvc = channels.some(({ unit }) => /mvc/i.test(unit));
    this.map.element.hidden = !channels.some(({ name }) => viewOf(parts(name).base));
    this.aim.hidden = !this.groups.length;
    this.#tellReference();
    fill(this.rows, this.groups.length ? this.groups.map(({ element }) => element) : h("p", { class: "empty" }, t("bars.none")));
  }

  /** Say what the numbers are a fraction of: at the head if nobody said it by muscle, else beside each name. */
  #tellReference() {
    let known = false;
    for (const { hint, muscles } of this.groups) {
      const by = muscles.map((muscle) => ({ side: parts(muscle).side, by: normaliser(this.store, muscle)?.by })).filter(({ by: kind }) => kind);
      known ||= by.length > 0;
      const same = new Set(by.map(({ by: kind }) => kind)).size === 1 && by.length === muscles.length;
      say(hint, same ? t(`bars.by.${by[0].by}`) : by.map(({ side, by: kind }) => `${side ? `${t(`side.${side}`)} ` : ""}${t(`bars.by.${kind}`)}`).join(", "));
    }
    say(this.reference, !this.groups.length ? "" : known ? "" : t(this.mvc ? "bars.reference.mvc" : "bars.reference.peak"));
  }

  #row(base, members) {
    const sided = members.some(({ side }) => side);
    const made = (sided ? ["left", "right"] : ["middle"]).map((side) => this.#bar(sided ? members.find((m) => m.side === side) : members[0], side));
    const hint = h("span", { class: "hint" });
    const element = h("div", { class: "muscle", data: { muscle: base } }, h("div", { class: "muscle-head" }, h("h3", {}, measure(base)), hint),
      h("div", { class: sided ? "bar-pair" : "bar-single" }, made.map((bar) => bar.element)), made.flatMap((bar) => bar.said));
    return { element, hint, muscles: members.map(({ name }) => name.slice("activation_".length)) };
  }

  #bar(channel, side) {
    if (!channel) return { element: h("div", { class: `bar bar-${side} is-absent`, data: { series: "" } }), said: [] };
    const bar = new Bar(this.store, this.map, channel, side);
    this.bars.push(bar);
    return bar;
  }
}

/** One side of one muscle. */
class Bar {
  constructor(store, map, channel, side) {
    Object.assign(this, { store, map, channel, side });
    this.muscle = channel.name.slice("activation_".length);
    this.value = h("span", { class: "bar-value" }, "–");
    this.level = h("span", { class: "bar-level" });
    this.zone = h("i", { class: "bar-zone", hidden: true });
    this.meter = h("div", { class: "bar-track", role: "meter", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": seriesName(channel.name) }, this.level, this.zone);
    this.light = h("span", { class: "light" });
    this.reason = h("span", { class: "bar-why" });
    this.goal = h("p", { class: `bar-goal bar-${side}`, hidden: true });
    this.trouble = h("p", { class: "bar-trouble", hidden: true }, this.light, " ", this.reason);
    this.element = h("div", { class: `bar bar-${side}`, data: { series: channel.name } }, this.value, this.meter);
    this.said = [this.trouble, this.goal];
  }

  draw(now, speak, lights) {
    const { ring } = this.channel;
    const value = ring.age(now) < STALE_S ? ring.value : NaN;
    const share = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
    if (share !== this.share) this.level.style.transform = `scaleX(${share.toFixed(3)})`;
    this.share = share;
    if (speak) this.#speak(now, value, lights[`emg_${this.muscle}`]);
  }

  #speak(now, value, judged) {
    const known = Number.isFinite(value), off = !known && judged?.light === "red";
    say(this.value, off ? t("bars.off") : t("bars.value", { n: number(value * 100) }));
    mark(this.meter, "aria-valuenow", known ? Math.round(value * 100) : null);
    mark(this.meter, "aria-valuetext", off ? t("bars.off") : null);
    this.element.classList.toggle("is-off", off);
    this.map.shade(this.muscle, value, off ? "off" : "on");
    this.map.describe(this.muscle, `${seriesName(this.channel.name)}: ${this.value.textContent}`);
    this.#tellTrouble(judged?.light === "green" ? null : judged);
    this.#tellGoal(target(this.store, this.muscle, now));
  }

  #tellTrouble(judged) {
    const { side } = parts(this.muscle);
    shine(this.light, judged?.light ?? "", side && t(`side.${side}`));
    say(this.reason, judged ? withoutJoint(judged.reason, this.muscle) : "");
    mark(this.trouble, "hidden", judged?.reason ? null : "");
  }

  #tellGoal(goal) {
    mark(this.zone, "hidden", goal ? null : "");
    mark(this.goal, "hidden", goal ? null : "");
    if (!goal) return;
    const from = Math.min(1, goal.low), to = Math.min(1, goal.high ?? 1), start = this.side === "left" ? 1 - to : from;
    this.zone.style.left = `${100 * start}%`;
    this.zone.style.width = `${100 * (to - from)}%`;
    for (const element of [this.goal, this.zone]) element.dataset.state = goal.state;
    const { side } = parts(this.muscle);
    const range = t(goal.high === null ? "targets.above" : "targets.between", { low: number(goal.low * 100), high: number(goal.high * 100) });
    const seconds = { n: number(goal.state === "out" ? goal.last : goal.seconds, 1), of: number(goal.hold_s, 1) };
    const held = goal.state === "out" && !Number.isFinite(goal.last) ? "none" : Number.isFinite(goal.hold_s) && goal.state === "in" ? "in.of" : goal.state;
    say(this.goal, `${side ? `${t(`side.${side}`)}: ` : ""}${t(`targets.state.${held}`, { ...seconds, range })}`);
  }
}
