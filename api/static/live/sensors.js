// The strip of sensors: what each is, where it sits, and how well its data comes.

import { button, fill, h, mark, panel, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { every } from "../ui/loop.js";
import { age, number } from "../ui/format.js";
import { attempt } from "../ui/notices.js";
import { post } from "../data/api.js";
import { words } from "../names.js";
import { has, t } from "../strings.js";
import { watch } from "../data/store.js";

const LATE_S = 4; // a gateway reports each second; beyond this its report is told as an old one
const FEW = 6; // beyond this, sensors that are well are shown in brief
const LOSS_WARN_PERCENT = 2, RSSI_WARN_DBM = -85, BATTERY_WARN_PERCENT = 15;

/** Whether somebody should look after a sensor. */
export function troubled({ state, loss_percent: loss = 0, battery = null, charging = false }) {
  return state !== "streaming" || loss >= LOSS_WARN_PERCENT || (battery !== null && battery < BATTERY_WARN_PERCENT && !charging);
}

export class Sensors {
  constructor(store) {
    this.store = store;
    this.summary = h("span", { class: "hint" });
    this.late = h("span", { class: "hint problem" });
    this.all = false;
    this.toggle = button("", () => this.#toggle(), { class: "quiet" });
    const { element, body } = panel(t("sensors.title"), "panel-sensors", this.summary, this.late, this.toggle);
    this.element = element;
    this.strip = h("ul", { class: "sensors" });
    this.empty = h("p", { class: "empty", role: "status" });
    this.problems = h("ul", { class: "sensor-problems", role: "status" });
    body.append(this.problems, this.strip, this.empty);
    this.cards = new Map();
    this.changed = watch(store, "status");
    this.ageing = every(500);
  }

  draw(now) {
    if (this.changed()) this.#arrange();
    if (!this.ageing(now)) return;
    const passed = (now - (this.store.status?.arrivedAt ?? now)) / 1000;
    const late = passed > LATE_S;
    this.element.classList.toggle("is-stale", late);
    say(this.late, late ? t("sensors.late", { age: age(passed) }) : "");
    for (const card of this.cards.values()) card.grow(late ? 0 : passed);
  }

  destroy() {}

  #toggle() {
    this.all = !this.all;
    this.#arrange();
  }

  #arrange() {
    const status = this.store.status;
    const sensors = status?.sensors ?? [];
    const many = sensors.length > FEW;
    say(this.summary, sensors.length ? t("sensors.summary", { streaming: sensors.filter(({ state }) => state === "streaming").length, all: sensors.length }) : "");
    this.toggle.hidden = !many;
    say(this.toggle, t(this.all ? "sensors.brief" : "sensors.details"));
    this.toggle.setAttribute("aria-expanded", String(this.all));
    this.strip.classList.toggle("is-dense", many && !this.all);
    fill(this.problems, (status?.problems ?? []).map((problem) => h("li", {}, problem)));
    const ids = new Set(sensors.map(({ id }) => id));
    for (const [id, card] of this.cards) if (!ids.has(id)) {
      card.element.remove();
      this.cards.delete(id);
    }
    sensors.forEach((sensor, i) => {
      const card = this.cards.get(sensor.id) ?? new Card(sensor.id);
      this.cards.set(sensor.id, card);
      if (this.strip.children[i] !== card.element) this.strip.insertBefore(card.element, this.strip.children[i] ?? null);
      card.update(sensor, Boolean(status.online));
      card.element.classList.toggle("is-compact", many && !this.all && !troubled(sensor));
    });
    this.empty.hidden = sensors.length > 0;
    say(this.empty, status && !status.online ? t("sensors.offline") : t("sensors.none"));
  }
}

class Card {
  constructor(id) {
    this.id = id;
    this.name = h("h3", {}, words(id));
    this.place = h("span", { class: "sensor-place" });
    this.state = h("span", { class: "sensor-state" });
    this.battery = h("span", { class: "sensor-battery" });
    this.link = h("span", { class: "sensor-link" });
    this.age = h("span", { class: "sensor-age" });
    this.message = h("p", { class: "sensor-message" });
    const act = (what, body) => {
      const control = button(t(`sensor.${what}`), () => attempt(control, () => post(`sensors/${encodeURIComponent(id)}/${what}`, body)),
        { class: "quiet", title: t(`sensor.${what}`), "aria-label": t(`sensor.${what}.label`, { sensor: words(id) }) });
      control.replaceChildren(icon(what));
      return control;
    };
    this.buzz = act("buzz", { duration_s: 0.5, strength: 0.7 });
    this.identify = act("identify");
    this.element = h("li", { class: "sensor", data: { sensor: id } },
      h("div", { class: "sensor-top" }, this.name, h("div", { class: "sensor-tools" }, this.buzz, this.identify)),
      h("div", { class: "sensor-middle" }, this.state, this.place),
      h("div", { class: "sensor-facts" }, this.battery, this.link, this.age), this.message);
  }

  update(sensor, online) {
    const state = online ? sensor.state : "lost";
    this.sensor = { ...sensor, state };
    if (this.element.dataset.state !== state) {
      this.element.dataset.state = state;
      fill(this.state, icon(state), h("span", {}, has(`sensor.${state}`) ? t(`sensor.${state}`) : words(state)));
    }
    const muscles = Object.values(sensor.channels ?? {}).map(words).join(", ");
    const place = sensor.segment ? words(sensor.segment) : muscles || t("sensor.unplaced");
    say(this.place, [place === this.name.textContent ? null : place, sensor.title].filter(Boolean).join(" · "));
    this.place.title = this.place.textContent;
    this.#battery(sensor);
    this.#link(sensor);
    say(this.message, sensor.message ?? "");
    this.message.hidden = !sensor.message;
    const can = (what) => state === "streaming" && sensor.capabilities?.includes(what);
    this.buzz.hidden = !sensor.capabilities?.includes("haptic");
    this.identify.hidden = !sensor.capabilities?.includes("identify");
    this.buzz.disabled = !can("haptic");
    this.identify.disabled = !can("identify");
    this.grow(0);
  }

  /** Show the age of its data, so many seconds after the gateway last spoke of it. */
  grow(passed) {
    const { age_s: seconds = null, state } = this.sensor;
    say(this.age, seconds === null ? t("sensor.neverSeen") : state === "streaming" && seconds + passed < 2 ? "" : t("sensor.age", { age: age(seconds + passed) }));
  }

  #battery({ battery = null, charging = false }) {
    const low = battery !== null && battery < BATTERY_WARN_PERCENT && !charging;
    const key = battery === null ? "batteryUnknown" : charging ? "charging" : low ? "batteryLow" : "battery";
    const text = t(`sensor.${key}`, { n: number(battery) });
    if (this.battery.dataset.says === text) return;
    this.battery.dataset.says = text;
    this.battery.title = text;
    mark(this.battery, "data-tone", low ? "warn" : null);
    const level = h("i", { class: "battery-level", "aria-hidden": "true" }, h("i"));
    level.firstChild.style.width = `${battery ?? 0}%`;
    fill(this.battery, level, h("span", { class: "visually-hidden" }, text), h("span", { "aria-hidden": "true" }, battery === null ? "–" : charging ? `${number(battery)} % +` : `${number(battery)} %`));
  }

  #link({ loss_percent: loss = 0, rssi = null, received = 0, lost = 0, skipped = 0, state }) {
    const facts = [state === "searching" || !received ? null : t("sensor.loss", { n: number(loss, loss < 9.95 ? 1 : 0) }), rssi === null ? null : t("sensor.rssi", { n: number(rssi) })].filter(Boolean);
    const text = facts.join(", ");
    if (this.link.dataset.says === text) return;
    this.link.dataset.says = text;
    this.link.title = t("sensor.link.title", { received: number(received), lost: number(lost), skipped: number(skipped) });
    mark(this.link, "data-tone", loss >= LOSS_WARN_PERCENT || (rssi !== null && rssi < RSSI_WARN_DBM) ? "warn" : null);
    fill(this.link, facts.map((fact) => h("span", {}, fact)));
  }
}
