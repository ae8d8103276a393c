// Moments in the reader's zone with UTC beside, durations and sizes: all as the reader's language writes them.

import { h } from "./dom.js";
import { locale, say } from "./words.js";

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
let offset = 0;

/** Keeps to the service's clock: that of the reader's machine may be wrong. */
export function setClock(header) {
  const told = Date.parse(header ?? "");
  if (!Number.isNaN(told) && Math.abs(told - Date.now() - offset) > 1500) offset = told - Date.now();
}

export function now() {
  return Date.now() + offset;
}

export function moment(iso) {
  if (!iso) return say("none");
  const local = written(iso), utc = written(iso, { timeZone: "UTC" });
  if (local === utc) return h("time", { datetime: iso }, `${utc} UTC`);
  const beside = sameDay(iso) ? written(iso, { timeZone: "UTC", dateStyle: undefined }) : utc;
  return h("time", { datetime: iso }, local, " ", h("span", { class: "quiet" }, `(${beside} UTC)`));
}

export function day(iso) {
  if (!iso) return say("none");
  const text = new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(iso));
  return h("time", { datetime: iso }, text);
}

/** As in “13 days, 23 hours”; never more than there is. */
export function left(iso) {
  const seconds = Math.max(0, (Date.parse(iso) - now()) / 1000);
  const parts = [["day", seconds / DAY], ["hour", (seconds % DAY) / HOUR], ["minute", (seconds % HOUR) / MINUTE]];
  const told = parts.map(([unit, amount]) => [unit, Math.floor(amount)]).filter(([, amount]) => amount > 0).slice(0, 2);
  if (!told.length) told.push(["second", Math.floor(seconds)]);
  const shown = told.map(([unit, amount]) => inUnit(amount, unit, "long"));
  return new Intl.ListFormat(locale, { type: "unit", style: "long" }).format(shown);
}

/** As a clock counts, 1:02:03. */
export function elapsed(iso) {
  const seconds = Math.max(0, Math.floor((now() - Date.parse(iso)) / 1000));
  const shown = [Math.floor((seconds % HOUR) / MINUTE), seconds % MINUTE].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(seconds / HOUR);
  return (hours ? [hours, ...shown] : shown).join(":");
}

export function size(bytes) {
  if (bytes === null) return say("none");
  let unit = 0, amount = bytes;
  while (amount >= 1000 && unit < UNITS.length - 1) [amount, unit] = [amount / 1000, unit + 1];
  return inUnit(amount, UNITS[unit], unit ? "short" : "long");
}

function written(iso, otherwise = {}) {
  const style = { dateStyle: "medium", timeStyle: "short", ...otherwise };
  return new Intl.DateTimeFormat(locale, style).format(new Date(iso));
}

function sameDay(iso) {
  const style = { dateStyle: "short" };
  const dayIn = (zone) => new Intl.DateTimeFormat("en", { ...style, ...zone }).format(new Date(iso));
  return dayIn({}) === dayIn({ timeZone: "UTC" });
}

function inUnit(amount, unit, unitDisplay) {
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay, maximumFractionDigits: 1 }).format(amount);
}
