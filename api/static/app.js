// Starts the page: one store, one socket, one animation loop, and a page per address behind the #.

import { h, fill } from "./ui/dom.js";
import { paintWith } from "./ui/loop.js";
import { noticeRegion } from "./ui/notices.js";
import { askForToken } from "./ui/token_dialog.js";
import { onTokenNeeded } from "./data/api.js";
import { LiveSocket } from "./data/live_socket.js";
import { Store } from "./data/store.js";
import { Connection } from "./live/connection.js";
import { LivePage } from "./live/page.js";
import { SessionsPage } from "./sessions/list.js";
import { t } from "./strings.js";

const store = new Store();
const socket = new LiveSocket(store);
const connection = new Connection(store);
const links = ["live", "sessions", "muscles"].map((name) => h("a", { href: `#/${name}`, data: { page: name } }, t(`nav.${name}`)));
const main = h("main", { id: "main", tabindex: -1 });
let page = null, visit = 0;

onTokenNeeded(askForToken);
document.title = t("app.title");
document.body.replaceChildren(
  h("a", { class: "skip", href: "#main", on: { click: skip } }, t("app.skip")),
  h("header", { class: "top" }, h("a", { class: "brand", href: "#/live" }, h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }), t("app.title")),
    h("nav", { "aria-label": t("nav.label") }, links), connection.element),
  main, noticeRegion());

addEventListener("hashchange", route);
route();
paintWith((now) => {
  connection.draw(now);
  page?.draw?.(now);
});

/** Show the page that the address names: #/live, #/live?session=ID, #/sessions, #/sessions/ID, #/muscles, #/muscles/NAME. */
async function route() {
  const [path, query = ""] = (location.hash.slice(1) || "/live").split("?");
  const [, name, id] = path.split("/");
  const mine = ++visit;
  const next = await build(name, id && decodeURIComponent(id), new URLSearchParams(query));
  if (mine !== visit) {
    next.destroy?.();
    return;
  }
  page?.destroy?.();
  page = next;
  fill(main, page.element);
  for (const link of links) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
}

async function build(name, id, query) {
  if (name === "live") {
    follow(query.get("session"));
    return new LivePage(store);
  }
  if (!socket.started) follow(null);
  if (name === "sessions" && id) {
    const { SessionPage } = await import("./sessions/session.js"); // brings the plotting library
    return new SessionPage(id);
  }
  if (name === "sessions") return new SessionsPage();
  if (name === "muscles") {
    const { MusclesPage } = await import("./muscles/page.js");
    return new MusclesPage(store, id);
  }
  return { element: h("p", { class: "empty" }, t("page.unknown")) };
}

/** Keep the connection while the same session is followed, so that its history survives a look at another page. */
function follow(session) {
  if (socket.started && store.wanted === session) return;
  socket.follow(session);
}

function skip(event) {
  event.preventDefault();
  main.focus();
}
