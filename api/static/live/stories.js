// Events in words, with the icon and tone that go with them on every page.

import { amplitude, number, quantity } from "../ui/format.js";
import { measure, parts, seriesName, spoken, words } from "../names.js";
import { has, t } from "../strings.js";
import { withoutJoint } from "./trust.js";

const ICONS = { burst: "bolt", rep: "whole", slouch: "slouching", upright: "upright", calibrated: "identify", gap: "stale", link: "link", mark: "mark", buzz: "buzz", button: "identify", slip: "stale", swap: "stale", mvc: "bolt", rest: "upright", normalised: "bolt", zone: "identify", "zone.held": "streaming", notch: "link", "quality.red": "lost", "quality.yellow": "stale", "quality.green": "streaming" };
const TONES = { slouch: "warn", gap: "warn", upright: "good", calibrated: "good", mark: "accent", rep: "accent", slip: "bad", swap: "bad", mvc: "accent", "zone.held": "good", "quality.red": "bad", "quality.yellow": "warn", "quality.green": "good" };

export const eventIcon = (event) => of(ICONS, event) ?? "mark";
export const eventTone = (event) => of(TONES, event) ?? "plain";

const of = (table, { name, data = {} }) => table[`${name}.${data.light ?? data.state}`] ?? table[name];

/** What comes so often that it is shown only to who asks for it. */
export const isFrequent = ({ name, data = {} }) => name === "burst" || (name === "zone" && data.state !== "held");

/** Leave out what repeats a joint's or muscle's light with another reason, such as a share that changes each second. */
export function withoutRepeats(events) {
  const lights = new Map();
  return events.filter(({ name, data = {} }) => {
    if (name !== "quality") return true;
    const judged = data.joint ?? data.muscle, repeats = lights.get(judged) === data.light;
    lights.set(judged, data.light);
    return !repeats;
  });
}

/** Return the sentence of an event. */
export function eventText({ name, data = {} }) {
  const kind = name === "mvc" && data.value === null ? "none" : data.what ?? data.light ?? data.by ?? data.state;
  const key = [`event.${name}.${kind}`, `event.${name}`].find(has);
  if (!key) return words(name);
  return t(key, {
    muscle: data.muscle ? seriesName(`emg_${data.muscle}`) : "",
    series: data.series ? seriesName(data.series) : measure(parts(name).base),
    range: quantity(data.range_deg, "deg"),
    angle: quantity(data.angle_deg, "deg"),
    segment: data.segment ? words(data.segment) : "",
    sensor: data.sensor ? words(data.sensor) : "",
    state: has(`sensor.${data.state}`) ? t(`sensor.${data.state}`).toLowerCase() : data.state,
    text: data.text,
    worn: sentence([data.segment ?? data.segments ?? data.muscles ?? []].flat().map(spoken).join(` ${t("event.and")} `)),
    degrees: number(data.deg),
    joint: sentence(spoken(data.joint ?? data.muscle ?? "")),
    reason: withoutJoint(data.reason ?? "", data.joint ?? data.muscle ?? ""),
    trial: data.trial,
    value: amplitude(data.value ?? data.rms, data.unit),
    seconds: t("unit.seconds", { n: number(data.for_s, 1) }),
    hz: number(data.hz),
  });
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
