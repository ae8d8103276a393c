// Which day a row is of, as it is written there: counted from 1 January 1970, without moving it into another time zone.

import { asLatin } from "./bytes.js";

const DAY = 86_400_000;
export const NEVER = -0x80000000;
// As the archive's own dates are read: from here on a number counts milliseconds, below it seconds.
const MILLISECONDS_FROM = 1e11;
const ISO = /^"\s*(\d{4})-?(\d\d)-?(\d\d)(?!\d)/;
const EPOCH = /^"?\s*(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*[",}\s]/;
const GUESSED_FROM = 50;

/** The day of an ISO date or moment, or of an epoch number, whose value begins there. */
export function dayAt(bytes, at) {
  const text = asLatin(bytes.subarray(at, at + 48)).trimStart();
  const date = ISO.exec(text);
  if (date) return dayFrom(date.slice(1).map(Number));
  const number = Number(EPOCH.exec(text)?.[1] ?? NaN);
  const day = Math.floor((Math.abs(number) < MILLISECONDS_FROM ? number * 1000 : number) / DAY);
  return Math.abs(day) < 3e6 ? day : NEVER;
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
  constructor() {
    this.found = new Map();
    this.rows = 0;
  }

  key(name, bytes, at) {
    if (bytes[at] !== 34 || dayAt(bytes, at) === NEVER) return;
    if (!this.found.has(name)) this.found.set(name, new Map());
    this.found.get(name).set(this.rows, dayAt(bytes, at));
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
