// Which day a row is of, as it is written there: counted from 1 January 1970, without moving it into another time zone.

import { asLatin, Growing } from "./bytes.js";

const DAY = 86_400_000;
const NEVER = -0x80000000;
// As the archive's own dates are read: from here on a number counts milliseconds, below it seconds.
const MILLISECONDS_FROM = 1e11;
const ISO = /^"\s*(\d{4})-?(\d\d)-?(\d\d)(?!\d)/;
const EPOCH = /^"?\s*(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*[",}\s]/;

/** The day of an ISO date or moment or of an epoch number whose value begins there; NEVER where it is none. */
function dayOf(bytes, at, isoOnly) {
  const text = asLatin(bytes.subarray(at, at + 48)).trimStart();
  const date = ISO.exec(text);
  if (date) return dayFrom(Number(date[1]), Number(date[2]), Number(date[3]));
  const number = isoOnly ? NaN : Number(EPOCH.exec(text)?.[1] ?? NaN);
  const day = Math.floor((Math.abs(number) < MILLISECONDS_FROM ? number * 1000 : number) / DAY);
  return Math.abs(day) < 3e6 ? day : NEVER;
}

function dayFrom(year, month, date) {
  const moment = new Date(Date.UTC(year, month - 1, date));
  if (year < 100) moment.setUTCFullYear(year);
  return moment.getUTCDate() === date && moment.getUTCMonth() === month - 1 ? moment.getTime() / DAY : NEVER;
}

export function dayNamed(name) {
  const [year, month, date] = name.split("-").map(Number);
  return dayFrom(year, month, date);
}

const dayName = (day) => new Date(day * DAY).toISOString().split("T")[0];

/** The days of a section's rows: one number for each, and how many there are of each day. */
export class Days {
  constructor() {
    this.of = new Growing(Int32Array);
    this.counts = new Map();
    this.last = { text: "", day: NEVER };
  }

  /** `at` is where the value stands, or -1. */
  add(bytes, at) {
    this.push(at < 0 ? NEVER : this.day(bytes, at));
  }

  push(day) {
    this.of.push(day);
    this.counts.set(day, (this.counts.get(day) ?? 0) + 1);
  }

  /** Rows of one day mostly stand together, so that the first eleven bytes mostly are the last row's. */
  day(bytes, at) {
    const { last } = this;
    for (let n = 0; n < 11; n++) if (bytes[at + n] !== last.text[n]) return this.other(bytes, at);
    return last.day;
  }

  other(bytes, at) {
    const day = dayOf(bytes, at);
    // Only where those eleven are all that matters.
    if (bytes[at] === 34 && bytes[at + 5] === 45 && bytes[at + 11] > 57) this.last = { text: bytes.slice(at, at + 11), day };
    return day;
  }
}

/** Rows by month, and how many have no date. */
export function monthsOf(allCounts) {
  const months = new Map();
  let undated = 0;
  for (const [day, count] of allCounts.flatMap((counts) => [...counts])) {
    const month = dayName(day === NEVER ? 0 : day).slice(0, -3);
    if (day === NEVER) undated += count;
    else months.set(month, (months.get(month) ?? 0) + count);
  }
  return { months: [...months].sort(([a], [b]) => (a < b ? -1 : 1)), undated };
}

const GUESSED_FROM = 50;

/** Which column dates the rows where nobody says so: the first that holds ISO dates in most of the first rows. */
export class Guess {
  constructor() {
    this.found = new Map();
    this.rows = 0;
  }

  key(name, bytes, at) {
    if (bytes[at] !== 34 || dayOf(bytes, at, true) === NEVER) return;
    if (!this.found.has(name)) this.found.set(name, new Map());
    this.found.get(name).set(this.rows, dayOf(bytes, at, true));
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
