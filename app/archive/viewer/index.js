// What is remembered of one section: where every 64th row stands, the rows' days, the columns; nothing else of a row.

import { Growing } from "./bytes.js";
import { dayAt, Guess, NEVER } from "./moments.js";
import { nameIn } from "./scanner.js";

const ROWS_APART = 64;
const BYTES_APART = 1 << 18;

export class Section {
  /** `time`: the column that dates a row; null where none does; undefined where that is not known. */
  constructor(name, time, zone) {
    Object.assign(this, { name, zone, time: time ?? null, guess: time === undefined ? new Guess(zone) : null });
    Object.assign(this, { rows: 0, done: false, reach: 0, columns: new Set(), layout: [] });
    this.markRows = new Growing(Float64Array);
    this.markPlaces = new Growing(Float64Array);
    this.days = new Growing(Int32Array);
    this.byDay = new Map();
  }

  row(bytes, from, to, at, keys) {
    const last = this.markRows.length - 1;
    if (!(this.rows - this.markRows.items[last] < ROWS_APART && at - this.markPlaces.items[last] < BYTES_APART)) {
      this.markRows.push(this.rows);
      this.markPlaces.push(at);
    }
    this.rows++;
    this.reach = at + to - from;
    const day = this.readKeys(bytes, keys);
    if (this.guess?.row()) this.guessed();
    else if (this.time !== null) this.date(day);
  }

  /** The row's day. Rows mostly have their columns in the last one's order: then comparing a few bytes is all. */
  readKeys(bytes, keys) {
    let day = NEVER;
    for (let n = 0, at = 0; at < keys.length; n++, at += 3) {
      const [from, to] = [keys[at], keys[at + 1]];
      let value = keys[at + 2];
      while (bytes[value] <= 32) value++;
      if (!sameBytes(this.layout[n]?.raw, bytes, from, to)) {
        const raw = bytes.slice(from, to);
        this.layout[n] = { raw, name: nameIn(raw) };
        this.columns.add(this.layout[n].name);
      }
      const { name } = this.layout[n];
      if (name === this.time) day = dayAt(bytes, value, this.zone);
      this.guess?.key(name, bytes, value);
    }
    return day;
  }

  date(day) {
    this.days.push(day);
    this.byDay.set(day, (this.byDay.get(day) ?? 0) + 1);
  }

  end() {
    if (this.guess) this.guessed();
    this.done = true;
  }

  guessed() {
    const { name, days } = this.guess.made();
    Object.assign(this, { guess: null, time: name });
    if (name !== null) for (const day of days) this.date(day);
  }

  /** Where the rows from a mark on stand, up to so many bytes of them; null where not all of them are there yet. */
  block(mark, most) {
    const [rows, places] = [this.markRows, this.markPlaces];
    const last = places.length - (this.done ? 0 : 1);
    if (mark >= last) return null;
    let next = mark + 1;
    while (next < last && places.items[next] - places.items[mark] < most) next++;
    const ended = next === places.length;
    const [to, end] = ended ? [this.reach, this.rows] : [places.items[next], rows.items[next]];
    return { row: rows.items[mark], end, from: places.items[mark], to, next };
  }
}

function sameBytes(raw, bytes, from, to) {
  if (raw?.length !== to - from) return false;
  for (let n = 0; n < raw.length; n++) if (raw[n] !== bytes[from + n]) return false;
  return true;
}
