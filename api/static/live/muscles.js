// What is known of a muscle beside its signal: what its activation is a fraction of, and its target. Asked by the panels.

import { grouped } from "../names.js";
import { ofPresent } from "./trust.js";

const EMG = "emg_";

/** The muscles that a sensor gives EMG of, with their sides, in the order of display. */
export function muscles(store) {
  const channels = [...store.rings.byName.values()].filter(({ name }) => name.startsWith(EMG));
  return grouped(channels).flatMap(({ members }) => members.map(({ name }) => name.slice(EMG.length)));
}

/** What a muscle is normalised by: {by: "mvc", "given" or "peak", value, unit, trials}; null where nobody said. */
export function normaliser(store, muscle) {
  const told = store.story.normalisers.get(muscle) ?? null, now = ofPresent(store)?.muscles?.[muscle];
  return now ?? told;
}

/**
 * The target of a muscle: {low, high (fractions, high null for none), hold_s, buzz, state: "out", "in" or "held",
 * seconds in it so far or NaN, last: seconds of the last stay, holds}; null if there is none.
 */
export function target(store, muscle, now) {
  const status = ofPresent(store), told = store.story.zones.get(muscle);
  const set = status?.zones?.find((zone) => zone.muscle === muscle);
  if (!set && (status?.zones || !told)) return null;
  const same = told && (!set || (told.low === set.low && (told.high ?? null) === (set.high ?? null)));
  const state = same ? told.state : set.state ?? "out";
  const seconds = state === "out" ? NaN : Math.max(0, store.stream.at(now / 1000) - (same ? told.since : NaN));
  return { hold_s: NaN, buzz: false, ...(set ?? told), state, seconds, last: same && state === "out" ? told.for_s : NaN };
}
