// What the page knows of the live session. The socket writes it, the panels read it; nothing here touches the page or a clock.
//
// `revision` counts changes per subject, so that a panel redraws its words only when its subject changed.

import { Rings } from "./rings.js";
import { GatewayClock, StreamClock } from "./clocks.js";
import { Story } from "./story.js";

const SEQUENCE_SPAN = 2 ** 32;

export class Store {
  constructor() {
    this.rings = new Rings();
    this.link = { state: "connecting", retryAt: null };
    this.missed = { gaps: 0, dropped: 0, malformed: 0 };
    this.revision = { hello: 0, link: 0, channels: 0, status: 0, events: 0, session: 0 };
    this.gateways = new Map();
    this.version = null;
    this.follow(null);
  }

  /** Forget the live session: another one (an id), or the gateway's current one (null), is followed from here on. */
  follow(wanted) {
    this.wanted = wanted;
    this.session = null;
    this.story = new Story();
    this.rings.clear();
    this.stream = new StreamClock();
    this.clock = new GatewayClock();
    this.lastMotionAt = -Infinity;
    this.lastMotionTime = NaN;
    this.lastMessageAt = -Infinity;
    this.sequence = null;
    this.#changed("channels", "events", "session", "status");
  }

  setLink(state, retryAt = null) {
    this.link = { state, retryAt };
    if (state !== "open") this.sequence = null;
    this.#changed("link");
  }

  /** Take one text message. */
  take(message, now) {
    this.lastMessageAt = now;
    if (message.hello) this.#hello(message.hello, now);
    if (message.session !== undefined) this.#setSession(message.session);
    if (message.channels) {
      this.rings.configure(message.channels);
      this.#changed("channels");
    }
    if (message.status) this.#status(message.status, now);
    if (message.event) this.#tell([message.event]);
    if (Number.isFinite(message.dropped)) this.missed.dropped += message.dropped;
  }

  /** Take one binary message. */
  takeFrame(buffer, now) {
    this.lastMessageAt = now;
    const frame = this.rings.write(buffer, now);
    if (!frame) {
      this.missed.malformed += 1;
      return;
    }
    this.countSequence(frame.sequence);
    if (!frame.motion) return;
    this.lastMotionAt = now;
    this.lastMotionTime = frame.time;
    this.stream.observe(frame.time, now / 1000);
  }

  /** Count the frames that never came between the last sequence number and this one. */
  countSequence(sequence) {
    if (this.sequence !== null) {
      const missing = (sequence - this.sequence - 1 + SEQUENCE_SPAN) % SEQUENCE_SPAN;
      if (missing < SEQUENCE_SPAN / 2) this.missed.gaps += missing;
    }
    this.sequence = sequence;
  }

  /** Take the whole history of the followed session: events {t (UTC s), end, name, data}. */
  recall(history) {
    this.story.replace(history);
    this.#changed("events");
  }

  /** The status of the gateway that makes the followed session, or of the first one. */
  get status() {
    const all = [...this.gateways.values()];
    return all.find(({ session, replays = [] }) => session === this.session || replays.some(({ id }) => id === this.session)) ?? all[0] ?? null;
  }

  /** Which gateway a command is for, as a query of the API. */
  get room() {
    return { gateway: this.status?.gateway };
  }

  /** The replay that is followed, as the gateway reports it, or null. */
  get replay() {
    return this.status?.replays?.find(({ id }) => id === this.session) ?? null;
  }

  /**
   * How old the picture is [s]: since the newest number came, and never less than its own stamp says, so that frames
   * that come late do not pass as live. (A replay's stamps may be of another day: then only the arrival counts.)
   */
  age(now) {
    const arrival = (now - this.lastMotionAt) / 1000;
    const gatewayNow = this.clock.at(now / 1000);
    if (this.wanted || gatewayNow === null || !Number.isFinite(arrival)) return arrival;
    return Math.max(arrival, gatewayNow - this.lastMotionTime);
  }

  #hello({ version, session, channels = [], gateways = [] }, now) {
    this.version = version;
    this.#setSession(session);
    this.rings.configure(channels);
    this.gateways = new Map();
    for (const status of gateways) this.#status(status, now);
    this.#changed("hello", "channels", "status");
  }

  #setSession(session) {
    if (session === this.session) return;
    this.session = session;
    this.story.clear();
    this.sequence = null;
    this.rings.unbind(); // its frames are numbered by a list that is still to come
    this.#changed("session", "events");
  }

  #status(status, now) {
    const earlier = this.gateways.get(status.gateway) ?? {};
    this.gateways.set(status.gateway, { ...(status.online ? {} : earlier), ...status, arrivedAt: now });
    if (status.online && Number.isFinite(status.t)) this.clock.observe(status.t / 1e9, now / 1000);
    this.#changed("status");
  }

  #tell(events) {
    this.story.add(events);
    this.#changed("events");
  }

  #changed(...subjects) {
    for (const subject of subjects) this.revision[subject] += 1;
  }
}

/** Return a function that says whether one of these subjects changed since it was last asked. */
export function watch(store, ...subjects) {
  let seen = null;
  return () => {
    const now = subjects.map((subject) => store.revision[subject]).join();
    if (now === seen) return false;
    seen = now;
    return true;
  };
}
