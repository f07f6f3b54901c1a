// The few icons of the page, drawn here so that they take the colour of the text and need no font.

const SHAPES = {
  streaming: ["M3 8.5l3.5 3.5L13 5"],
  connecting: ["M13 8a5 5 0 1 1-1.6-3.7", "M13 2.5v3h-3"],
  searching: ["M7 12a5 5 0 1 0 0-10 5 5 0 0 0 0 10z", "M10.7 10.7L14 14"],
  stale: ["M8 2.5L14.5 13.5h-13z", "M8 6.5v3.2", "M8 11.6v.2"],
  lost: ["M4 4l8 8", "M12 4l-8 8"],
  off: ["M8 2v6", "M4.6 4.2a5.2 5.2 0 1 0 6.8 0"],
  battery: ["M1.5 5h11v6h-11z", "M14.5 7v2"],
  bolt: ["M9 1.5L4 9h4l-1 5.5L12 7H8z"],
  link: ["M2.5 13v-2", "M6.2 13V9", "M9.8 13V6", "M13.5 13V3"],
  buzz: ["M6 3h4v10H6z", "M3.5 5.5v5", "M12.5 5.5v5", "M1.2 6.8v2.4", "M14.8 6.8v2.4"],
  identify: ["M8 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z", "M8 .8v1.4", "M8 13.8v1.4", "M.8 8h1.4", "M13.8 8h1.4"],
  record: ["M8 12.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9z"],
  stop: ["M4 4h8v8H4z"],
  play: ["M4.5 3l8 5-8 5z"],
  mark: ["M4 14V2.5h8.5L10 5.5l2.5 3H4"],
  upright: ["M8 5.2V14", "M8 3.4v-.1", "M5 14h6"],
  slouching: ["M6 14V9.5c0-2 3-2 4-4.3", "M10.8 3.4v-.1", "M4 14h5"],
  back: ["M10 3L5 8l5 5"],
  download: ["M8 2v8", "M4.5 7L8 10.5 11.5 7", "M2.5 13.5h11"],
  zoom_in: ["M7 12a5 5 0 1 0 0-10 5 5 0 0 0 0 10z", "M10.7 10.7L14 14", "M7 5v4", "M5 7h4"],
  zoom_out: ["M7 12a5 5 0 1 0 0-10 5 5 0 0 0 0 10z", "M10.7 10.7L14 14", "M5 7h4"],
  left: ["M10 3L5 8l5 5"],
  right: ["M6 3l5 5-5 5"],
  whole: ["M2 8h12", "M4.5 5L2 8l2.5 3", "M11.5 5L14 8l-2.5 3"],
};
const FILLED = new Set(["record", "stop", "play", "bolt"]);
const SVG = "http://www.w3.org/2000/svg";

/** Return a new <svg> of that name, hidden from screen readers: the words beside it say the same. */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `${className} icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  for (const d of SHAPES[name] ?? SHAPES.stale) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    if (FILLED.has(name)) path.setAttribute("class", "filled");
    svg.append(path);
  }
  return svg;
}
