// Which day a row is of in the source's time zone, counted from 1 January 1970; without an offset as it is written.

import { asLatin } from "./bytes.js";

const DAY = 86_400_000;
export const NEVER = -0x80000000;
// As the archive's own dates are read: from here on a number counts milliseconds, below it seconds.
const MILLISECONDS_FROM = 1e11;
const ISO = /^"\s*(\d{4})-?(\d\d)-?(\d\d)(?!\d)(?:[T ](\d\d):?(\d\d)(?::?\d\d(?:[.,]\d+)?)?\s?(?:Z|([+-]\d\d):?(\d\d)?))?/;
const EPOCH = /^"?\s*(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*[",}\s]/;
const GUESSED_FROM = 50;

/** The day of an ISO date or moment, or of an epoch number, whose value begins there. */
export function dayAt(bytes, at, zone) {
  const text = asLatin(bytes.subarray(at, at + 48)).trimStart();
  const date = ISO.exec(text);
  if (date) return dayOfMoment(date.slice(1).map((part) => (part === undefined ? NaN : Number(part))), zone);
  const number = Number(EPOCH.exec(text)?.[1] ?? NaN);
  const moment = Math.abs(number) < MILLISECONDS_FROM ? number * 1000 : number;
  return Math.abs(moment) < 3e6 * DAY ? zone.day(moment) : NEVER;
}

function dayOfMoment([year, month, date, hour, minute, ahead, more], zone) {
  const day = dayFrom([year, month, date]);
  if (Number.isNaN(hour) || day === NEVER) return day;
  const before = ahead ? ahead * 60 + Math.sign(ahead) * (more || 0) : 0;
  return zone.day(day * DAY + (hour * 60 + minute - before) * 60_000);
}

/** Days of one time zone. What its clocks show is asked twice a day, and more often only on a day when they change. */
export class Zone {
  constructor(name) {
    this.clock = clockOf(name) ?? clockOf("UTC");
    this.days = new Map();
  }

  day(moment) {
    const day = Math.floor(moment / DAY);
    if (!this.days.has(day)) {
      const ahead = this.ahead(day * DAY);
      this.days.set(day, ahead === this.ahead((day + 1) * DAY) ? ahead : null);
    }
    return Math.floor((moment + (this.days.get(day) ?? this.ahead(moment))) / DAY);
  }

  /** By how many milliseconds its clocks are ahead of UTC, to the minute. */
  ahead(moment) {
    const { year, month, day, hour, minute } = Object.fromEntries(this.clock.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(moment / 60_000) * 60_000;
  }
}

function clockOf(timeZone) {
  try {
    const style = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", hourCycle: "h23", calendar: "iso8601" };
    return new Intl.DateTimeFormat("en", { ...style, timeZone: timeZone ?? "UTC" });
  } catch {
    return null;
  }
}

function dayFrom([year, month, date]) {
  const moment = new Date(Date.UTC(2000, month - 1, date));
  moment.setUTCFullYear(year, month - 1, date);
  return moment.getUTCDate() === date && moment.getUTCMonth() === month - 1 ? moment.getTime() / DAY : NEVER;
}

export function dayNamed(name) {
  return dayFrom(name.split("-").map(Number));
}

/** Rows by month, and how many have no date. */
export function monthsOf(days) {
  const months = new Map();
  for (const [day, count] of days) {
    const month = day === NEVER ? "" : new Date(day * DAY).toISOString().slice(0, -17);
    months.set(month, (months.get(month) ?? 0) + count);
  }
  const undated = months.get("") ?? 0;
  months.delete("");
  return { months: [...months].sort(([a], [b]) => (a < b ? -1 : 1)), undated };
}

/** Which column dates the rows where nobody says so: the first that holds ISO dates in most of the first rows. */
export class Guess {
  constructor(zone) {
    this.zone = zone;
    this.found = new Map();
    this.rows = 0;
  }

  key(name, bytes, at) {
    const day = bytes[at] === 34 ? dayAt(bytes, at, this.zone) : NEVER;
    if (day === NEVER) return;
    if (!this.found.has(name)) this.found.set(name, new Map());
    this.found.get(name).set(this.rows, day);
  }

  /** Counts a row; whether there were enough of them. */
  row() {
    return ++this.rows === GUESSED_FROM;
  }

  /** The column's name or null, and the days of the rows so far. */
  made() {
    const [name, days] = [...this.found].find(([, one]) => one.size * 2 > this.rows) ?? [null, new Map()];
    return { name, days: Array.from({ length: this.rows }, (_, row) => days.get(row) ?? NEVER) };
  }
}
