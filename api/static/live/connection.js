// One line at the top of every page: is this live, how old is it, did frames get lost.

import { fill, h, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { every } from "../ui/loop.js";
import { age, number } from "../ui/format.js";
import { t } from "../strings.js";
import { STALE_S } from "./freshness.js";

const ICONS = { live: "streaming", replay: "play", nodata: "stale", waiting: "searching", connecting: "connecting", retrying: "lost", offline: "off" };

/** What is to be said of the connection now: live, replay, nodata, waiting, connecting, retrying or offline. */
export function condition(store, now) {
  if (store.link.state !== "open") return store.link.state;
  const old = store.age(now);
  if (old < STALE_S) return store.wanted ? "replay" : "live";
  if (store.status && !store.status.online) return "offline";
  return Number.isFinite(old) ? "nodata" : "waiting";
}

export class Connection {
  constructor(store) {
    this.store = store;
    this.icon = h("span", { class: "connection-icon" });
    this.text = h("b", { role: "status" });
    this.age = h("span", { class: "connection-age" });
    this.missed = h("span", { class: "connection-missed" });
    this.element = h("div", { class: "connection" }, this.icon, this.text, this.age, this.missed);
    this.speaking = every(200);
  }

  draw(now) {
    if (!this.speaking(now)) return;
    const { store } = this;
    const state = condition(store, now);
    if (this.element.dataset.state !== state) {
      this.element.dataset.state = state;
      fill(this.icon, icon(ICONS[state]));
    }
    const old = store.age(now);
    const wait = store.link.retryAt === null ? 0 : (store.link.retryAt - now) / 1000;
    // Whole seconds, so that a screen reader is not interrupted ten times a second.
    say(this.text, t(`link.${state}`, { n: t("unit.seconds", { n: Math.max(0, Math.ceil(wait)) }), age: age(old < 10 ? Math.floor(old) : old).replace(/[.,]0/, "") }));
    say(this.age, state === "live" || state === "replay" ? t("link.age", { age: age(old) }) : "");
    const { gaps, dropped, malformed } = store.missed;
    const missed = Math.max(gaps, dropped) + malformed; // what the server dropped is missing in the numbers too
    say(this.missed, missed ? t("link.missed", { n: number(missed) }) : "");
    this.missed.title = t("link.missed.title", { gaps: number(gaps), dropped: number(dropped), malformed: number(malformed) });
  }
}
