// One recorded session: what it is, its plots, its numbers with their quality, and what can be done with it.

import { button, fill, h, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { dateTime, duration } from "../ui/format.js";
import { attempt, notify } from "../ui/notices.js";
import { download, get, post } from "../data/api.js";
import { words } from "../names.js";
import { has, t } from "../strings.js";
import { stateChip } from "./list.js";
import { Plots } from "./plots.js";
import { eventTable, metricsReport, qualityReport } from "./report.js";

const SPEEDS = [0.5, 1, 2, 4];

export class SessionPage {
  constructor(id) {
    this.path = `sessions/${encodeURIComponent(id)}`;
    this.id = id;
    this.gone = false;
    this.title = h("h1", {}, t("session.loading"));
    this.facts = h("p", { class: "session-facts" });
    this.note = h("p", { class: "session-note", hidden: true });
    this.speed = h("select", { "aria-label": t("session.speed") }, SPEEDS.map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed}×`)));
    this.replay = button(t("session.replay"), () => this.#replay(), { class: "primary with-icon" }, icon("play"));
    this.plots = h("div", { class: "session-plots" }, h("p", { class: "empty" }, t("session.loading")));
    this.metrics = h("div", {}, h("p", { class: "empty" }, t("session.metrics.loading")));
    this.quality = h("div", {});
    this.events = h("div", {});
    this.sensors = h("ul", { class: "plain-list" });
    const exports = ["csv", "parquet"].map((format) => {
      const control = button(t(`session.export.${format}`), () => this.#export(control, format), { class: "with-icon" }, icon("download"));
      return control;
    });
    const section = (key, ...content) => h("section", { class: "panel", "aria-label": t(`session.${key}`) }, h("header", { class: "panel-head" }, h("h2", {}, t(`session.${key}`))), h("div", { class: "panel-body" }, content));
    this.element = h("div", { class: "page" },
      h("a", { class: "back", href: "#/sessions" }, icon("back"), t("session.back")),
      h("header", { class: "page-head session-head" }, h("div", {}, this.title, this.facts),
        h("div", { class: "session-actions" }, h("span", { class: "joined" }, this.speed, this.replay), h("span", { class: "joined", role: "group", "aria-label": t("session.export") }, exports))),
      this.note,
      h("div", { class: "session-grid" }, section("plots", this.plots),
        h("div", { class: "column" }, section("metrics", this.metrics), section("quality", this.quality), section("events", this.events), section("sensors", this.sensors))));
    this.#load();
  }

  destroy() {
    this.gone = true;
    this.plot?.destroy();
  }

  async #load() {
    try {
      const [info, { series }, { events }] = await Promise.all([get(this.path), get(`${this.path}/series`), get(`${this.path}/events`)]);
      if (this.gone) return;
      this.#introduce(info);
      const end = Math.max(info.duration_s ?? 0, ...series.map(({ t1 }) => t1), 1);
      this.plot = new Plots(this.path, series, events, end);
      fill(this.plots, series.length ? this.plot.element : h("p", { class: "empty" }, t("session.noSeries")));
      fill(this.events, eventTable(events, (event) => this.plot.showEvent(event)));
    } catch (error) {
      if (this.gone) return;
      say(this.title, t("error.title"));
      fill(this.plots, h("p", { class: "problem", role: "alert" }, error.message));
      fill(this.metrics);
      return;
    }
    if (this.recording) fill(this.metrics, h("p", { class: "empty" }, t("session.metrics.recording")));
    else await this.#compute();
  }

  /** Metrics are computed from the raw recording and may take a while; the rest of the page does not wait for them. */
  async #compute() {
    try {
      const { metrics, quality } = await get(`${this.path}/metrics`);
      if (this.gone) return;
      fill(this.metrics, metricsReport(metrics));
      fill(this.quality, qualityReport(quality));
    } catch (error) {
      if (!this.gone) fill(this.metrics, h("p", { class: "problem", role: "alert" }, error.message));
    }
  }

  #introduce({ title, subject, kind, state, started, duration_s: seconds, sensors = [] }) {
    say(this.title, title || t("session.untitled"));
    fill(this.facts, [subject, dateTime(started), duration(seconds ?? NaN), has(`session.kind.${kind}`) ? t(`session.kind.${kind}`) : kind].filter(Boolean).join(" · "), " ", stateChip(state));
    this.recording = state === "recording";
    this.replay.disabled = this.recording;
    this.note.hidden = state === "complete";
    say(this.note, state === "complete" ? "" : t(`session.${state}`));
    fill(this.sensors, sensors.length ? null : h("li", {}, t("session.sensors.none")), sensors.map(({ id, model, segment, channels = {} }) =>
      h("li", {}, h("b", {}, words(id)), " ", [segment && words(segment), ...Object.values(channels).map(words), model].filter(Boolean).join(" · "))));
  }

  async #replay() {
    const answer = await attempt(this.replay, () => post(`${this.path}/replay`, { speed: Number(this.speed.value) }));
    if (answer?.session) location.hash = `#/live?session=${encodeURIComponent(answer.session)}`;
  }

  async #export(control, format) {
    notify(t("session.exporting"));
    await attempt(control, () => download(`${this.path}/export`, { format }, `${this.id}-${format}.zip`));
  }
}
