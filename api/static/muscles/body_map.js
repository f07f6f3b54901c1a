// The drawn body from the front and from the back, with a region for every muscle of the guide.

import { seriesName } from "../names.js";
import { t } from "../strings.js";
import { DETAILS, HALF_WIDTH, HEAD, HEIGHT, MUSCLES, OUTLINE, TOP, UNITS_PER_MM } from "./anatomy.js";

const SVG = "http://www.w3.org/2000/svg";
const SIDES = ["left", "right"];
let made = 0;

/** The view that shows a muscle (without its side): "front", "back" or "" if it is not drawn. */
export const viewOf = (muscle) => Object.keys(MUSCLES).find((view) => muscle in MUSCLES[view]) ?? "";

export class BodyMap {
  /** label: what the pictures show, for who does not see them. onPick(muscle with its side): called on a click on a muscle. */
  constructor(label, onPick = null) {
    this.regions = new Map(); // muscle with its side -> path
    this.electrodes = new Map();
    this.views = Object.keys(MUSCLES).map((view) => this.#view(view, label));
    this.element = document.createElement("div");
    this.element.className = "body-map";
    this.element.append(...this.views);
    if (!onPick) return;
    this.element.classList.add("can-pick");
    this.element.addEventListener("click", ({ target }) => {
      if (target.dataset.muscle) onPick(target.dataset.muscle);
    });
  }

  /** Colour a muscle by its activation [fraction]; NaN: it has none. `state`: "on", "off" (not to be read) or "" (not worn). */
  shade(muscle, share, state) {
    const region = this.regions.get(muscle);
    if (!region) return;
    if ((region.dataset.state ?? "") !== state) region.dataset.state = state;
    const percent = Number.isFinite(share) ? Math.round(100 * Math.min(1, Math.max(0, share))) : 0;
    if (region.percent === percent) return;
    region.percent = percent;
    region.style.setProperty("--share", `${percent}%`);
  }

  /** What a screen reader and a pointer that rests on it learn of a muscle. */
  describe(muscle, words) {
    const title = this.regions.get(muscle)?.firstChild;
    if (title && title.textContent !== words) title.textContent = words;
  }

  /** Show both sides of one muscle and where its electrodes go; null: none. guide: {muscle, share}. */
  highlight(guide) {
    for (const [name, region] of this.regions) region.classList.toggle("is-chosen", Boolean(guide) && name.startsWith(`${guide.muscle}_`));
    this.element.classList.toggle("has-chosen", Boolean(guide));
    for (const group of this.electrodes.values()) group.replaceChildren();
    const view = guide && viewOf(guide.muscle);
    if (view) this.electrodes.get(view).append(...electrodes(MUSCLES[view][guide.muscle], guide.share));
  }

  #view(view, label) {
    const title = `body-map-title-${++made}`, words = `body-map-words-${made}`;
    const svg = node("svg", { viewBox: `${-HALF_WIDTH} ${TOP} ${2 * HALF_WIDTH} ${HEIGHT}`, class: `body-view body-${view}`, role: "img", "aria-labelledby": title, "aria-describedby": words });
    const names = Object.keys(MUSCLES[view]);
    svg.append(text("title", t(`map.${view}`), { id: title }), text("desc", label, { id: words }));
    for (const mirrored of [false, true]) {
      const half = node("g", mirrored ? { transform: "scale(-1 1)" } : {});
      half.append(...skin(OUTLINE, 50, 234), node("path", { d: DETAILS[view].join(""), class: "body-detail" }));
      for (const name of names) half.append(this.#region(name, sideOf(view, mirrored), MUSCLES[view][name].d));
      half.append(...skin(HEAD, 3, 60));
      svg.append(half);
    }
    const group = node("g", { class: "electrodes", "aria-hidden": "true" });
    this.electrodes.set(view, group);
    svg.append(group, text("text", t(`map.${view}.short`), { x: 0, y: HEIGHT + TOP - 3, class: "body-name", "aria-hidden": "true" }), ...SIDES.map((side) => text("text", t(`map.${side}`), { x: (side === sideOf(view, false) ? 1 : -1) * 72, y: 60, class: `body-side side-${side}`, "aria-hidden": "true" })));
    return svg;
  }

  #region(name, side, d) {
    const muscle = `${name}_${side}`, region = node("path", { d, class: `muscle-region side-${side}` });
    region.dataset.muscle = muscle;
    region.append(text("title", seriesName(`emg_${muscle}`)));
    this.regions.set(muscle, region);
    return region;
  }
}

/** A filled half that reaches a little beyond the middle, so that no seam shows, and its edge without the middle. */
function skin(d, top, bottom) {
  return [node("path", { d: `${d}L-1 ${bottom}L-1 ${top}Z`, class: "body-skin" }), node("path", { d, class: "body-edge" })];
}

/** From the front one sees the wearer's left on one's right. */
function sideOf(view, mirrored) {
  return (view === "front") === mirrored ? "right" : "left";
}

/** The line between two landmarks and the two electrodes on it, on both sides of the body. */
function electrodes({ a, b, at, turn = 0 }, share) {
  const point = at ?? [0, 1].map((i) => a[i] + (share ?? 0.5) * (b[i] - a[i]));
  const angle = Math.atan2(b[1] - a[1], b[0] - a[0]) + turn * Math.PI / 180, half = 10 * UNITS_PER_MM;
  const [dx, dy] = [half * Math.cos(angle), half * Math.sin(angle)];
  return [1, -1].map((sign) => {
    const group = node("g", { transform: `scale(${sign} 1)` });
    group.append(node("path", { class: "landmark-line", d: `M${a}L${b}` }),
      ...[a, b].map(([cx, cy]) => node("circle", { class: "landmark", cx, cy, r: 1.6 })),
      ...[-1, 1].map((end) => node("circle", { class: "electrode", cx: point[0] + end * dx, cy: point[1] + end * dy, r: 2 })));
    return group;
  });
}

function node(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function text(tag, words, attributes = {}) {
  const element = node(tag, attributes);
  element.textContent = words;
  return element;
}
