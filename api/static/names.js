// How series, segments and sensors are called on the page, and in which order they are shown.

import { has, t } from "./strings.js";

const FIRST = [
  "knee_flexion", "hip_flexion", "trunk_inclination", "trunk_side_inclination", "posture_angle", "ankle_dorsiflexion",
  "elbow_flexion", "shoulder_elevation", "trunk_flexion", "pelvis_tilt", "neck_flexion", "wrist_flexion",
];
const METRICS = [ // a longer name comes before the one it begins with
  "cocontraction_falconer_winter", "cocontraction", "balance", "median_frequency_slope", "activation_mean", "activation_peak",
  "activation_rising", "activation_falling", "onset_difference", "bursts",
];
const PREFIXES = ["truth_", "activation_", "emg_", "quality_", "uncertainty_", "light_"];

/** Split a series name: {kind: "truth", "activation", another of PREFIXES or "", base: "knee_flexion", side: "left" | "right" | ""}. */
export function parts(series) {
  const prefix = PREFIXES.find((p) => series.startsWith(p)) ?? "";
  const rest = series.slice(prefix.length);
  const [, base, side = ""] = rest.match(/^(.*?)(?:_(left|right))?$/);
  return { kind: prefix.slice(0, -1), base, side };
}

/** The name of a measure without its side: "Knee flexion", "Vastus lateralis". */
export function measure(base) {
  return has(`name.${base}`) ? t(`name.${base}`) : words(base);
}

/** The full name of a series: "Knee flexion, left". */
export function seriesName(series) {
  const { base, side } = parts(series);
  return side ? `${measure(base)}, ${t(`side.${side}`)}` : measure(base);
}

/** The name of a metric: "Repetitions", "Co-contraction: Knee, left". */
export function metricName(metric) {
  if (has(`metric.${metric}`)) return t(`metric.${metric}`);
  const kind = METRICS.find((known) => metric.startsWith(`${known}_`));
  return kind ? t(`metric.${kind}`, { of: seriesName(metric.slice(kind.length + 1)) }) : words(metric);
}

/** Words of an identifier: thigh_left -> "Thigh left". */
export function words(identifier) {
  const text = String(identifier).replaceAll("_", " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A segment or joint as people say it: thigh_left -> "left thigh". */
export function spoken(identifier) {
  const { base, side } = parts(identifier);
  return [side, base.replaceAll("_", " ")].filter(Boolean).join(" ");
}

/** Compare two measures by importance, then by name. */
export function byImportance(a, b) {
  const rank = (base) => (FIRST.includes(base) ? FIRST.indexOf(base) : FIRST.length);
  return rank(a) - rank(b) || a.localeCompare(b);
}

/**
 * Put channels or series that belong into one picture together: same measure, left beside right, reference with both.
 * Returns [{base, members: [{...entry, side, kind}]}] in the order of display.
 */
export function grouped(entries) {
  const groups = new Map();
  for (const entry of entries) {
    const { kind, base, side } = parts(entry.name);
    const key = kind && kind !== "truth" ? `${kind}_${base}` : base;
    if (!groups.has(key)) groups.set(key, { key, kind: kind === "truth" ? "" : kind, base, members: [] });
    groups.get(key).members.push({ ...entry, side, kind });
  }
  const order = (member) => ["left", "", "right"].indexOf(member.side) + (member.kind === "truth" ? 10 : 0);
  for (const group of groups.values()) group.members.sort((a, b) => order(a) - order(b));
  return [...groups.values()].sort((a, b) => byImportance(a.base, b.base));
}
