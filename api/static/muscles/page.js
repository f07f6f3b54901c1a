// The electrode guide: muscles in words and in a picture, for who is about to set electrodes, on screen or on paper.

import { button, fill, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { notify } from "../ui/notices.js";
import { get } from "../data/api.js";
import { parts } from "../names.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";
import { BodyMap, viewOf } from "./body_map.js";

const NARROW = matchMedia("(max-width: 48rem)"); // as in muscles.css

export class MusclesPage {
  /** wanted: the muscle to open at once, without its side. */
  constructor(store, wanted = null) {
    this.store = store;
    this.wanted = wanted;
    this.chosen = null;
    this.rows = new Map();
    this.changed = watch(store, "status");
    this.map = new BodyMap(t("guide.map"), (muscle) => this.#choose(parts(muscle).base, true));
    this.list = h("ol", { class: "guide-list" }, h("li", { class: "empty" }, t("session.loading")));
    this.rules = h("section", { class: "panel guide-rules", hidden: true });
    this.picture = h("div", { class: "panel guide-map" }, this.map.element, h("p", { class: "hint" }, t("guide.legend")));
    this.element = h("div", { class: "page guide" },
      h("header", { class: "page-head" }, h("h1", {}, t("guide.title")), h("p", { class: "hint" }, t("guide.hint")),
        button(t("guide.print"), () => print(), { class: "guide-print" })),
      h("div", { class: "guide-grid" }, this.picture,
        h("div", { class: "guide-words" }, this.list, this.rules)));
    this.#load();
  }

  draw() {
    if (this.changed()) this.#markWorn();
  }

  destroy() {
    this.gone = true;
  }

  async #load() {
    try {
      const guide = await get("muscles");
      if (!this.gone) this.#show(guide);
    } catch (error) {
      if (this.gone) return;
      fill(this.list, h("li", { class: "empty" }, error.message));
      notify(error.message, "bad");
    }
  }

  #show({ muscles, preparation, reference, source, spacing_mm: spacing, size_mm: size, checks_verified: checked }) {
    fill(this.list, muscles.map((muscle) => this.#row(muscle, checked)));
    this.rules.hidden = false;
    fill(this.rules, h("h2", {}, t("guide.rules")), h("ol", { class: "numbered" }, preparation.map((step) => h("li", {}, step))),
      facts({ "guide.electrodes": t("guide.size", { spacing, size }), "guide.reference": reference, "guide.source": source }),
      h("p", { class: "hint" }, t("guide.sources")));
    this.#markWorn();
    if (this.rows.has(this.wanted)) this.#choose(this.wanted, true);
  }

  #row(muscle, checked) {
    const id = `guide-${muscle.muscle}`;
    const worn = h("span", { class: "guide-worn" });
    const press = h("button", { type: "button", "aria-expanded": "false", "aria-controls": id, on: { click: () => this.#choose(muscle.muscle) } },
      h("span", { class: "guide-name" }, muscle.name), h("span", { class: "guide-action" }, muscle.action), worn, muscle.verified ? null : unverified());
    const body = h("div", { class: "guide-body", id }, facts({
      "guide.where": sentence(muscle.where), "guide.line": t("guide.between", { a: muscle.line[0], b: muscle.line[1] }), "guide.along": sentence(muscle.along),
      "guide.posture": muscle.posture, "guide.check": checked ? muscle.check : [muscle.check, " ", unverified()],
    }), muscle.verified ? null : h("p", { class: "guide-doubt" }, icon("stale"), " ", t("guide.unverified.text")));
    const element = h("li", { class: "panel guide-row", data: { muscle: muscle.muscle } }, h("h2", {}, press), body);
    this.rows.set(muscle.muscle, { element, press, body, worn, guide: muscle });
    return element;
  }

  #choose(name, scroll = false) {
    this.chosen = this.chosen === name ? null : name;
    for (const [muscle, { element, press }] of this.rows) {
      const chosen = muscle === this.chosen;
      element.classList.toggle("is-chosen", chosen);
      press.setAttribute("aria-expanded", String(chosen));
    }
    const row = this.rows.get(this.chosen);
    this.map.highlight(row?.guide ?? null);
    this.map.element.dataset.view = row ? viewOf(this.chosen) : "";
    (row && NARROW.matches ? row.body : this.picture).prepend(this.map.element); // on a phone beside the words
    if (row && scroll) row.element.scrollIntoView({ block: "nearest" });
  }

  /** Say which muscles have a sensor now. */
  #markWorn() {
    const sides = new Map();
    for (const { channels = {} } of this.store.status?.sensors ?? []) {
      for (const muscle of Object.values(channels)) {
        const { base, side } = parts(muscle);
        sides.set(base, [...(sides.get(base) ?? []), side ? t(`side.${side}`) : t("guide.worn.middle")]);
      }
    }
    for (const [muscle, { worn }] of this.rows) {
      const where = sides.get(muscle);
      fill(worn, where ? h("span", { class: "chip" }, t("guide.worn", { where: where.join(", ") })) : null);
    }
  }
}

const unverified = () => h("span", { class: "chip guide-unverified" }, t("guide.unverified"));

const sentence = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1)}${words.endsWith(".") ? "" : "."}`;

function facts(table) {
  return h("dl", { class: "guide-facts" }, Object.entries(table).flatMap(([key, words]) => [h("dt", {}, t(key)), h("dd", {}, words)]));
}
