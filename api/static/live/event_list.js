// The story of the session so far, newest first.

import { button, fill, h, panel } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { timeOfDay } from "../ui/format.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";
import { eventIcon, eventText, eventTone, isFrequent, withoutRepeats } from "./stories.js";

const SHOWN = 40;

export class EventList {
  constructor(store) {
    this.store = store;
    this.bursts = false;
    this.toggle = button(t("events.bursts"), () => this.#toggle(), { class: "quiet", "aria-pressed": "false" });
    const { element, body } = panel(t("events.title"), "panel-events", this.toggle);
    this.element = element;
    this.list = h("ol", { class: "events", tabindex: 0, "aria-label": t("events.title") });
    body.append(this.list);
    this.changed = watch(store, "events");
  }

  draw() {
    if (this.changed()) this.#fill();
  }

  destroy() {}

  #toggle() {
    this.bursts = !this.bursts;
    this.toggle.setAttribute("aria-pressed", String(this.bursts));
    this.#fill();
  }

  #fill() {
    const newest = withoutRepeats(this.store.story.events).filter((event) => this.bursts || !isFrequent(event)).slice(-SHOWN).reverse();
    fill(this.list, newest.length ? newest.map(row) : h("li", { class: "empty" }, t("events.none")));
  }
}

function row(event) {
  return h("li", { class: `event tone-${eventTone(event)}`, data: { event: event.name } },
    icon(eventIcon(event)), h("span", { class: "event-text" }, eventText(event)), h("time", {}, timeOfDay(event.t)));
}
