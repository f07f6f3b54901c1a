// Counts repetitions of the session per measure and side; the most important measure is large enough to be read from afar.

import { button, fill, h, panel } from "../ui/dom.js";
import { quantity } from "../ui/format.js";
import { byImportance, measure, parts, seriesName } from "../names.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";

export class Reps {
  constructor(store) {
    this.store = store;
    this.zero = new Map(); // series -> count that was there when the person asked for zero
    const { element, body } = panel(t("reps.title"), "panel-reps", button(t("reps.zero"), () => this.#restart(), { class: "quiet" }));
    this.element = element;
    this.body = body;
    this.changed = watch(store, "events", "session");
    this.newSession = watch(store, "session");
  }

  draw() {
    if (!this.changed()) return;
    if (this.newSession()) this.zero = new Map();
    this.#fill();
  }

  destroy() {}

  #restart() {
    this.zero = new Map([...this.store.story.reps].map(([series, { count }]) => [series, count]));
    this.#fill();
  }

  #fill() {
    const rows = [...this.store.story.reps]
      .map(([series, { count, range }]) => ({ series, range, count: count - (this.zero.get(series) ?? 0), ...parts(series) }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => byImportance(a.base, b.base) || a.series.localeCompare(b.series));
    const first = rows[0]?.base;
    fill(this.body, rows.length ? rows.map((row) => counter(row, row.base === first)) : h("p", { class: "empty" }, t("reps.none")));
  }
}

function counter({ series, base, side, count, range }, important) {
  return h("div", { class: `rep rep-${side || "middle"}${important ? " is-important" : ""}`, data: { series }, "aria-label": `${seriesName(series)}: ${count}` },
    h("b", { class: "rep-count" }, count),
    h("span", { class: "rep-name" }, measure(base), side ? `, ${t(`side.${side}`)}` : ""),
    h("span", { class: "rep-last" }, Number.isFinite(range) ? t("reps.last", { n: quantity(range, "deg") }) : ""));
}
