// The one animation loop of the page. It draws what is newest, once per screen refresh, and stands still while the page is hidden.

import { reducedMotion } from "./theme.js";

const CALM_INTERVAL_MS = 200;
let draw = null, request = 0, last = -Infinity;

/** Call `painter(now)` for every picture, now in ms of performance.now(); null stops. */
export function paintWith(painter) {
  draw = painter;
  schedule();
}

document.addEventListener("visibilitychange", schedule);

function schedule() {
  cancelAnimationFrame(request);
  if (draw && !document.hidden) request = requestAnimationFrame(step);
}

function step() {
  const now = performance.now();
  if (!reducedMotion.matches || now - last >= CALM_INTERVAL_MS) {
    last = now;
    try {
      draw?.(now);
    } finally {
      schedule(); // one failed picture is reported on the console and must not freeze those after it
    }
  } else schedule();
}

/** Return a function that says at most every `interval` ms that it is time again. */
export function every(interval) {
  let next = -Infinity;
  return (now) => {
    if (now < next) return false;
    next = now + interval;
    return true;
  };
}
