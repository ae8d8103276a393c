// Finds sections and rows in the document's bytes as they come, however they are cut, and parses nothing of a row.

import { asText, joined } from "./bytes.js";
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

/** Behind the quote that ends the string; -1 where the bytes end before it. */
function endOfString(bytes, at) {
  for (const size = bytes.length; at < size; ) {
    const byte = bytes[at++];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

export class Scanner {
  /** `on` hears of begin(name, at), row(bytes, from, to, at), end(at), and, if it wants to, of key(bytes, from, to, at)
   * in a row; `at` counts from the document's beginning. */
  constructor(on, at, { step = "first", strict = false } = {}) {
    Object.assign(this, { on, strict, step, base: at, held: new Uint8Array(), place: 0, start: 0, depth: 0 });
    Object.assign(this, { keyFrom: 0, keyTo: 0, hearsKeys: Boolean(on.key) });
  }

  feed(bytes) {
    this.bytes = this.held.length ? joined([this.held, bytes]) : bytes;
    while (this.place < this.bytes.length && (this.depth ? this.scanRow() : this.take()));
    const from = this.depth ? this.start : Math.min(this.place, this.bytes.length);
    this.held = this.bytes.subarray(from);
    for (const key of ["place", "start", "keyFrom", "keyTo"]) this[key] -= from;
    this.base += from;
  }

  finish() {
    if (this.step !== "over" || this.held.length) throw damaged("document");
  }

  take() {
    const byte = this.bytes[this.place];
    if (byte <= 32 && !this.strict && "\t\n\r ".includes(String.fromCharCode(byte))) return ++this.place;
    const mark = String.fromCharCode(byte);
    const next = STEPS[this.step][mark];
    if (!next) throw damaged("document");
    if (mark === '"' && !this.takeName()) return false;
    if (mark === "{") Object.assign(this, { start: this.place, depth: 1 });
    if (mark === "[") this.on.begin(this.name, this.base + this.place);
    if (mark === "]") this.on.end(this.base + this.place + 1);
    this.step = next;
    return ++this.place;
  }

  takeName() {
    const end = endOfString(this.bytes, this.place + 1);
    if (end < 0) return false;
    try {
      this.name = JSON.parse(asText(this.bytes.subarray(this.place, end)));
    } catch {
      throw damaged("document");
    }
    this.place = end - 1;
    return true;
  }

  /** Goes on in a row; whether its end was there. All in one loop, because nearly all of the time is spent here. */
  scanRow() {
    const { bytes, hearsKeys } = this;
    const size = bytes.length;
    let { place, depth } = this;
    while (depth && place < size) {
      const byte = bytes[place];
      if (byte === QUOTE) {
        const end = endOfString(bytes, place + 1);
        if (end < 0) break;
        if (depth === 1) [this.keyFrom, this.keyTo] = [place, end];
        place = end;
        continue;
      }
      place++;
      if (byte === COLON && depth === 1 && hearsKeys) this.on.key(bytes, this.keyFrom, this.keyTo, place);
      // The brackets of objects and arrays differ from each other in this one bit.
      else if ((byte | 32) === 123) depth++;
      else if ((byte | 32) === 125) depth--;
    }
    Object.assign(this, { place, depth });
    if (depth === 0) this.on.row(bytes, this.start, place, this.base + this.start);
    return depth === 0;
  }
}

/** The rows in bytes that begin with one, as [from, to]. */
export function rowsIn(bytes) {
  const found = [];
  new Scanner({ row: (_, from, to) => found.push([from, to]), end() {} }, 0, { step: "row" }).feed(bytes);
  return found;
}
