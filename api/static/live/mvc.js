// Measures how strong a muscle can be: a rest, then trials of maximum voluntary contraction (MVC) with a countdown that can
// be read from where the wearer is. The gateway measures and judges; its words are shown as they come.

import { button, fill, h, mark, panel, say } from "../ui/dom.js";
import { amplitude, number } from "../ui/format.js";
import { every } from "../ui/loop.js";
import { attempt } from "../ui/notices.js";
import { post } from "../data/api.js";
import { seriesName } from "../names.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";
import { muscles, normaliser } from "./muscles.js";

const READY_S = 3, HOLD_S = 5, ANSWER_S = 6, PAUSE_S = 60; // get ready, hold, wait for the gateway's word at most, rest between trials [M/P]

const REST_TONES = { good: "good", fair: "warn", redo: "bad" };
const trialTone = ({ refused, again }) => (refused ? "bad" : again ? "warn" : "good");

export class Mvc {
  constructor(store) {
    this.store = store;
    this.changed = watch(store, "channels", "session");
    this.told = watch(store, "events", "status", "session", "channels");
    this.speaking = every(100);
    this.phase = { name: "idle" };
    this.rows = new Map(); // muscle -> {choice, said}
    this.open = button(t("mvc.open"), () => this.#toggle(), { class: "quiet", "aria-expanded": "false" });
    const { element, body } = panel(t("mvc.title"), "panel-mvc", this.open);
    this.element = element;
    this.body = body;
    this.rest = button(t("mvc.rest", { n: HOLD_S }), () => this.#begin("rest"), { class: "big" });
    this.trial = button(t("mvc.trial"), () => this.#begin("mvc"), { class: "big primary" });
    this.forget = button(t("mvc.forget"), () => this.#forget(), { class: "quiet" });
    this.list = h("ul", { class: "mvc-muscles" });
    this.pause = h("p", { class: "mvc-pause", role: "status" });
    body.append(h("p", { class: "hint" }, t("mvc.hint")), this.list, this.forget, h("div", { class: "mvc-foot" }, this.pause, h("div", { class: "mvc-buttons" }, this.rest, this.trial)));
    this.word = h("p", { class: "mvc-word", role: "status" });
    this.count = h("p", { class: "mvc-count" });
    this.names = h("p", { class: "mvc-names" });
    this.close = button(t("mvc.cancel"), () => this.#end());
    this.screen = h("dialog", { class: "mvc-screen", "aria-label": t("mvc.title"), on: { cancel: (event) => { event.preventDefault(); this.#end(); } } }, this.word, this.count, this.names, this.close);
    element.append(this.screen);
    element.hidden = body.hidden = true;
  }

  draw(now) {
    if (this.changed()) this.#build();
    if (this.told()) this.#tell();
    if (this.speaking(now)) this.#step(now);
  }

  destroy() {
    if (this.screen.open) this.screen.close();
  }

  #toggle() {
    this.body.hidden = !this.body.hidden;
    say(this.open, t(this.body.hidden ? "mvc.open" : "mvc.close"));
    this.open.setAttribute("aria-expanded", String(!this.body.hidden));
  }

  #build() {
    const names = muscles(this.store);
    this.element.hidden = !names.length || Boolean(this.store.wanted);
    if (names.join() === [...this.rows.keys()].join()) return;
    const chosen = new Set(this.#chosen());
    this.rows = new Map(names.map((muscle) => [muscle, {
      choice: h("input", { type: "checkbox", value: muscle, checked: chosen.has(muscle), on: { change: () => this.#arrange() } }),
      trials: h("span", { class: "mvc-trials" }), advice: h("span", { class: "mvc-advice" }),
    }]));
    fill(this.list, [...this.rows].map(([muscle, { choice, trials, advice }]) =>
      h("li", { data: { muscle } }, h("label", {}, choice, h("b", {}, seriesName(`emg_${muscle}`))), trials, advice)));
    this.#arrange();
  }

  #chosen() {
    return [...this.rows].filter(([, { choice }]) => choice.checked).map(([muscle]) => muscle);
  }

  #arrange() {
    this.trial.disabled = this.forget.disabled = !this.#chosen().length;
  }

  /** Write what the gateway found, muscle by muscle. */
  #tell() {
    const { story } = this.store;
    for (const [muscle, { trials, advice }] of this.rows) {
      const told = story.trials.get(muscle), rest = story.rests.get(muscle), norm = normaliser(this.store, muscle);
      const values = told?.values ?? norm?.trials ?? [], unit = told?.unit ?? norm?.unit ?? "", best = told?.best ?? (norm?.by === "mvc" ? norm.value : null);
      const said = [
        values.length ? t("mvc.trials", { values: values.map((value) => amplitude(value, unit)).join(", ") }) : "",
        Number.isFinite(best) ? t("mvc.best", { value: amplitude(best, unit) }) : "",
        norm?.by === "given" ? t("mvc.given", { value: amplitude(norm.value, norm.unit) }) : "",
        rest && Number.isFinite(rest.rms) ? t("mvc.noise", { value: amplitude(rest.rms, rest.unit) }) : "",
      ];
      say(trials, said.filter(Boolean).join(" · "));
      const [last, isTrial] = told && !(rest?.at > told.at) ? [told, true] : [rest, false];
      const done = isTrial && !told.again && !told.refused;
      say(advice, last?.reason ? withoutMuscle(last.reason, muscle) : last ? t(done ? "mvc.done" : isTrial ? "mvc.again" : "mvc.rested") : "");
      mark(advice, "data-tone", !last ? null : isTrial ? trialTone(told) : REST_TONES[last.grade] ?? null);
    }
  }

  #begin(what) {
    const chosen = what === "rest" ? [] : this.#chosen();
    say(this.names, what === "rest" ? t("mvc.all") : chosen.map((muscle) => seriesName(`emg_${muscle}`)).join(" · "));
    this.phase = { name: "ready", what, chosen, until: performance.now() + 1000 * READY_S };
    this.screen.showModal();
    this.#step(performance.now());
  }

  /** Cancel what has not begun, end a trial early, or close the screen on what goes on by itself. */
  #end() {
    const { name, what } = this.phase;
    if (name === "ready") this.phase = { name: "idle" };
    if (name === "hold" && what === "mvc") {
      this.phase = { ...this.phase, until: performance.now() };
      attempt(this.close, () => post("calibrations", { what: "mvc_stop" }, this.store.room));
    } else if (this.screen.open) this.screen.close();
  }

  #step(now) {
    const { name, what, until, since } = this.phase, left = (until - now) / 1000;
    if (name === "ready" && left <= 0) this.#ask();
    else if (name === "hold" && left <= 0) this.phase = { ...this.phase, name: "answer", until: now + 1000 * ANSWER_S };
    else if (name === "answer" && (left <= 0 || this.#answered(since))) {
      if (this.screen.open) this.screen.close();
      this.phase = what === "mvc" && left > 0 ? { name: "pause", until: now + 1000 * PAUSE_S } : { name: "idle" };
      if (left <= 0) say(this.pause, t("mvc.silent"));
    } else if (name === "pause") {
      say(this.pause, left > 0 ? t("mvc.pause", { n: Math.ceil(left) }) : t("mvc.paused"));
      if (left <= 0) this.phase = { name: "idle" };
    }
    if (this.screen.open) this.#show(now);
  }

  #show(now) {
    const { name, what, until } = this.phase;
    mark(this.screen, "data-phase", name === "hold" ? what : name);
    say(this.word, t(name === "hold" ? `mvc.word.${what}` : name === "answer" ? `mvc.word.answer.${what}` : `mvc.word.ready.${what}`));
    say(this.count, name === "ready" || name === "hold" ? number(Math.max(1, Math.ceil((until - now) / 1000))) : "");
    say(this.close, t(name === "ready" ? "mvc.cancel" : name === "hold" && what === "mvc" ? "mvc.stop" : "mvc.hide"));
  }

  async #ask() {
    const { what, chosen } = this.phase;
    this.phase = { ...this.phase, name: "asking", until: Infinity };
    const body = what === "rest" ? { what } : { what, muscles: chosen, seconds: HOLD_S };
    say(this.pause, "");
    const since = this.#counted();
    const answer = await attempt(this.trial, () => post("calibrations", body, this.store.room));
    this.#arrange();
    if (answer) this.phase = { ...this.phase, name: "hold", since, until: performance.now() + 1000 * HOLD_S };
    else {
      this.phase = { name: "idle" };
      if (this.screen.open) this.screen.close();
    }
  }

  /** When the gateway last said something of each muscle that is measured. */
  #counted() {
    const { trials, rests } = this.store.story, { what, chosen } = this.phase;
    const told = what === "rest" ? rests : trials, names = what === "rest" ? [...this.rows.keys()] : chosen;
    return new Map(names.map((muscle) => [muscle, told.get(muscle)?.at ?? -Infinity]));
  }

  #answered(since) {
    const told = this.phase.what === "rest" ? this.store.story.rests : this.store.story.trials;
    return [...since].every(([muscle, at]) => told.get(muscle)?.at > at);
  }

  #forget() {
    attempt(this.forget, () => post("calibrations", { what: "mvc_forget", muscles: this.#chosen() }, this.store.room), t("mvc.forgotten"));
  }
}

/** What the gateway says of a muscle, beside whose name it stands. */
function withoutMuscle(reason, muscle) {
  const rest = reason.replace(` of ${muscle}`, "").replace(`${muscle} `, "");
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}
