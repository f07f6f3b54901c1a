// Numbers and times as people read them.

import { t } from "../strings.js";

const decimals = [0, 1, 2].map((digits) => new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const compact = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

/** A number with fixed decimals; an en dash where there is none. */
export function number(value, digits = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return decimals[digits].format(Object.is(Math.round(value * 10 ** digits), -0) ? 0 : value);
}

/** A number of unknown size with four significant digits. */
export function plain(value) {
  return typeof value === "number" && Number.isFinite(value) ? compact.format(value) : "–";
}

/** A value with the sign or word of its unit: 43°, 12 %, 0.3 V. */
export function quantity(value, unit, digits = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (unit === "deg") return `${number(value, digits)}°`;
  if (unit === "%") return `${number(value, digits)} %`;
  return unit && unit !== "1" ? `${plain(value)} ${unit}` : plain(value);
}

/** The size of EMG: microvolts where the sensor gives volts. */
export function amplitude(value, unit) {
  return unit === "V" && Number.isFinite(value) ? quantity(value * 1e6, "µV") : quantity(value, unit);
}

/** Seconds as 0:07, 12:30 or 1:02:03, with decimals if asked: 0:07.5. */
export function duration(seconds, digits = 0) {
  if (!Number.isFinite(seconds)) return "–";
  const unit = 10 ** digits, shown = Math.max(0, Math.floor((seconds + 0.02 / unit) * unit)); // 89.99 s is 1:30
  const whole = Math.floor(shown / unit), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const two = (n) => String(n).padStart(2, "0");
  const rest = digits ? `.${String(shown % unit).padStart(digits, "0")}` : "";
  return (hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`) + rest;
}

/** An age: tenths while it is young, whole seconds later, minutes after that. */
export function age(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 10) return t("unit.seconds", { n: number(Math.max(0, seconds), 1) });
  if (seconds < 120) return t("unit.seconds", { n: number(seconds) });
  return t("unit.minutes", { n: number(seconds / 60) });
}

/** The time of day of a UTC second. */
export const timeOfDay = (seconds) => clock.format(new Date(seconds * 1000));

/** Date and time of an ISO 8601 string. */
export function dateTime(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "–" : day.format(date);
}
