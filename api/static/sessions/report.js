// Numbers of a session with their intervals, the quality of its sensors with reasons, and its events as a table.

import { button, fill, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { duration, number, plain, quantity } from "../ui/format.js";
import { eventIcon, eventText, eventTone, withoutRepeats } from "../live/stories.js";
import { metricName, words } from "../names.js";
import { has, t } from "../strings.js";

const VERDICT_ICONS = { good: "streaming", fair: "stale", poor: "lost" };

/** metrics: {name: {value, low, high, unit, exercise, note}}. */
export function metricsReport(metrics = {}) {
  const entries = Object.entries(metrics);
  if (!entries.length) return h("p", { class: "empty" }, t("session.metrics.none"));
  return h("dl", { class: "metrics" }, entries.map(([name, metric]) => h("div", { class: "metric", data: { metric: name } },
    h("dt", {}, metricName(name)),
    h("dd", {}, h("b", {}, value(metric.value, metric.unit)), interval(metric)),
    [metric.exercise && t("metric.exercise", { exercise: metric.exercise }), metric.note].filter(Boolean).map((text) => h("dd", { class: "hint" }, text)))));
}

/** quality: {sensor: {verdict, received, lost, gaps: [[t0, t1]], reasons: []}}. */
export function qualityReport(quality = {}) {
  if (!Object.keys(quality).length) return h("p", { class: "empty" }, t("session.quality.none"));
  return h("ul", { class: "qualities" }, Object.entries(quality).map(([sensor, { verdict, received, lost, gaps = [], reasons = [] }]) =>
    h("li", { class: "quality", data: { sensor, verdict } },
      h("div", { class: "quality-head" }, h("b", {}, words(sensor)), h("span", { class: "chip", data: { verdict } }, icon(VERDICT_ICONS[verdict] ?? "searching"), has(`quality.${verdict}`) ? t(`quality.${verdict}`) : verdict)),
      h("p", { class: "hint" }, t("session.quality.counts", { received: number(received), lost: number(lost) }),
        gaps.length ? `, ${t(gaps.length === 1 ? "session.quality.gaps.one" : "session.quality.gaps", { n: gaps.length })}` : ""),
      reasons.map((reason) => h("p", { class: "reason" }, reason)))));
}

/** The events as rows that bring their moment into view. */
export function eventTable(events, show) {
  if (!events.length) return h("p", { class: "empty" }, t("events.none"));
  const list = h("ol", { class: "events", tabindex: 0, "aria-label": t("session.events") });
  const draw = (bursts) => fill(list, withoutRepeats(events).filter(({ name }) => bursts || name !== "burst").map((event) => eventRow(event, show)));
  const toggle = button(t("events.bursts"), () => {
    const on = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(on));
    draw(on);
  }, { class: "quiet", "aria-pressed": "false", hidden: !events.some(({ name }) => name === "burst") });
  draw(false);
  return h("div", {}, toggle, list);
}

function eventRow(event, show) {
  return h("li", { class: `event tone-${eventTone(event)}`, data: { event: event.name } }, icon(eventIcon(event)),
    button(eventText(event), () => show(event), { class: "event-text link" }), h("time", {}, duration(event.t)));
}

function value(number_, unit) {
  return unit === "deg" ? quantity(number_, unit, 1) : `${plain(number_)}${unit && unit !== "1" ? ` ${unit}` : ""}`;
}

function interval({ low, high, unit }) {
  if (!Number.isFinite(low) || !Number.isFinite(high) || low === high) return null;
  return h("span", { class: "hint" }, " ", t("metric.interval", { low: value(low, unit), high: value(high, unit) }));
}
