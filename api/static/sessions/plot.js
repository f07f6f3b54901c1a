// One plot of a measure: a line where every sample is shown, a band of lowest and highest value where samples were too many.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { fill, h, say } from "../ui/dom.js";
import { duration, quantity } from "../ui/format.js";
import { sideColour, theme } from "../ui/theme.js";
import { t } from "../strings.js";

const HEIGHT = 132;
const TIME_STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]; // [s]
const GAP_STEPS = 3; // so many steps without a point are a gap, not a slow line
export const AXIS_WIDTH = 48;

export class Plot {
  constructor(name, members, onZoom, onWhole) {
    this.members = members;
    this.onZoom = onZoom;
    this.onWhole = onWhole;
    this.readings = members.map((member) => h("span", { class: `reading${member.kind === "truth" ? " is-reference" : members.length === 1 ? " is-single" : ""}` }, swatch(member), h("span", {}, memberName(member)), h("b", {}, "")));
    this.canvas = h("div", { class: "plot-canvas" });
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.element = h("div", { class: "plot", role: "group", "aria-label": name }, h("div", { class: "trace-head" }, h("h3", {}, name), h("div", { class: "readings" }, this.readings)), this.canvas, this.problem);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.chart?.redraw(false);
    this.dark.addEventListener("change", this.repaint);
  }

  destroy() {
    this.dark.removeEventListener("change", this.repaint);
    this.chart?.destroy();
  }

  /** tables: answers of the series endpoint, one per member. */
  show(tables, from, to, width) {
    this.problem.hidden = true;
    this.view = [from, to];
    const columns = tables.map((table) => withGaps(table.t, table.value ? [table.value] : [table.min, table.max]));
    const data = columns.length === 1 ? columns[0] : uPlot.join(columns);
    const banded = tables.map(({ value }) => !value);
    this.canvas.dataset.points = tables[0].t.length;
    this.canvas.dataset.banded = banded.some(Boolean);
    if (this.chart && this.banded === banded.join()) {
      this.chart.setData(data, false);
      this.chart.setScale("x", { min: from, max: to });
      this.chart.redraw(true, true);
      return;
    }
    this.banded = banded.join();
    this.chart?.destroy();
    fill(this.canvas);
    this.chart = new uPlot(this.#options(banded, width), data, this.canvas);
  }

  fail(reason) {
    this.problem.hidden = false;
    say(this.problem, t("session.series.failed", { reason }));
  }

  resize(width) {
    if (this.chart && width && this.chart.width !== width) this.chart.setSize({ width, height: HEIGHT });
  }

  #options(banded, width) {
    const series = [{}], bands = [];
    this.members.forEach((member, i) => {
      const stroke = () => colour(member);
      const style = { stroke, width: banded[i] ? 1 : 1.6, points: { show: false }, dash: member.kind === "truth" ? [4, 3] : undefined };
      series.push({ label: memberName(member), ...style });
      if (!banded[i]) return;
      series.push({ label: memberName(member), ...style });
      bands.push({ series: [series.length - 1, series.length - 2], fill: () => `${colour(member)}55` });
    });
    const axis = { stroke: () => theme().inkSoft, font: `${11 * theme().scale}px ${theme().font}`, grid: { stroke: () => theme().line, width: 1 }, ticks: { show: false } };
    const unit = this.members[0].unit;
    return {
      width: width || 600, height: HEIGHT, legend: { show: false }, padding: [6, 8, 0, 0], series, bands, pxAlign: 1,
      scales: { x: { time: false, range: () => this.view }, y: { range: padded } },
      axes: [{ ...axis, size: 22, incrs: TIME_STEPS, values: (_, ticks) => ticks.map((at) => duration(at, decimals(ticks))) }, { ...axis, size: AXIS_WIDTH, values: (_, ticks) => ticks.map((at) => (unit === "deg" ? `${at}°` : String(+at.toPrecision(6)))) }],
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, sync: { key: "session", filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } }, bind: { dblclick: () => () => this.onWhole() } },
      hooks: { setSelect: [(chart) => this.#selected(chart)], setCursor: [(chart) => this.#read(chart, banded)] },
    };
  }

  #selected(chart) {
    const { left, width } = chart.select;
    if (width < 4) return;
    const from = chart.posToVal(left, "x"), to = chart.posToVal(left + width, "x");
    chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.onZoom(from, to);
  }

  #read(chart, banded) {
    const { idx } = chart.cursor;
    let column = 1;
    this.members.forEach(({ unit }, i) => {
      const values = chart.data.slice(column, (column += banded[i] ? 2 : 1)).map((values) => values[idx]);
      const known = idx !== null && idx !== undefined && values.every((value) => Number.isFinite(value));
      say(this.readings[i].lastChild, known ? [...new Set(values.map((value) => quantity(value, unit, unit === "deg" ? 0 : 2)))].join(" … ") : "");
    });
  }
}

/** Put a null between points that are far apart, so that the plot shows a gap. Returns [t, ...columns]. */
export function withGaps(times, columns) {
  const steps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
  const limit = GAP_STEPS * (steps[Math.floor(steps.length / 2)] ?? Infinity);
  const out = [[], ...columns.map(() => [])];
  times.forEach((time, i) => {
    if (i && time - times[i - 1] > limit) {
      out[0].push((time + times[i - 1]) / 2);
      columns.forEach((_, c) => out[c + 1].push(null));
    }
    out[0].push(time);
    columns.forEach((values, c) => out[c + 1].push(values[i]));
  });
  return out;
}

function padded(_, low, high) {
  if (low === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const room = Math.max((high - low) * 0.08, 1e-6);
  return [low - room, high + room];
}

/** How many decimals tell these ticks apart [s]. */
const decimals = (ticks) => [0, 1, 2].find((digits) => ticks.every((at) => Math.abs(at * 10 ** digits - Math.round(at * 10 ** digits)) < 1e-6)) ?? 3;
const colour = (member) => (member.kind === "truth" ? theme().inkSoft : sideColour(member.side));
const memberName = (member) => (member.kind === "truth" ? t("traces.reference") : member.side ? t(`side.${member.side}`) : "");

function swatch(member) {
  const line = h("i", { class: "swatch", "aria-hidden": "true" });
  if (member.kind !== "truth") line.style.borderColor = `var(--${member.side || "middle"})`;
  return line;
}
