// Draws the lines of one row of traces: scales, grid, gaps left open.

import { sideColour, theme } from "../ui/theme.js";
import { t } from "../strings.js";

const MARGIN = { left: 38, right: 10, top: 6, bottom: 16 }; // at the type's normal size
const SMALLEST_SPAN = 20; // noise of a resting joint must not fill the picture
const OVERSHOOT = 0.04; // of the span that a line may leave the grid at either end
const HOLE_S = 0.25; // a longer time without a number is drawn as a gap
const SHRINK_AFTER = 180; // pictures, about three seconds

/** The vertical scale: grows at once, shrinks only after a while, so that the picture stays calm. */
export class Range {
  constructor() {
    this.low = NaN;
    this.high = NaN;
    this.roomy = 0;
  }

  include(low, high) {
    if (!(low <= high)) return;
    const middle = (low + high) / 2, half = Math.max(high - low, SMALLEST_SPAN) / 2;
    const step = stepFor(2 * half);
    const room = OVERSHOOT * 2 * half; // one degree below zero does not ask for another thirty
    const wantedLow = Math.floor((middle - half + room) / step) * step, wantedHigh = Math.ceil((middle + half - room) / step) * step;
    const outside = !(low >= this.low - room && high <= this.high + room);
    this.roomy = !outside && wantedHigh - wantedLow < 0.75 * (this.high - this.low) ? this.roomy + 1 : 0;
    if (outside || this.roomy > SHRINK_AFTER) [this.low, this.high, this.roomy] = [wantedLow, wantedHigh, 0];
  }

  get step() {
    return stepFor(this.high - this.low);
  }
}

function stepFor(span) {
  return [5, 10, 15, 20, 30, 45, 60, 90].find((step) => span / step <= 4.01) ?? 10 ** Math.ceil(Math.log10(span / 4));
}

/** Paint the members' rings between end - seconds and end. */
export function paintTrace(context, { width, height }, members, range, end, seconds) {
  if (!Number.isFinite(end)) return;
  const start = end - seconds;
  const spans = members.map(({ ring }) => [ring, ring.since(start - HOLE_S)]);
  let low = Infinity, high = -Infinity;
  for (const [ring, first] of spans) {
    for (let i = first; i < ring.count; i += 1) {
      const value = ring.values[i % ring.capacity];
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  range.include(low, high);
  if (!Number.isFinite(range.low)) return;
  const { scale } = theme();
  const left = MARGIN.left * scale, right = width - MARGIN.right, top = MARGIN.top, bottom = height - MARGIN.bottom * scale;
  const x = (time) => left + (right - left) * (time - start) / seconds;
  const y = (value) => top + (bottom - top) * (range.high - value) / (range.high - range.low);
  paintGrid(context, { left, right, height }, range, y, seconds);
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left + 6, height);
  context.clip();
  members.forEach(({ side, kind }, i) => paintLine(context, ...spans[i], x, y, side, kind === "truth"));
  context.restore();
}

function paintGrid(context, { left, right, height }, range, y, seconds) {
  const { line, inkSoft, font, scale } = theme();
  context.font = `${11 * scale}px ${font}`;
  context.fillStyle = inkSoft;
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let value = range.low; value <= range.high + 0.01; value += range.step) {
    const level = Math.round(y(value)) + 0.5;
    context.beginPath();
    context.moveTo(left, level);
    context.lineTo(right, level);
    context.stroke();
    context.fillText(`${Math.round(value)}°`, left - 6, level);
  }
  context.textBaseline = "alphabetic";
  for (let back = 0; back <= seconds; back += 2) {
    const at = right - (right - left) * back / seconds;
    context.textAlign = back === 0 ? "right" : "center";
    if (back < seconds) context.fillText(back ? `−${back} s` : t("traces.axisNow"), back ? at : at + MARGIN.right - 2, height - 3);
  }
}

function paintLine(context, ring, first, x, y, side, reference) {
  context.strokeStyle = reference ? theme().inkSoft : sideColour(side);
  context.lineWidth = reference ? 1.2 : 2;
  context.setLineDash(reference ? [3, 3] : []);
  context.lineJoin = "round";
  context.beginPath();
  let before = -Infinity, lastX = NaN, lastY = NaN;
  for (let i = first; i < ring.count; i += 1) {
    const slot = i % ring.capacity, value = ring.values[slot], time = ring.times[slot];
    if (value !== value) continue;
    lastX = x(time);
    lastY = y(value);
    if (time - before > HOLE_S) context.moveTo(lastX, lastY);
    else context.lineTo(lastX, lastY);
    before = time;
  }
  context.stroke();
  context.setLineDash([]);
  if (reference || !Number.isFinite(lastX)) return;
  context.fillStyle = sideColour(side);
  context.beginPath();
  context.arc(lastX, lastY, 3, 0, 2 * Math.PI);
  context.fill();
}
