// Asks for the API's token. It cannot be left without one, because nothing works without it.

import { h, say } from "./dom.js";
import { t } from "../strings.js";

/** Show the dialog; resolves with the token that was entered. `again`: the one before was not accepted. */
export function askForToken(again) {
  const input = h("input", { type: "password", name: "token", autocomplete: "off", required: true, "aria-label": t("token.label") });
  const problem = h("p", { class: "problem", role: "alert" });
  if (again) say(problem, t("token.wrong"));
  const form = h("form", { method: "dialog" }, h("h2", {}, t("token.title")), h("p", {}, t("token.text")), input, problem,
    h("button", { type: "submit", class: "primary" }, t("token.enter")));
  const dialog = h("dialog", { class: "token", "aria-label": t("token.title") }, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      dialog.close();
      dialog.remove();
      resolve(input.value.trim());
    });
    dialog.showModal();
    input.focus();
  });
}
