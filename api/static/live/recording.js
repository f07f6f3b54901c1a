// Start and stop a recording, its clock, and marks.

import { button, h, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { every } from "../ui/loop.js";
import { duration } from "../ui/format.js";
import { attempt, notify } from "../ui/notices.js";
import { get, post } from "../data/api.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";

export class Recording {
  constructor(store) {
    this.store = store;
    this.changed = watch(store, "status", "session", "link");
    this.greeted = watch(store, "hello");
    this.ticking = every(250);
    this.session = null; // that is being recorded
    this.started = NaN; // UTC seconds
    const field = (key, name) => h("input", { type: "text", name, maxlength: 120, placeholder: t(`record.${key}.placeholder`), "aria-label": t(`record.${key}`) });
    this.title = field("title", "title");
    this.subject = field("subject", "subject");
    this.text = field("mark", "mark");
    this.text.setAttribute("aria-label", t("record.mark.text"));
    this.start = h("button", { type: "submit", class: "record with-icon" }, icon("record"), t("record.start"));
    this.stop = button(t("record.stop"), () => this.#stop(), { class: "stop with-icon" }, icon("stop"));
    this.setMark = h("button", { type: "submit", class: "with-icon" }, icon("mark"), t("record.mark"));
    this.clock = h("b", { class: "record-clock", role: "timer", "aria-label": t("record.running") }, "0:00");
    this.name = h("span", { class: "record-name" });
    this.idle = h("form", { class: "record-form", on: { submit: (event) => this.#start(event) } }, this.title, this.subject, this.start);
    this.busy = h("form", { class: "record-form is-recording", hidden: true, on: { submit: (event) => this.#mark(event) } },
      h("span", { class: "record-dot", "aria-hidden": "true" }), this.clock, this.name, this.text, this.setMark, this.stop);
    this.element = h("section", { class: "recording", "aria-label": t("record.running") }, this.idle, this.busy);
  }

  draw(now) {
    if (this.changed()) this.#arrange();
    if (this.session && this.ticking(now)) say(this.clock, duration(this.store.clock.at(now / 1000) - this.started));
  }

  destroy() {}

  #arrange() {
    const status = this.store.status;
    const session = status?.online && status.recording ? status.session : null;
    this.element.hidden = Boolean(this.store.wanted);
    this.idle.hidden = Boolean(session);
    this.busy.hidden = !session;
    this.start.disabled = !status?.online;
    if (!session || (session === this.session && !this.greeted())) {
      this.session = session;
      return;
    }
    this.greeted();
    this.session = session;
    this.started = this.store.clock.at(performance.now() / 1000) ?? NaN;
    say(this.name, status.title ?? "");
    this.#recall(session);
  }

  /** Learn when the recording began and what happened before this page came, or while it was not connected. */
  async #recall(session) {
    try {
      const { started, title } = await get(`sessions/${encodeURIComponent(session)}`);
      if (session !== this.session) return;
      this.started = Date.parse(started) / 1000;
      say(this.name, title ?? "");
      const { events } = await get(`sessions/${encodeURIComponent(session)}/events`);
      if (session !== this.store.session) return;
      this.store.recall(events.map((event) => ({ ...event, t: this.started + event.t, end: event.end === null ? null : this.started + event.end })));
    } catch (error) {
      notify(error.message, "bad");
    }
  }

  async #start(event) {
    event.preventDefault();
    const answer = await attempt(this.start, () => post("sessions", { title: this.title.value.trim(), subject: this.subject.value.trim() || null }, this.store.room));
    if (answer) this.title.value = "";
  }

  async #stop() {
    const session = this.session;
    const answer = await attempt(this.stop, () => post(`sessions/${encodeURIComponent(session)}/stop`));
    if (answer) notify("", "good", h("a", { href: `#/sessions/${encodeURIComponent(session)}` }, t("record.saved")));
  }

  async #mark(event) {
    event.preventDefault();
    const answer = await attempt(this.setMark, () => post("marks", { text: this.text.value.trim() || t("record.mark") }, this.store.room), t("record.marked"));
    if (answer) this.text.value = "";
  }
}
