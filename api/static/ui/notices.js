// Short messages at the foot of the page, read out by screen readers; and buttons that say how their request went.

import { h } from "./dom.js";

const SHOWN_MS = 6_000;
const region = h("div", { class: "notices", role: "status", "aria-live": "polite" });

/** Place the region of messages once, at the end of the page. */
export const noticeRegion = () => region;

/** Show a message for a while; `tone` is "good" or "bad". A link may follow the text. */
export function notify(text, tone = "good", link = null) {
  const notice = h("div", { class: `notice tone-${tone}` }, text, link);
  region.append(notice);
  while (region.children.length > 3) region.firstChild.remove();
  setTimeout(() => notice.remove(), tone === "bad" ? 2 * SHOWN_MS : SHOWN_MS);
}

/** Run a request for a button: disabled while it is under way, its failure told in the API's words. Returns the answer or null. */
export async function attempt(control, ask, done = null) {
  control.disabled = true;
  try {
    const answer = await ask();
    if (done) notify(done);
    return answer ?? {};
  } catch (error) {
    notify(error.message, "bad");
    return null;
  } finally {
    control.disabled = false;
  }
}
