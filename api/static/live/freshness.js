// Says on a panel that what it shows is not the present, and dims it, so that no frozen picture looks live.

import { age } from "../ui/format.js";
import { say } from "../ui/dom.js";
import { t } from "../strings.js";

export const STALE_S = 1;

/**
 * Return a function to call at every picture with the rings that the panel shows.
 * The youngest of them counts. It returns true while they are fresh.
 */
export function freshness(store, element, note) {
  return (now, rings) => {
    const youngest = Math.min(...rings.map((ring) => ring.age(now)), Infinity);
    const late = Number.isFinite(youngest) ? Math.max(youngest, store.age(now)) : Infinity;
    const fresh = late < STALE_S;
    element.classList.toggle("is-stale", !fresh && Number.isFinite(youngest));
    note.hidden = fresh || !Number.isFinite(youngest);
    if (!note.hidden) say(note, store.link.state === "open" ? t("panel.nodata", { age: age(late) }) : t("panel.disconnected"));
    return fresh;
  };
}
