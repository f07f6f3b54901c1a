// Builds elements. Text goes in as text nodes only, so nothing that comes from a sensor, a file or a person is ever read as markup.

/**
 * Create an element.
 * props: attributes by name; `class`, `on` ({event: listener}) and `data` ({key: value}) are special; null and false are left out.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Replace everything inside an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Set the text of an element only when it differs: writing equal text still costs a layout. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set or remove an attribute only when it differs. */
export function mark(element, name, value) {
  if (value === null || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** A button with a label and, if given, an icon before it. */
export function button(label, onClick, props = {}, icon = null) {
  return h("button", { type: "button", ...props, on: { click: onClick } }, icon, label);
}

/** A titled panel; `body` is where its owner draws. */
export function panel(title, className, ...tools) {
  const heading = h("h2", {}, title);
  const note = h("p", { class: "panel-note", hidden: true });
  const body = h("div", { class: "panel-body" });
  const element = h("section", { class: `panel ${className}`, "aria-label": title },
    h("header", { class: "panel-head" }, heading, h("div", { class: "panel-tools" }, ...tools)), body, note);
  return { element, body, note, heading };
}

function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}
