// Events in words, with the icon and tone that go with them on every page.

import { quantity } from "../ui/format.js";
import { measure, parts, seriesName, words } from "../names.js";
import { has, t } from "../strings.js";

const ICONS = { burst: "bolt", rep: "whole", slouch: "slouching", upright: "upright", calibrated: "identify", gap: "stale", link: "link", mark: "mark", buzz: "buzz", button: "identify" };
const TONES = { slouch: "warn", gap: "warn", upright: "good", calibrated: "good", mark: "accent", rep: "accent" };

export const eventIcon = (event) => ICONS[event.name] ?? "mark";
export const eventTone = (event) => TONES[event.name] ?? "plain";

/** Return the sentence of an event. */
export function eventText({ name, data = {} }) {
  const key = [`event.${name}.${data.what}`, `event.${name}`].find(has);
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
  });
}
