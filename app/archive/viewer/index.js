// What is remembered of one section: where every 64th row stands, the rows' days, the columns; nothing else of a row.

import { Growing } from "./bytes.js";
import { Days, Guess } from "./moments.js";
import { nameIn } from "./scanner.js";

const ROWS_APART = 64;
const BYTES_APART = 1 << 18;

export class Section {
  /** `time`: the column that dates a row; null where none does; undefined where that is not known. */
  constructor(name, time) {
    Object.assign(this, { name, time: time ?? null, guess: time === undefined ? new Guess() : null });
    Object.assign(this, { rows: 0, done: false, reach: 0, columns: new Set(), layout: [] });
    this.markRows = new Growing(Float64Array);
    this.markPlaces = new Growing(Float64Array);
    this.days = this.time ? new Days() : null;
  }

  row(bytes, from, to, at, keys) {
    const last = this.markRows.length - 1;
    if (last < 0 || this.rows - this.markRows.items[last] >= ROWS_APART || at - this.markPlaces.items[last] >= BYTES_APART) {
      this.markRows.push(this.rows);
      this.markPlaces.push(at);
    }
    this.rows++;
    this.reach = at + to - from;
    const when = this.readKeys(bytes, keys);
    if (this.guess?.row()) this.guessed();
    else this.days?.add(bytes, when);
  }

  /** Rows mostly have their columns in the last one's order: then a comparison of a few bytes is all. */
  readKeys(bytes, keys) {
    let when = -1;
    for (let n = 0, at = 0; at < keys.length; n++, at += 3) {
      let known = this.layout[n];
      if (!known || !sameBytes(known.raw, bytes, keys[at], keys[at + 1])) {
        const raw = bytes.slice(keys[at], keys[at + 1]);
        known = this.layout[n] = { raw, name: nameIn(raw) };
        this.columns.add(known.name);
      }
      if (known.name === this.time) when = keys[at + 2];
      this.guess?.key(known.name, bytes, keys[at + 2]);
    }
    return when;
  }

  end() {
    if (this.guess) this.guessed();
    this.done = true;
  }

  guessed() {
    const { name, days } = this.guess.made();
    this.guess = null;
    this.time = name;
    if (name === null) return;
    this.days = new Days();
    for (const day of days) this.days.push(day);
  }

  /** Where the rows from a mark on stand, up to so many bytes of them; null where none does yet. */
  block(mark, most) {
    const [rows, places] = [this.markRows, this.markPlaces];
    let next = mark + 1;
    while (next < places.length && places.items[next] - places.items[mark] < most) next++;
    const atEnd = next >= places.length;
    if (mark >= places.length || (atEnd && next === mark + 1 && !this.done)) return null;
    // The latest mark's rows are still coming.
    if (atEnd && !this.done) next = places.length - 1;
    const ended = next === places.length;
    const [to, end] = ended ? [this.reach, this.rows] : [places.items[next], rows.items[next]];
    return { row: rows.items[mark], end, from: places.items[mark], to, next };
  }
}

function sameBytes(raw, bytes, from, to) {
  if (raw.length !== to - from) return false;
  for (let n = 0; n < raw.length; n++) if (raw[n] !== bytes[from + n]) return false;
  return true;
}
