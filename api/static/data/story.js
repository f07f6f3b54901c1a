// The events of the followed session: the newest as a list, and what is counted over all of them, however many there were.

const KEPT = 200;
const OFTEN = { burst: 60, quality: 60, zone: 60 }; // nine muscles burst several times a second and must not push a mark out of the list
const TRIALS = 20; // of a muscle are kept
const SAME_S = 0.005; // the same event, told by the bus and by the store, whose start is rounded to milliseconds

export class Story {
  constructor() {
    this.clear();
  }

  clear() {
    this.events = []; // in order of time
    this.reps = new Map(); // series -> {count, range (deg), at}
    this.lights = new Map(); // joint, or emg_<muscle> -> {light, reason, at}
    this.rests = new Map(); // muscle -> {rms, unit, grade, reason, at}
    this.trials = new Map(); // muscle -> {values, best, unit, again, reason, at} of MVC trials; value null: it did not count
    this.normalisers = new Map(); // muscle -> {by, value, unit, at}
    this.zones = new Map(); // muscle -> {state, low, high, for_s, since (UTC s of the stay), at}
    this.posture = { state: null, threshold: null, upright: null, buzzes: 0, at: -Infinity };
  }

  /** Take events {t (UTC s), end, name, data} as they come; one that is in the list already counts once. */
  add(events) {
    const known = index(this.events);
    const fresh = events.filter((event) => !isIn(known, event));
    for (const event of fresh) this.#count(event);
    const all = [...this.events, ...fresh].sort((a, b) => a.t - b.t);
    const often = Object.entries(OFTEN).flatMap(([often, kept]) => all.filter(({ name }) => name === often).slice(-kept));
    const others = all.filter(({ name }) => !(name in OFTEN)).slice(-KEPT);
    this.events = [...others, ...often].sort((a, b) => a.t - b.t);
  }

  /** Take the whole history of the session, as the store has it, in place of what was heard of it. */
  replace(history) {
    const known = index(history);
    const later = this.events.filter((event) => !isIn(known, event));
    this.clear();
    this.add([...history, ...later]);
  }

  #count({ name, t, end, data = {} }) {
    const at = end ?? t; // what is told of a span is true from its end on
    if (name === "rest") newer(this.rests, data.muscle, { ...data, at });
    else if (name === "mvc") this.#countTrial(at, data);
    else if (name === "normalised") this.#normalise(at, data);
    else if (name === "zone") newer(this.zones, data.muscle, { ...data, since: t, at });
    else if (name === "rep") this.#countRep(t, data);
    else if (name === "quality") this.#judgeJoint(t, data);
    else if (name === "buzz") this.posture.buzzes += 1;
    else if (t >= this.posture.at) this.#judgePosture(name, t, data);
  }

  #countRep(t, { series, range_deg: range }) {
    const { count, range: newest, at } = this.reps.get(series) ?? { count: 0, at: -Infinity };
    this.reps.set(series, t >= at ? { count: count + 1, range, at: t } : { count: count + 1, range: newest, at });
  }

  #judgeJoint(t, { joint, muscle, light, reason = "" }) {
    newer(this.lights, joint ?? `emg_${muscle}`, { light, reason, at: t });
  }

  #countTrial(at, { muscle, value, best, unit, again, reason = "" }) {
    const values = [...(this.trials.get(muscle)?.values ?? []), value].slice(-TRIALS);
    newer(this.trials, muscle, { values: values.filter(Number.isFinite), best, unit, again, reason, refused: !Number.isFinite(value), at });
  }

  #normalise(at, { muscle, by, value, unit, trials }) {
    newer(this.normalisers, muscle, { by, value, unit, trials, at });
    if (by === "peak") this.trials.delete(muscle); // they were forgotten
  }

  #judgePosture(name, t, data) {
    const { posture } = this;
    if (name === "slouch") [posture.state, posture.threshold] = ["slouching", data.threshold_deg ?? posture.threshold];
    else if (name === "upright") posture.state = "upright";
    else if (name === "calibrated" && data.what === "posture") [posture.state, posture.upright] = ["upright", data.upright_deg ?? null];
    else return;
    posture.at = t;
  }
}

const key = ({ name, data = {} }) => `${name} ${data.series ?? data.muscle ?? data.sensor ?? data.text ?? data.joint ?? data.segment ?? data.segments ?? data.muscles ?? ""} ${data.state ?? ""}`;

/** Keep an entry unless a later one is known. */
function newer(map, name, entry) {
  if (!(entry.at < map.get(name)?.at)) map.set(name, entry);
}

function index(events) {
  const times = new Map();
  for (const event of events) {
    if (!times.has(key(event))) times.set(key(event), []);
    times.get(key(event)).push(event.t);
  }
  return times;
}

function isIn(known, event) {
  return (known.get(key(event)) ?? []).some((t) => Math.abs(t - event.t) < SAME_S);
}
