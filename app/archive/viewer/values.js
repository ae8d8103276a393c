// How one value is written for people; as it stands in the file it is always shown beside.

import { dated, say } from "./words.js";

const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)? ?(Z|[+-]\d\d(?::?\d\d)?)?)?$/;
const TOKENS = /"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s"{}[\],:]+/gs;

/** A moment in the archive's zone; without an offset as it is written. Null for anything else. */
export function moment(text, zone) {
  const [, day, time, offset] = MOMENT.exec(text) ?? [];
  const at = new Date(`${day}T${time ?? "00:00"}${full(offset)}`);
  if (!day || Number.isNaN(at.getTime())) return null;
  const style = { dateStyle: "medium", timeZone: offset ? usable(zone) : "UTC" };
  return dated(at, time ? { ...style, timeStyle: time.length > 5 ? "medium" : "short" } : style);
}

/** A day as a date, whatever its hour. */
export function dayOf(text) {
  return (text && moment(text.slice(0, 10))) ?? "";
}

export function usable(zone) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone ?? "UTC" }).resolvedOptions().timeZone;
  } catch {
    return "UTC";
  }
}

/** In one short line. */
export function brief([, kind, text], zone) {
  if (kind === "null") return "–";
  if (kind === "boolean") return say(text === "true" ? "yes" : "no");
  const start = text.slice(0, 90);
  const line = (kind === "text" && moment(start, zone)) || start.replace(/\s+/g, " ");
  return text.length > 90 ? `${line} …` : line;
}

/** A column's name as words, as the report has it: `occurred_at` and `occurredAt` are "Occurred at". */
export function readable(name) {
  const words = name.split(/(?<=[a-z0-9])(?=[A-Z])|[_\-. ]+/).filter(Boolean);
  const spoken = words.map((word) => (word === word.toUpperCase() ? word : word.toLowerCase())).join(" ");
  return spoken.slice(0, 1).toUpperCase() + spoken.slice(1) || name;
}

/** Nested JSON on lines of its own, token by token, so that no digit changes and a cut piece works as well. */
export function pretty(json) {
  const out = [];
  let depth = 0, before = "";
  const line = () => out.push("\n", "  ".repeat(Math.min(depth, 60)));
  for (const [token] of json.matchAll(TOKENS)) {
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    if (opens(before) ? !closes : closes || before === ",") line();
    out.push(token === ":" ? ": " : token);
    if (opens(token)) depth += 1;
    before = token;
  }
  return out.join("");
}

function opens(token) {
  return token === "{" || token === "[";
}

function full(offset) {
  if (!offset || offset === "Z") return "Z";
  const digits = offset.replace(":", "").padEnd(5, "0");
  return `${digits.slice(0, 3)}:${digits.slice(3)}`;
}
