// Events on the time line of the plots. The table beside it says the same for keyboard and screen reader.

import { fill, h } from "../ui/dom.js";
import { duration } from "../ui/format.js";
import { eventText, eventTone, withoutRepeats } from "../live/stories.js";

const PIXEL_PERCENT = 0.15;
const LANES = ["rep", "burst", "slouch", "gap", "quality"]; // everything else shares the top lane

export class EventTrack {
  constructor(events, onShow) {
    this.events = withoutRepeats(events);
    this.onShow = onShow;
    this.lanes = ["", ...LANES].filter((lane) => events.some(({ name }) => laneOf(name) === lane));
    this.area = h("div", { class: "track-area" });
    this.area.style.setProperty("--lanes", Math.max(1, this.lanes.length));
    this.element = h("div", { class: "track", "aria-hidden": "true", hidden: !events.length }, this.area);
  }

  /** Place the events that touch the time from `from` to `to`. */
  show(from, to) {
    const share = (time) => 100 * (Math.min(to, Math.max(from, time)) - from) / (to - from);
    const drawn = new Map(); // lane -> how far it is filled; what is not a pixel wider adds nothing to the picture
    const visible = this.events.filter(({ name, t, end }) => {
      const lane = laneOf(name);
      if ((end ?? t) < from || t > to || share(end ?? t) < (drawn.get(lane) ?? -1) + PIXEL_PERCENT) return false;
      drawn.set(lane, share(end ?? t));
      return true;
    });
    fill(this.area, visible.map((event) => {
      const left = share(event.t), right = share(event.end ?? event.t);
      const element = h("button", {
        type: "button", tabindex: -1, class: `tick tone-${eventTone(event)}`, title: `${duration(event.t)}  ${eventText(event)}`,
        data: { event: event.name }, on: { click: () => this.onShow(event) },
      });
      element.style.left = `${left}%`;
      element.style.width = `${right - left}%`;
      element.style.setProperty("--lane", this.lanes.indexOf(laneOf(event.name)));
      return element;
    }));
  }
}

const laneOf = (name) => (LANES.includes(name) ? name : "");
