// A canvas that keeps the sharpness of the screen and knows its size in CSS pixels.

import { h } from "./dom.js";

export class Surface {
  /** label: what a screen reader says the picture is. */
  constructor(className, label) {
    this.element = h("canvas", { class: className, role: "img", "aria-label": label });
    this.context = this.element.getContext("2d");
    this.width = 0;
    this.height = 0;
    this.observer = new ResizeObserver(([entry]) => this.#resize(entry.contentRect));
    this.observer.observe(this.element);
  }

  /** Return the context, cleared and scaled to CSS pixels, or null while nothing is visible. */
  begin() {
    if (!this.width || !this.height) return null;
    const ratio = devicePixelRatio || 1;
    const width = Math.round(this.width * ratio), height = Math.round(this.height * ratio);
    if (this.element.width !== width || this.element.height !== height) {
      this.element.width = width;
      this.element.height = height;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, this.width, this.height);
    return this.context;
  }

  describe(text) {
    if (this.element.getAttribute("aria-label") !== text) this.element.setAttribute("aria-label", text);
  }

  destroy() {
    this.observer.disconnect();
  }

  #resize(box) {
    this.width = box.width;
    this.height = box.height;
  }
}
