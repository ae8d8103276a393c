// What is remembered of one section: where every 64th row stands, the rows' days, the columns; nothing else of a row.

import { asText, Growing } from "./bytes.js";
import { Days, Guess } from "./moments.js";

const ROWS_APART = 64;
const BYTES_APART = 1 << 18;

export class Section {
  /** `time`: the column that dates a row; null where none does; undefined where that is not known. */
  constructor(name, time) {
    Object.assign(this, { name, time: time ?? null, guess: time === undefined ? new Guess() : null });
    Object.assign(this, { rows: 0, done: false, reach: 0, columns: new Set(), layout: [], nth: 0, when: -1 });
    this.markRows = new Growing(Float64Array);
    this.markPlaces = new Growing(Float64Array);
    this.days = this.time ? new Days() : null;
  }

  /** Rows mostly have their columns in the last one's order: then a comparison of a few bytes is all. */
  key(bytes, from, to, at) {
    let known = this.layout[this.nth];
    if (!known || !sameBytes(known.raw, bytes, from, to)) {
      const raw = bytes.slice(from, to);
      known = this.layout[this.nth] = { raw, name: nameIn(raw) };
      this.columns.add(known.name);
    }
    this.nth++;
    if (known.name === this.time) this.when = at;
    this.guess?.key(known.name, bytes, at);
  }

  row(bytes, from, to, at) {
    const last = this.markRows.length - 1;
    if (last < 0 || this.rows - this.markRows.items[last] >= ROWS_APART || at - this.markPlaces.items[last] >= BYTES_APART) {
      this.markRows.push(this.rows);
      this.markPlaces.push(at);
    }
    this.rows++;
    this.reach = at + to - from;
    if (this.guess?.row()) this.guessed();
    else this.days?.add(bytes, this.when);
    this.nth = 0;
    this.when = -1;
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

function nameIn(raw) {
  try {
    return JSON.parse(asText(raw));
  } catch {
    return "";
  }
}
