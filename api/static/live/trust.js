// How far each joint can be trusted. A light says it by colour, shape and word; what is not green also says why.

import { fill, h, mark, panel, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { every } from "../ui/loop.js";
import { measure, parts, spoken } from "../names.js";
import { has, t } from "../strings.js";
import { freshness } from "./freshness.js";

const LIGHTS = ["red", "yellow", "green"]; // as the light_ series number them, the worst first
const ICONS = { red: "lost", yellow: "stale", green: "streaming" };
const ORDER = ["pelvis", "trunk", "neck", "hip", "knee", "ankle", "shoulder", "elbow", "wrist"];
const SLOW_S = 4; // lights and uncertainties come once a second, and up to a second late

/**
 * The light of each joint and its sentence: {knee_left: {light, reason}}; muscles are under emg_<muscle>. Of the present the gateway's status tells them;
 * a replay tells them by its series and events, in which a reason that was given before one looked is not known.
 */
export function lightsOf(store, now) {
  const present = ofPresent(store)?.calibration?.lights;
  if (present && Object.keys(present).length) return present;
  const lights = {};
  for (const { name, ring } of store.rings.byName.values()) {
    if (!name.startsWith("light_") || !(ring.age(now) < SLOW_S)) continue;
    const joint = name.slice("light_".length), light = LIGHTS[ring.value], told = store.story.lights.get(joint);
    if (light) lights[joint] = { light, reason: told?.light === light ? told.reason : "" };
  }
  return lights;
}

/** The status of the gateway if it speaks of the session that is followed, not of another one beside a replay; or null. */
export function ofPresent(store) {
  const { status } = store;
  return status?.online && status.session === store.session ? status : null;
}

/** The standard deviation of an angle [deg]; NaN where it is not known. */
export function uncertainty(store, series, now) {
  const ring = store.rings.byName.get(`uncertainty_${series}`)?.ring;
  return ring && ring.age(now) < SLOW_S ? Math.max(1, ring.value) : NaN;
}

/** The joint that an angle belongs to: knee_flexion_left -> knee_left. Angles against gravity belong to none. */
export function jointOf(series) {
  const { kind, base, side } = parts(series);
  if (kind || base.endsWith("inclination")) return "";
  return [base.split("_")[0], side].filter(Boolean).join("_");
}

/** Let an element show a light; "" for none. Written only when it differs. */
export function shine(element, light, words = "") {
  if ((element.dataset.light ?? "") === light) return;
  element.dataset.light = light;
  if (light) fill(element, icon(ICONS[light] ?? "searching"), words, h("span", { class: "visually-hidden" }, ` ${word(light)}`));
  else fill(element);
}

/** What a reason says beside the name of its joint, which many begin with. */
export function withoutJoint(reason, joint) {
  const name = spoken(joint);
  const after = [`${name}: `, `${name} is `].find((begin) => reason.toLowerCase().startsWith(begin));
  return after ? reason.slice(after.length) : reason;
}

const word = (light) => (has(`trust.${light}`) ? t(`trust.${light}`) : light);

export class Trust {
  constructor(store) {
    this.store = store;
    this.summary = h("span", { class: "hint", role: "status" });
    const { element, body, note } = panel(t("trust.title"), "panel-trust", this.summary);
    this.element = element;
    this.stale = freshness(store, element, note);
    this.joints = h("ul", { class: "trust-joints" });
    this.reasons = h("ul", { class: "trust-reasons" });
    body.append(this.joints, this.reasons);
    this.speaking = every(500);
    this.said = null;
    element.hidden = true;
  }

  draw(now) {
    if (!this.speaking(now)) return;
    const lights = Object.fromEntries(Object.entries(lightsOf(this.store, now)).filter(([name]) => !name.startsWith("emg_"))); // muscles stand with their bars
    this.element.hidden = Object.keys(lights).length === 0;
    this.stale(now, [...this.store.rings.byName.values()].filter(({ topic }) => topic === "joints").map(({ ring }) => ring));
    const said = JSON.stringify(lights);
    if (said !== this.said) this.#say(lights);
    this.said = said;
  }

  destroy() {}

  #say(lights) {
    const entries = Object.entries(lights);
    const kinds = new Map();
    for (const [joint, { light }] of entries) {
      const { base, side } = parts(joint);
      kinds.set(base, [...(kinds.get(base) ?? []), { joint, side, light }]);
    }
    const rank = ([kind]) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);
    say(this.summary, t("trust.summary", { n: entries.filter(([, { light }]) => light === "green").length, all: entries.length }));
    fill(this.joints, [...kinds].sort((a, b) => rank(a) - rank(b)).map(cell));
    fill(this.reasons, sentences(lights).map(({ light, joints, reason }) => h("li", { data: { light } }, badge(light),
      h("span", {}, h("b", {}, joints.length > 2 && joints.length === entries.length ? t("trust.all") : jointNames(joints), ":"), " ", reason))));
    mark(this.reasons, "hidden", this.reasons.childElementCount ? null : "");
  }
}

/** What is not green, the worst first, joints of one reason together: [{light, reason, joints}]. */
function sentences(lights) {
  const found = new Map();
  for (const [joint, { light, reason }] of Object.entries(lights)) {
    if (light === "green") continue;
    const rest = withoutJoint(reason, joint) || word(light).toLowerCase(), key = `${light} ${rest}`;
    if (!found.has(key)) found.set(key, { light, reason: rest, joints: [] });
    found.get(key).joints.push(joint);
  }
  return [...found.values()].sort((a, b) => LIGHTS.indexOf(a.light) - LIGHTS.indexOf(b.light));
}

function jointNames(joints) {
  const names = joints.map(spoken).join(", ");
  return names.charAt(0).toUpperCase() + names.slice(1);
}

function cell([kind, members]) {
  const sided = members.sort((a, b) => a.side.localeCompare(b.side));
  return h("li", { class: "trust-joint" }, h("span", { class: "trust-kind" }, measure(kind)),
    sided.map(({ joint, side, light }) => badge(light, joint, side && t(`side.${side}`))));
}

function badge(light, joint = "", words = "") {
  const element = h("span", { class: "light", data: joint ? { joint } : {} });
  shine(element, light, words);
  return element;
}

