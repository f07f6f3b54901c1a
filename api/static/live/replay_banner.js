// Says loudly that what is shown is a recording, and lets it be stopped.

import { button, h, say } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { every } from "../ui/loop.js";
import { duration, plain } from "../ui/format.js";
import { attempt } from "../ui/notices.js";
import { remove } from "../data/api.js";
import { t } from "../strings.js";
import { STALE_S } from "./freshness.js";

export class ReplayBanner {
  constructor(store) {
    this.store = store;
    this.sentence = h("span", { class: "replay-sentence" }, t("replay.sentence"));
    this.position = h("span", { class: "replay-position" });
    this.progress = h("progress", { max: 1, value: 0, "aria-label": t("replay.banner") });
    this.stop = button(t("replay.stop"), () => this.#stop(), { class: "with-icon" }, icon("stop"));
    this.source = h("a", { hidden: true }, t("replay.source"));
    this.element = h("section", { class: "replay", "aria-label": t("replay.banner"), hidden: true },
      h("b", { class: "replay-word" }, icon("play"), t("replay.banner")), this.sentence, this.progress, this.position,
      this.source, this.stop, h("a", { class: "button", href: "#/live" }, t("replay.live")));
    this.speaking = every(250);
    this.playing = false;
  }

  draw(now) {
    this.element.hidden = !this.store.wanted;
    if (!this.store.wanted || !this.speaking(now)) return;
    const replay = this.store.replay;
    this.stop.hidden = !replay;
    this.progress.hidden = !replay;
    if (replay) {
      this.playing = true;
      const passed = (now - this.store.status.arrivedAt) / 1000;
      const position = Math.min(replay.duration_s, replay.position_s + passed * (replay.speed || 1));
      this.progress.value = replay.duration_s ? position / replay.duration_s : 0;
      say(this.position, t("replay.position", { position: duration(position), duration: duration(replay.duration_s), speed: plain(replay.speed) }));
      this.source.href = `#/sessions/${encodeURIComponent(replay.of)}`;
      this.source.hidden = !replay.of;
      say(this.sentence, t("replay.sentence"));
    } else if (this.playing && !(this.store.age(now) < STALE_S)) {
      say(this.sentence, t("replay.ended"));
      say(this.position, "");
    }
  }

  destroy() {}

  async #stop() {
    const answer = await attempt(this.stop, () => remove(`sessions/${encodeURIComponent(this.store.wanted)}/replay`));
    if (answer) location.hash = "#/live";
  }
}
