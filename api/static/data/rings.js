// The newest values of every channel, in columns of typed arrays whose size never changes.
//
// A binary message is little endian: u32 sequence, f64 UTC seconds, u16 first channel, u16 count, then count float32
// (NaN where there is no value). Writing it allocates nothing.

const HEADER_BYTES = 16;
const HISTORY = 4096; // ten seconds at up to 400 Hz
const SHORT_HISTORY = 16; // orientations: only the newest is drawn

/** The values of one channel and their times; the oldest are overwritten. */
export class Ring {
  constructor(capacity) {
    this.capacity = capacity;
    this.times = new Float64Array(capacity);
    this.values = new Float32Array(capacity);
    this.count = 0; // ever written
    this.value = NaN; // newest, NaN included
    this.seenAt = -Infinity; // when a number last came [ms of performance.now()]
  }

  push(time, value, now) {
    const slot = this.count % this.capacity;
    this.times[slot] = time;
    this.values[slot] = value;
    this.count += 1;
    this.value = value;
    if (value === value) this.seenAt = now;
  }

  /** Index of the first sample that is not older than `time`, for use with `at`. */
  since(time) {
    let low = Math.max(0, this.count - this.capacity), high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle % this.capacity] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Seconds since a number last came. */
  age(now) {
    return (now - this.seenAt) / 1000;
  }
}

/** All channels of the followed session, by the index that the hello message gave them. */
export class Rings {
  constructor() {
    this.channels = [];
    this.byName = new Map();
  }

  /** Take the list of channels {index, name, unit, topic}; a channel that keeps its name keeps its past. */
  configure(list) {
    const known = this.byName;
    this.channels = [];
    this.byName = new Map();
    for (const { index, name, unit, topic } of list) {
      const ring = known.get(name)?.ring ?? new Ring(topic === "orientation" ? SHORT_HISTORY : HISTORY);
      const channel = { index, name, unit, topic, ring };
      this.channels[index] = channel;
      this.byName.set(name, channel);
    }
  }

  /** Accept no frame until the next list of channels. */
  unbind() {
    this.channels = [];
  }

  clear() {
    this.channels = [];
    this.byName = new Map();
  }

  /**
   * Write one binary message that came at `now`.
   * Returns {sequence, time, motion}: motion says whether a number came that belongs to a picture of movement or muscle
   * (the slow quality numbers must not make a dead picture look alive). Null for a message of the wrong size.
   */
  write(buffer, now) {
    const header = readHeader(buffer);
    if (!header) return null;
    const { first, count, time } = header;
    const values = new Float32Array(buffer, HEADER_BYTES, count);
    let motion = false;
    for (let i = 0; i < count; i += 1) {
      const channel = this.channels[first + i];
      if (!channel) continue;
      const value = values[i];
      channel.ring.push(time, value, now);
      if (value === value && channel.topic !== "quality") motion = true;
    }
    return { sequence: header.sequence, time, motion };
  }
}

/** Return {sequence, time, first, count} of a binary message, or null if its length is wrong. */
export function readHeader(buffer) {
  if (buffer.byteLength < HEADER_BYTES) return null;
  const view = new DataView(buffer);
  const count = view.getUint16(14, true);
  if (buffer.byteLength !== HEADER_BYTES + 4 * count) return null;
  return { sequence: view.getUint32(0, true), time: view.getFloat64(4, true), first: view.getUint16(12, true), count };
}
