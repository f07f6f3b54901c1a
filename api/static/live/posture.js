// Upright or slouching, the angle against its threshold, and the cues that the wearer felt.

import { button, fill, h, mark, panel, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { every } from "../ui/loop.js";
import { quantity } from "../ui/format.js";
import { attempt } from "../ui/notices.js";
import { post } from "../data/api.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";
import { STALE_S, freshness } from "./freshness.js";

const SERIES = ["trunk_inclination", "posture_angle"]; // in the order in which the gateway's detector takes them
const ICONS = { upright: "upright", leaning: "slouching", slouching: "slouching", measured: "upright", unknown: "searching" };
const SCALE_DEG = 45;
const BUZZ = { duration_s: 0.5, strength: 0.7 };

export class Posture {
  constructor(store) {
    this.store = store;
    this.buzz = button(t("posture.buzz"), () => this.#buzz(), { class: "with-icon" }, icon("buzz"));
    const { element, body, note } = panel(t("posture.title"), "panel-posture", this.buzz);
    this.element = element;
    this.stale = freshness(store, element, note);
    this.state = h("p", { class: "posture-state", role: "status" });
    this.angle = h("b", { class: "posture-angle" }, "–");
    this.limit = h("span", { class: "hint" });
    this.needle = h("i", { class: "gauge-needle" });
    this.tick = h("i", { class: "gauge-tick", hidden: true });
    this.cues = h("b", {}, "0");
    this.upright = button(t("posture.setUpright"), () => this.#setUpright(), { class: "quiet", title: t("posture.setUpright.title") });
    body.append(this.state,
      h("div", { class: "posture-reading" }, h("span", {}, t("posture.angle")), this.angle, this.limit),
      h("div", { class: "gauge", "aria-hidden": "true" }, this.tick, this.needle),
      h("div", { class: "posture-foot" }, h("span", {}, t("posture.buzzes"), " ", this.cues), this.upright));
    this.changed = watch(store, "events", "status", "channels", "session");
    this.speaking = every(200);
    this.story = store.story.posture;
  }

  draw(now) {
    if (this.changed()) {
      this.story = this.store.story.posture;
      this.haptic = this.store.status?.sensors?.find(({ capabilities = [], state }) => capabilities.includes("haptic") && state === "streaming");
      this.buzz.disabled = !this.haptic;
      this.buzz.title = this.haptic ? "" : t("posture.noHaptic");
      say(this.cues, String(this.story.buzzes));
    }
    const channel = SERIES.map((name) => this.store.rings.byName.get(name)).find((c) => c && c.ring.age(now) < STALE_S);
    this.stale(now, SERIES.map((name) => this.store.rings.byName.get(name)?.ring).filter(Boolean));
    const reported = this.store.replay ? {} : this.store.status?.posture ?? {};
    const angle = channel ? channel.ring.value - (reported.upright_deg ?? this.story.upright ?? 0) : NaN;
    const threshold = reported.threshold_deg ?? this.story.threshold;
    const scale = Math.max(SCALE_DEG, (threshold ?? 0) * 2);
    this.needle.style.left = `${100 * Math.min(1, Math.max(0, (Number.isFinite(angle) ? angle : 0) / scale))}%`;
    if (this.speaking(now)) this.#speak(angle, threshold, scale);
  }

  destroy() {}

  #speak(angle, threshold, scale) {
    const known = Number.isFinite(angle);
    const state = known ? this.#judge(angle, threshold) : "unknown";
    if (this.element.dataset.posture !== state) {
      this.element.dataset.posture = state;
      fill(this.state, icon(ICONS[state]), t(`posture.${state}`));
    }
    say(this.angle, quantity(angle, "deg"));
    say(this.limit, threshold === null ? t("posture.noThreshold") : t("posture.threshold", { n: quantity(threshold, "deg") }));
    mark(this.tick, "hidden", threshold === null ? "" : null);
    if (threshold !== null) this.tick.style.left = `${100 * threshold / scale}%`;
  }

  /** The detector's word where there is one; it waits before it calls a lean a slouch, so a lean has a name of its own. */
  #judge(angle, threshold) {
    if (this.story.state === "slouching") return "slouching";
    if (threshold === null) return this.story.state ?? "measured";
    return angle > threshold ? "leaning" : "upright";
  }

  #buzz() {
    attempt(this.buzz, () => post(`sensors/${encodeURIComponent(this.haptic.id)}/buzz`, BUZZ), t("posture.buzzed"));
  }

  #setUpright() {
    attempt(this.upright, () => post("calibrations", { what: "posture" }, this.store.room), t("posture.saved"));
  }
}
