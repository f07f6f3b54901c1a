// The overview of a session: one plot per measure on a common time line, zoomed by dragging, fetched at the width of the screen.

import { button, fill, h, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { duration, number } from "../ui/format.js";
import { get } from "../data/api.js";
import { grouped, measure } from "../names.js";
import { t } from "../strings.js";
import { Plot } from "./plot.js";
import { EventTrack } from "./event_track.js";

const AT_ONCE = 4; // requests under way
const SHOWN_AT_FIRST = 6;
const SHORTEST_S = 0.2;
const AROUND_EVENT_S = 3;

export class Plots {
  constructor(path, series, events, end) {
    this.path = path;
    this.end = end;
    this.range = [0, end];
    this.groups = grouped(series.filter(({ topic }) => topic !== "orientation"));
    const first = this.groups.filter(({ kind }) => kind === "" || kind === "activation").slice(0, SHOWN_AT_FIRST);
    this.shown = new Set((first.length ? first : this.groups.slice(0, SHOWN_AT_FIRST)).map(({ key }) => key));
    this.plots = new Map();
    this.track = new EventTrack(events, (event) => this.showEvent(event));
    this.area = h("div", { class: "plots", role: "group", "aria-label": t("session.plots") });
    this.rangeText = h("span", { class: "range", role: "status" });
    const tool = (key, symbol, act) => button("", act, { class: "icon-only", title: t(`session.zoom.${key}`), "aria-label": t(`session.zoom.${key}`) }, icon(symbol));
    this.element = h("div", {},
      h("div", { class: "plot-tools" },
        tool("in", "zoom_in", () => this.#scale(0.5)), tool("out", "zoom_out", () => this.#scale(2)),
        tool("left", "left", () => this.#shift(-0.5)), tool("right", "right", () => this.#shift(0.5)),
        tool("whole", "whole", () => this.zoom(0, this.end)), this.rangeText, this.#chooser()),
      this.track.element, this.area, h("p", { class: "hint" }, t("session.zoom.hint")));
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.area);
    this.#arrange();
  }

  destroy() {
    this.aborter?.abort();
    this.observer.disconnect();
    for (const plot of this.plots.values()) plot.destroy();
  }

  /** Show the time from `from` to `to` in seconds from the start. */
  zoom(from, to) {
    const span = Math.min(this.end, Math.max(SHORTEST_S, to - from));
    const start = Math.min(Math.max(0, from), this.end - span);
    this.range = [start, start + span];
    this.#load();
  }

  showEvent({ t: start, end }) {
    this.zoom(start - AROUND_EVENT_S, (end ?? start) + AROUND_EVENT_S);
  }

  #scale(factor) {
    const middle = (this.range[0] + this.range[1]) / 2, half = (this.range[1] - this.range[0]) / 2 * factor;
    this.zoom(middle - half, middle + half);
  }

  #shift(share) {
    const step = (this.range[1] - this.range[0]) * share;
    this.zoom(this.range[0] + step, this.range[1] + step);
  }

  #chooser() {
    const boxes = this.groups.map(({ key, kind, base }) => h("label", {},
      h("input", { type: "checkbox", name: key, checked: this.shown.has(key), on: { change: (event) => this.#choose(key, event.target.checked) } }),
      groupName({ kind, base })));
    return h("details", { class: "chooser" }, h("summary", {}, t("session.choose")), h("div", { class: "choices" }, boxes));
  }

  #choose(key, on) {
    if (on) this.shown.add(key);
    else this.shown.delete(key);
    this.#arrange();
  }

  #arrange() {
    const wanted = this.groups.filter(({ key }) => this.shown.has(key));
    for (const [key, plot] of this.plots) if (!this.shown.has(key)) {
      plot.destroy();
      this.plots.delete(key);
    }
    for (const group of wanted) if (!this.plots.has(group.key)) this.plots.set(group.key, new Plot(groupName(group), group.members, (from, to) => this.zoom(from, to), () => this.zoom(0, this.end)));
    fill(this.area, wanted.map(({ key }) => this.plots.get(key).element));
    this.#load();
  }

  #resize() {
    for (const plot of this.plots.values()) plot.resize(this.area.clientWidth);
  }

  /** Fetch what is in view, a few series at a time; a newer view ends the requests of the one before. */
  async #load() {
    this.aborter?.abort();
    const { signal } = (this.aborter = new AbortController());
    const [from, to] = this.range;
    this.track.show(from, to);
    const digits = to - from < 10 ? 1 : 0;
    say(this.rangeText, t("session.zoom.range", { from: duration(from, digits), to: duration(to, digits), span: number(to - from, digits) }));
    const queue = [...this.plots.values()];
    const points = Math.max(200, Math.min(1500, Math.round(this.area.clientWidth || 800)));
    const worker = async () => {
      for (let plot = queue.shift(); plot; plot = queue.shift()) await this.#fetch(plot, from, to, points, signal);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  async #fetch(plot, from, to, points, signal) {
    try {
      const tables = await Promise.all(plot.members.map(({ name }) =>
        get(`${this.path}/series/${encodeURIComponent(name)}`, { from, to, max_points: points }, signal)));
      if (!signal.aborted) plot.show(tables, from, to, this.area.clientWidth);
    } catch (error) {
      if (error.name !== "AbortError" && !signal.aborted) plot.fail(error.message);
    }
  }
}

function groupName({ kind, base }) {
  return kind === "activation" ? `${measure(base)}, ${t("bars.title").toLowerCase()}` : kind ? `${measure(base)}, ${kind === "emg" ? "EMG" : kind}` : measure(base);
}
