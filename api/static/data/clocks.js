// Two estimates of time: what the gateway's clock shows, and which data time belongs at the right edge of a trace.

const RESET_S = 2; // a larger step is another clock or another session, not jitter
const LEAK_S_PER_S = 0.001; // two crystal clocks differ by less than this
const FOLLOW = 0.05; // of the difference, per message

/**
 * The gateway's clock, from messages stamped by it. The message that was least delayed says most, so the largest
 * offset counts, leaking slowly; the age of a number is then right even where this computer's clock is wrong.
 */
export class GatewayClock {
  offset = null;
  #at = 0;

  observe(gatewaySeconds, nowSeconds) {
    const offset = gatewaySeconds - nowSeconds;
    const leaked = this.offset === null ? -Infinity : this.offset - LEAK_S_PER_S * (nowSeconds - this.#at);
    this.offset = Math.abs(offset - leaked) > RESET_S ? offset : Math.max(offset, leaked);
    this.#at = nowSeconds;
  }

  /** UTC seconds on the gateway's clock, or null before its first message. */
  at(nowSeconds) {
    return this.offset === null ? null : nowSeconds + this.offset;
  }
}

/**
 * The data time that is "now" in a picture: follows the stamps of the frames, smooth where they come in bursts, right
 * for replays at any speed, and walks on when they stop, so that a trace leaves the picture instead of freezing in it.
 */
export class StreamClock {
  offset = null;

  observe(time, nowSeconds) {
    const offset = time - nowSeconds;
    const jumped = this.offset === null || Math.abs(offset - this.offset) > RESET_S;
    this.offset = jumped ? offset : this.offset + FOLLOW * (offset - this.offset);
  }

  at(nowSeconds) {
    return this.offset === null ? NaN : nowSeconds + this.offset;
  }
}
