// Counts repetitions from the rep events of the session, per measure and side.

import { button, fill, h, panel } from "../ui/dom.js";
import { quantity } from "../ui/format.js";
import { byImportance, measure, parts, seriesName } from "../names.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";

/** Count rep events that began after `since`: Map series -> {count, range} in the order of importance. */
export function countReps(events, since = -Infinity) {
  const counts = new Map();
  for (const { name, t: start, data = {} } of events) {
    if (name !== "rep" || start <= since) continue;
    const { count = 0 } = counts.get(data.series) ?? {};
    counts.set(data.series, { count: count + 1, range: data.range_deg });
  }
  return new Map([...counts].sort(([a], [b]) => byImportance(parts(a).base, parts(b).base) || a.localeCompare(b)));
}

export class Reps {
  constructor(store) {
    this.store = store;
    this.since = -Infinity;
    const { element, body } = panel(t("reps.title"), "panel-reps", button(t("reps.zero"), () => this.#zero(), { class: "quiet" }));
    this.element = element;
    this.body = body;
    this.changed = watch(store, "events", "session");
    this.newSession = watch(store, "session");
  }

  draw() {
    if (!this.changed()) return;
    if (this.newSession()) this.since = -Infinity;
    const counts = countReps(this.store.events, this.since);
    fill(this.body, counts.size ? [...counts].map(count) : h("p", { class: "empty" }, t("reps.none")));
  }

  destroy() {}

  #zero() {
    this.since = this.store.events.at(-1)?.t ?? -Infinity;
    fill(this.body, h("p", { class: "empty" }, t("reps.none")));
  }
}

function count([series, { count: n, range }]) {
  const { base, side } = parts(series);
  return h("div", { class: `rep rep-${side || "middle"}`, data: { series }, "aria-label": `${seriesName(series)}: ${n}` },
    h("b", { class: "rep-count" }, n),
    h("span", { class: "rep-name" }, measure(base), side ? `, ${t(`side.${side}`)}` : ""),
    h("span", { class: "rep-last" }, Number.isFinite(range) ? t("reps.last", { n: quantity(range, "deg") }) : ""));
}
