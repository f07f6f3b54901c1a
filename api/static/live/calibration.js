// The gateway's word on calibration, and the button to give it a pose.

import { button, fill, h, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { attempt } from "../ui/notices.js";
import { post } from "../data/api.js";
import { words } from "../names.js";
import { has, t } from "../strings.js";
import { watch } from "../data/store.js";

const STEPS = ["waiting", "still", "moving", "ready"];

export class Calibration {
  constructor(store) {
    this.store = store;
    this.changed = watch(store, "status", "session");
    this.open = false;
    this.message = h("p", { class: "calibration-message", role: "status" });
    this.steps = h("ol", { class: "steps", "aria-hidden": "true" }, STEPS.map((step) => h("li", { data: { step } })));
    this.pose = h("select", { "aria-label": t("calibration.pose"), on: { change: () => this.#name() } },
      ["standing", "sitting"].map((pose) => h("option", { value: pose }, t(`calibration.${pose}`))));
    this.press = button("", () => this.#calibrate(), { class: "primary" });
    this.again = button(t("calibration.again"), () => this.#toggle(), { class: "quiet" });
    this.tools = h("div", { class: "calibration-tools" }, h("label", {}, h("span", {}, t("calibration.pose")), this.pose), this.press);
    this.reasons = h("ul", { class: "calibration-reasons", "aria-label": t("calibration.reasons") });
    this.symbol = h("span", { class: "calibration-symbol" });
    this.element = h("section", { class: "calibration", "aria-label": t("calibration.title"), hidden: true },
      this.symbol, this.message, this.steps, this.tools, this.again, this.reasons);
    this.#name();
  }

  draw() {
    if (!this.changed()) return;
    const calibration = this.store.status?.online ? this.store.status.calibration : null;
    this.element.hidden = !calibration || Boolean(this.store.replay);
    if (!calibration) return;
    const { state, message, reasons = {} } = calibration;
    if (this.element.dataset.state !== state) {
      this.element.dataset.state = state;
      this.open = false;
      fill(this.symbol, icon(state === "ready" ? "streaming" : "upright"));
      this.steps.style.setProperty("--done", STEPS.indexOf(state) + 1);
      [...this.steps.children].forEach((step, i) => step.classList.toggle("is-done", i <= STEPS.indexOf(state)));
    }
    say(this.message, message || (has(`calibration.${state}`) ? t(`calibration.${state}`) : ""));
    const unsure = Object.entries(reasons).map(([joint, why]) => `${words(joint)}: ${why.join("; ")}`);
    if (unsure.join() !== this.unsure) fill(this.reasons, unsure.map((reason) => h("li", {}, reason)));
    this.unsure = unsure.join();
    this.#arrange();
  }

  destroy() {}

  #arrange() {
    const ready = this.element.dataset.state === "ready", none = this.element.dataset.state === "none";
    this.tools.hidden = none || (ready && !this.open);
    this.steps.hidden = none || ready;
    this.reasons.hidden = !this.open;
    this.again.hidden = !ready;
    say(this.again, t(this.open ? "calibration.close" : "calibration.again"));
    this.again.setAttribute("aria-expanded", String(this.open));
  }

  #toggle() {
    this.open = !this.open;
    this.#arrange();
  }

  #name() {
    say(this.press, t(this.pose.value === "sitting" ? "calibration.press.sitting" : "calibration.press"));
  }

  #calibrate() {
    attempt(this.press, () => post("calibrations", { what: "pose", pose: this.pose.value }, this.store.room), t("calibration.sent"));
  }
}
