// The moving figure: worn segments in the colour of their side, the others still and pale.

import { button, h, panel } from "../ui/dom.js";
import { Surface } from "../ui/canvas.js";
import { sideColour, theme } from "../ui/theme.js";
import { every } from "../ui/loop.js";
import { number } from "../ui/format.js";
import { words } from "../names.js";
import { t } from "../strings.js";
import { watch } from "../data/store.js";
import { freshness } from "./freshness.js";
import { Headings, pose, SEGMENTS } from "./skeleton.js";

const FRESH_S = 0.7;
const BODY_HEIGHT = 1.86, BODY_WIDTH = 1.1, ARM_SPAN = 1.8, MARGIN = 14; // metres and CSS pixels
const OBLIQUE = 0.33; // the side view looks a little from the front [rad], so that the far leg shows
const LABEL_OFF = 20;
const LABELLED = [["knee", "knee_flexion"], ["elbow", "elbow_flexion"]];
const KEY = "kinestream-view";

export class Figure {
  constructor(store) {
    this.store = store;
    this.view = localStorage.getItem(KEY) === "front" ? "front" : "side";
    this.views = ["side", "front"].map((view) => button(t(`figure.${view}`), () => this.#turn(view), { "aria-pressed": String(view === this.view), data: { view } }));
    const tools = h("div", { class: "segmented", role: "group", "aria-label": t("figure.view") }, this.views);
    const { element, body, note } = panel(t("figure.title"), "panel-figure", tools);
    this.element = element;
    this.surface = new Surface("figure-canvas", t("figure.title"));
    body.append(this.surface.element, h("p", { class: "hint" }, t("figure.hint")));
    this.stale = freshness(store, element, note);
    this.headings = new Headings();
    this.channels = new Map();
    this.changed = watch(store, "channels", "session");
    this.describing = every(1000);
    this.speaking = every(200);
    this.angles = [];
    this.last = 0;
  }

  draw(now) {
    if (this.changed()) this.#bind();
    const measured = this.#measured(now);
    this.stale(now, [...this.channels.values()].map((channels) => channels[0].ring));
    const body = pose(this.headings.align(measured, Math.min(0.5, (now - this.last) / 1000)));
    this.last = now;
    if (this.describing(now)) this.#describe(measured);
    if (this.speaking(now)) this.angles = this.#read(now);
    const context = this.surface.begin();
    if (context) this.#paint(context, body);
  }

  destroy() {
    this.surface.destroy();
  }

  #turn(view) {
    this.view = view;
    localStorage.setItem(KEY, view);
    for (const choice of this.views) choice.setAttribute("aria-pressed", String(choice.dataset.view === view));
  }

  #bind() {
    const { byName } = this.store.rings;
    this.channels = new Map(SEGMENTS
      .map((segment) => [segment, ["w", "x", "y", "z"].map((part) => byName.get(`quat_${segment}_${part}`))])
      .filter(([, channels]) => channels.every(Boolean)));
  }

  #measured(now) {
    const measured = new Map();
    for (const [segment, channels] of this.channels) {
      const quat = channels.map(({ ring }) => ring.value);
      if (quat.every(Number.isFinite) && channels[0].ring.age(now) < FRESH_S) measured.set(segment, quat);
    }
    return measured;
  }

  #describe(measured) {
    const segments = [...measured.keys()].map((segment) => words(segment).toLowerCase()).join(", ") || t("figure.none");
    this.surface.describe(t("figure.label", { view: t(`figure.label.${this.view}`), segments }));
    this.surface.element.dataset.measured = [...measured.keys()].join(" ");
  }

  #paint(context, body) {
    const { width, height } = this.surface;
    const size = Math.min((height - 2 * MARGIN) / BODY_HEIGHT, (width - 2 * MARGIN) / (body.reaching ? ARM_SPAN : BODY_WIDTH));
    const ground = height - MARGIN - 4;
    const front = this.view === "front";
    const [cos, sin] = front ? [0, 1] : [Math.cos(OBLIQUE), Math.sin(OBLIQUE)];
    const project = ([forward, up, right]) => [width / 2 + size * (cos * forward - sin * right), ground - size * up];
    const nearness = ([forward, , right]) => sin * forward + cos * right;
    const depth = ({ from, to }) => nearness(from) + nearness(to);
    this.#floor(context, width / 2, ground, size);
    const parts = [...body.bones].sort((a, b) => a.measured - b.measured || depth(a) - depth(b));
    for (const bone of parts.filter(({ measured }) => !measured)) this.#limb(context, bone, project, size);
    this.#head(context, body.head, project, size);
    for (const bone of parts.filter(({ measured }) => measured)) this.#limb(context, bone, project, size);
    this.#labels(context, body.joints, project, front);
  }

  #floor(context, x, y, size) {
    context.fillStyle = theme().line;
    context.globalAlpha = 0.7;
    context.beginPath();
    context.ellipse(x, y + 4, size * 0.5, 5, 0, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 1;
  }

  #limb(context, { segment, side, from, to, measured, width }, project, size) {
    const a = project(from), b = project(to);
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(...a);
    context.lineTo(...b);
    const thick = Math.max(4, width * size);
    if (measured && side) {
      context.strokeStyle = theme().surface;
      context.lineWidth = thick + 4;
      context.stroke();
    }
    context.strokeStyle = measured ? sideColour(side) : theme().pale;
    context.lineWidth = measured ? thick : thick * 0.8;
    context.stroke();
    if (measured && segment !== "pelvis" && segment !== "trunk") this.#joint(context, a, thick);
  }

  #joint(context, [x, y], thick) {
    context.fillStyle = theme().surface;
    context.beginPath();
    context.arc(x, y, thick * 0.24, 0, 2 * Math.PI);
    context.fill();
  }

  #head(context, { centre, radius, nose, measured }, project, size) {
    const [x, y] = project(centre);
    context.fillStyle = measured ? theme().middle : theme().pale;
    context.beginPath();
    context.ellipse(x, y, radius * 0.78 * size, radius * size, 0, 0, 2 * Math.PI);
    context.fill();
    if (this.view === "front") return;
    const [noseX, noseY] = project(centre.map((part, i) => part + nose[i] * radius * 0.82));
    context.beginPath();
    context.arc(noseX, noseY, radius * 0.16 * size, 0, 2 * Math.PI);
    context.fill();
  }

  /** The angles to be written at the joints: [{joint, side, text}]. */
  #read(now) {
    const sides = ["left", "right"];
    return LABELLED.flatMap(([joint, series]) => sides.map((side) => ({ joint, side, ring: this.store.rings.byName.get(`${series}_${side}`)?.ring })))
      .filter(({ ring }) => ring && Number.isFinite(ring.value) && ring.age(now) < FRESH_S)
      .map(({ joint, side, ring }) => ({ joint, side, text: `${number(ring.value)}°` }));
  }

  /** Write them outside of both joints of a pair, so that neither leg covers them. */
  #labels(context, joints, project, front) {
    context.font = `600 ${13 * theme().scale}px ${theme().font}`;
    context.textBaseline = "middle";
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = theme().surface;
    for (const { joint, side, text } of this.angles) {
      const rightwards = front ? side === "left" : side === "right";
      const pair = ["left", "right"].map((each) => project(joints.get(`${joint}_${each}`)));
      const x = rightwards ? Math.max(pair[0][0], pair[1][0]) + LABEL_OFF * theme().scale : Math.min(pair[0][0], pair[1][0]) - LABEL_OFF * theme().scale;
      const y = pair[side === "left" ? 0 : 1][1];
      context.textAlign = rightwards ? "left" : "right";
      context.strokeText(text, x, y);
      context.fillStyle = sideColour(side);
      context.fillText(text, x, y);
    }
  }
}
