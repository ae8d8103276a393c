// Finds sections and rows in the document's bytes as they come, however they are cut, and parses nothing of a row.

import { asText } from "./bytes.js";
import { damaged } from "./problem.js";

const QUOTE = 34;
const COLON = 58;
const BACKSLASH = 92;

// Outside of rows: which mark may come next, and what is looked for then. `{` begins a row, `"` a section's name.
const STEPS = {
  first: { '"': "colon", "}": "close" },
  section: { '"': "colon" },
  colon: { ":": "array" },
  array: { "[": "begin" },
  begin: { "{": "after", "]": "more" },
  row: { "{": "after" },
  after: { ",": "row", "]": "more" },
  more: { ",": "section", "}": "close" },
  close: { "}": "over" },
  over: {},
};

/** Behind the quote that ends the string; where the bytes end before it, -1 less the place to go on from. */
function endOfString(bytes, at) {
  for (const size = bytes.length; at < size; ) {
    const byte = bytes[at++];
    if (byte === QUOTE) return at;
    if (byte !== BACKSLASH) continue;
    if (at === size) return -at;
    at++;
  }
  return -1 - at;
}

export class Scanner {
  /** `on` hears of begin(name, at), row(bytes, from, to, at, keys) and end(at), where `at` counts from the document's
   * beginning, and `keys` has three places in the bytes for each name in the row: from, to, and where its value is. */
  constructor(on, at, { step = "first", strict = false } = {}) {
    Object.assign(this, { on, strict, step, base: at, place: 0, keys: [], cut: null });
    [this.room, this.held] = [new Uint8Array(), 0];
  }

  /** What the bytes' end cuts is held until more is there, always in the same room: new ones would fill the memory. */
  feed(bytes) {
    this.bytes = this.held ? this.behind(bytes) : bytes;
    while (this.place < this.bytes.length && this.take());
    const rest = this.bytes.subarray(this.place);
    this.base += this.place;
    this.place = this.held = 0;
    if (rest.length) this.behind(rest);
  }

  behind(bytes) {
    const size = this.held + bytes.length;
    if (size > this.room.length) {
      const before = this.room;
      this.room = new Uint8Array(size * 2);
      this.room.set(before.subarray(0, this.held));
    }
    this.room.set(bytes, this.held);
    this.held = size;
    return this.room.subarray(0, size);
  }

  finish() {
    if (this.step !== "over" || this.held) throw damaged("document");
  }

  take() {
    const from = this.place;
    const mark = String.fromCharCode(this.bytes[from]);
    if (!this.strict && "\t\n\r ".includes(mark)) return ++this.place;
    const next = STEPS[this.step][mark];
    if (!next) throw damaged("document");
    const to = mark === "{" ? this.endOfRow() : mark === '"' ? endOfString(this.bytes, from + 1) : from + 1;
    if (to < 0) return false;
    if (mark === '"') this.name = nameIn(this.bytes.subarray(from, to));
    if (mark === "{") this.on.row(this.bytes, from, to, this.base + from, this.keys);
    if (mark === "[") this.on.begin(this.name, this.base + from);
    if (mark === "]") this.on.end(this.base + to);
    this.step = next;
    return (this.place = to);
  }

  /** All in one loop, because nearly all of the time is spent here. A row that is cut goes on where it was cut. */
  endOfRow() {
    const { bytes, keys, place: start } = this;
    let { at, from, to, depth, inside } = this.cut ?? { at: start, from: 0, to: 0, depth: 0, inside: false };
    if (!this.cut) keys.length = 0;
    this.cut = null;
    for (const size = bytes.length; at < size; ) {
      if (inside) {
        to = endOfString(bytes, at);
        at = to < 0 ? -1 - to : to;
        if (to < 0) break;
        inside = false;
        continue;
      }
      const byte = bytes[at++];
      if (byte === QUOTE) {
        from = at - 1;
        inside = true;
      } else if (byte === COLON) {
        if (depth === 1) keys.push(from, to, at);
        // The brackets of objects and arrays differ from each other in this one bit.
      } else if ((byte | 32) === 123) depth++;
      else if ((byte | 32) === 125 && --depth === 0) return at;
    }
    this.cut = { at: at - start, from: from - start, to: to - start, depth, inside };
    for (let n = 0; n < keys.length; n++) keys[n] -= start;
    return -1;
  }
}

export function nameIn(bytes) {
  try {
    return JSON.parse(asText(bytes));
  } catch {
    throw damaged("document");
  }
}

/** The texts of the rows in bytes that begin with one. */
export function rowTexts(bytes) {
  const whole = asText(bytes);
  const found = [];
  // Where each byte is a character, a part of the text costs nothing.
  const text = whole.length === bytes.length ? (from, to) => whole.slice(from, to) : (from, to) => asText(bytes.subarray(from, to));
  const row = (part, from, to) => found.push(text(from, to));
  new Scanner({ row, end() {} }, 0, { step: "row" }).feed(bytes);
  return found;
}
