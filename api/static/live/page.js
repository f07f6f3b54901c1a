// The Live page: everything that moves, arranged for somebody who looks at a person and only glances at the screen.

import { h } from "../ui/dom.js";
import { Bars } from "./bars.js";
import { Calibration } from "./calibration.js";
import { EventList } from "./event_list.js";
import { Figure } from "./figure.js";
import { Mvc } from "./mvc.js";
import { Posture } from "./posture.js";
import { Recording } from "./recording.js";
import { ReplayBanner } from "./replay_banner.js";
import { Reps } from "./reps.js";
import { Sensors } from "./sensors.js";
import { Traces } from "./traces.js";
import { Trust } from "./trust.js";
import { t } from "../strings.js";

export class LivePage {
  constructor(store) {
    const parts = { replay: ReplayBanner, calibration: Calibration, recording: Recording, sensors: Sensors, figure: Figure, trust: Trust, traces: Traces, reps: Reps, bars: Bars, mvc: Mvc, posture: Posture, events: EventList };
    const made = Object.fromEntries(Object.entries(parts).map(([name, Part]) => [name, new Part(store)]));
    this.parts = Object.values(made);
    const element = (name) => made[name].element;
    this.element = h("div", { class: "live" },
      h("h1", { class: "visually-hidden" }, t("nav.live")),
      element("replay"), element("recording"), element("calibration"), element("sensors"),
      h("div", { class: "stage" },
        h("div", { class: "column column-figure" }, element("figure")),
        h("div", { class: "column column-traces" }, element("trust"), element("traces")),
        h("div", { class: "column column-side" }, element("reps"), element("bars"), element("mvc"), element("posture"), element("events"))));
  }

  draw(now) {
    for (const part of this.parts) part.draw(now);
  }

  destroy() {
    for (const part of this.parts) part.destroy();
  }
}
