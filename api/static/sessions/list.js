// The list of sessions, searched and read in pages.

import { button, fill, h, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { dateTime, duration, number } from "../ui/format.js";
import { notify } from "../ui/notices.js";
import { get } from "../data/api.js";
import { has, t } from "../strings.js";

const PAGE = 40;
const TYPING_MS = 250;
const COLUMNS = ["title", "subject", "started", "duration", "kind", "state"];

export class SessionsPage {
  constructor() {
    this.query = "";
    this.shown = 0;
    this.request = 0;
    this.count = h("span", { class: "hint", role: "status" });
    this.search = h("input", { type: "search", placeholder: t("sessions.search"), "aria-label": t("sessions.search"), on: { input: () => this.#typed() } });
    this.rows = h("tbody");
    this.table = h("table", { class: "sessions" }, h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col" }, t(`sessions.column.${name}`))))), this.rows);
    this.empty = h("p", { class: "empty", hidden: true });
    this.more = button(t("sessions.more"), () => this.#load(false), { hidden: true });
    this.element = h("div", { class: "page" }, h("header", { class: "page-head" }, h("h1", {}, t("sessions.title")), this.count, this.search), this.table, this.empty, this.more);
    this.#load(true);
  }

  destroy() {
    clearTimeout(this.timer);
    this.request = -1;
  }

  #typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.query = this.search.value.trim();
      this.#load(true);
    }, TYPING_MS);
  }

  async #load(fresh) {
    const mine = ++this.request;
    const offset = fresh ? 0 : this.shown;
    try {
      const { sessions, total } = await get("sessions", { limit: PAGE, offset, q: this.query || null });
      if (mine === this.request) this.#show(sessions, total, fresh);
    } catch (error) {
      if (mine === this.request) notify(error.message, "bad");
    }
  }

  #show(sessions, total, fresh) {
    if (fresh) {
      fill(this.rows);
      this.shown = 0;
    }
    this.rows.append(...sessions.map(row));
    this.shown += sessions.length;
    say(this.count, t(total === 1 ? "sessions.count.one" : "sessions.count", { n: number(total) }));
    this.more.hidden = this.shown >= total;
    this.table.hidden = this.shown === 0;
    this.empty.hidden = this.shown > 0;
    say(this.empty, t(this.query ? "sessions.noMatch" : "sessions.none"));
  }
}

/** The state of a session with its icon: never colour alone. */
export function stateChip(state) {
  const symbol = { recording: "record", complete: "streaming", interrupted: "stale" }[state] ?? "searching";
  return h("span", { class: "chip", data: { state } }, icon(symbol), has(`session.state.${state}`) ? t(`session.state.${state}`) : state);
}

function row({ id, title, subject, kind, state, started, duration_s: seconds }) {
  const cell = (name, ...content) => h("td", { data: { column: name, label: t(`sessions.column.${name}`) } }, content);
  return h("tr", { data: { session: id } },
    cell("title", h("a", { href: `#/sessions/${encodeURIComponent(id)}` }, title || t("session.untitled"))),
    cell("subject", subject ?? ""), cell("started", dateTime(started)), cell("duration", duration(seconds ?? NaN)),
    cell("kind", has(`session.kind.${kind}`) ? t(`session.kind.${kind}`) : kind), cell("state", stateChip(state)));
}
