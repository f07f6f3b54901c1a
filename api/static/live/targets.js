// Targets: between which activations a muscle is to be held, and for how long. The form; the bars show what comes of it.

import { button, fill, h } from "../ui/dom.js";
import { attempt } from "../ui/notices.js";
import { put } from "../data/api.js";
import { seriesName } from "../names.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";
import { muscles } from "./muscles.js";
import { ofPresent } from "./trust.js";

const LOW_PERCENT = 40, HOLD_S = 3; // as the gateway's own defaults (docs/protocol.md)

export class Targets {
  constructor(store) {
    this.store = store;
    this.changed = watch(store, "channels", "session");
    this.muscle = h("select", { name: "muscle", required: true, "aria-label": t("targets.muscle") });
    this.low = field("low", LOW_PERCENT, { min: 1, max: 200, step: 1, required: true });
    this.high = field("high", "", { min: 2, max: 300, step: 1, placeholder: t("targets.none") });
    this.hold = field("hold", HOLD_S, { min: 0.2, max: 300, step: 0.1, required: true });
    this.buzz = h("input", { type: "checkbox", name: "buzz" });
    this.submit = h("button", { type: "submit", class: "primary" }, t("targets.set"));
    this.clear = button(t("targets.clear"), () => this.#put([], this.clear));
    const label = (key, input) => h("label", {}, h("span", {}, t(`targets.${key}`)), input);
    this.element = h("form", { class: "targets", hidden: true, "aria-label": t("targets.title"), on: { submit: (event) => this.#set(event) } },
      label("muscle", this.muscle), label("low", this.low), label("high", this.high), label("hold", this.hold),
      h("label", { class: "targets-buzz" }, this.buzz, t("targets.buzz")), h("div", { class: "joined" }, this.submit, this.clear));
  }

  /** Open or close; returns whether it is open now. */
  toggle() {
    this.element.hidden = !this.element.hidden;
    if (!this.element.hidden && this.changed()) fill(this.muscle, muscles(this.store).map((name) => h("option", { value: name }, seriesName(`emg_${name}`))));
    return !this.element.hidden;
  }

  #set(event) {
    event.preventDefault();
    const muscle = this.muscle.value, high = this.high.value === "" ? null : Number(this.high.value) / 100;
    const zone = { muscle, low: Number(this.low.value) / 100, high, hold_s: Number(this.hold.value), buzz: this.buzz.checked };
    const others = (ofPresent(this.store)?.zones ?? []).filter((other) => other.muscle !== muscle)
      .map(({ muscle: name, low, high: top, hold_s: hold, buzz }) => ({ muscle: name, low, high: top ?? null, hold_s: hold, buzz }));
    this.#put([...others, zone], this.submit);
  }

  #put(zones, control) {
    attempt(control, () => put("zones", { zones }, this.store.room), t(zones.length ? "targets.done" : "targets.cleared"));
  }
}

const field = (name, value, more) => h("input", { type: "number", name, value, inputmode: "decimal", ...more });
