// The colours of the style sheet for what is drawn on canvas, and how wide a device pixel is.

const NAMES = ["ink", "ink-soft", "ink-faint", "pale", "line", "surface", "ground", "accent", "left", "right", "middle", "warn", "bad", "good"];
let colours = null;

// The widths are those of base.css at which the type grows.
for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(min-width: 120rem)", "(min-width: 160rem)"]) {
  matchMedia(query).addEventListener("change", () => { colours = null; });
}

/** Return {ink, inkSoft, left, right, ...} of the theme in force, its font, and the scale of its type (1 on a laptop). */
export function theme() {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries(NAMES.map((name) => [camel(name), style.getPropertyValue(`--${name}`).trim()]));
    colours.scale = parseFloat(style.fontSize) / 16;
    colours.font = style.getPropertyValue("--font").trim();
  }
  return colours;
}

/** Return the colour that stands for a side of the body everywhere on the page. */
export function sideColour(side) {
  return side === "left" ? theme().left : side === "right" ? theme().right : theme().middle;
}

export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

function camel(name) {
  return name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}
