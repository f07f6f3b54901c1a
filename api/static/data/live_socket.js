// The one connection to /api/v1/live: opens, decodes into the store, and comes back after every loss.

import { readHeader } from "./rings.js";
import { token, wasRefused } from "./api.js";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
const SILENCE_MS = 20_000; // a gateway reports each second; longer silence is a dead connection that nobody closed
const SETTLED_MS = 5_000; // an opened connection that lasts this long counts as a success

export class LiveSocket {
  constructor(store) {
    this.store = store;
    this.socket = null;
    this.started = false;
    this.attempts = 0;
    this.openedAt = 0;
    this.timer = 0;
    this.watchdog = setInterval(() => this.#watch(), 5_000);
    this.wake = () => { if (this.started && !document.hidden && !this.socket) this.#connect(); };
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
  }

  /** Follow a session or replay by its id, or the gateway's current session (null). */
  follow(session) {
    this.store.follow(session);
    this.started = true;
    this.attempts = 0;
    this.#connect();
  }

  close() {
    clearInterval(this.watchdog);
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.#drop();
  }

  #connect() {
    this.#drop();
    const url = new URL("api/v1/live", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (this.store.wanted) url.searchParams.set("session", this.store.wanted);
    if (token()) url.searchParams.set("token", token());
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.openedAt = performance.now(); };
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = () => this.#lost(socket);
    this.socket = socket;
    this.store.setLink("connecting");
  }

  #receive(data) {
    const now = performance.now();
    if (typeof data === "string") {
      const message = JSON.parse(data);
      this.store.take(message, now);
      if (message.hello) this.store.setLink("open");
    } else if (document.hidden) {
      const header = readHeader(data); // nobody looks: keep count of the frames, decode none
      if (header) this.store.countSequence(header.sequence);
    } else this.store.takeFrame(data, now);
  }

  async #lost(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    if (performance.now() - this.openedAt < SETTLED_MS || !this.openedAt) this.attempts += 1;
    else this.attempts = 1;
    this.openedAt = 0;
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.attempts - 1));
    const delay = ceiling * (0.5 + Math.random() / 2);
    this.store.setLink("retrying", performance.now() + delay);
    this.timer = setTimeout(() => this.#connect(), delay);
    // A browser does not say why a WebSocket was refused; plain HTTP does, and asks for the token.
    if (await wasRefused() && !this.socket) this.#connect();
  }

  #watch() {
    if (this.socket?.readyState === WebSocket.OPEN && performance.now() - Math.max(this.store.lastMessageAt, this.openedAt) > SILENCE_MS) this.socket.close();
  }

  #drop() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onclose = socket.onmessage = socket.onopen = null;
      socket.close();
    }
  }
}
