// Whether a row is looked for: quickly by its raw text, and surely by its cells where that may be so.

import { asText } from "./bytes.js";
import { cellsOf } from "./row.js";

const fold = (text) => text.toLowerCase();
const LETTERS = Uint8Array.from({ length: 256 }, (_, byte) => (byte > 64 && byte < 91 ? byte + 32 : byte));
// What becomes an ASCII letter when it is made small: the sign for kelvin, and the I with a dot.
const SMALL_ASCII = [[0xe2, 0x84, 0xaa], [0xc4, 0xb0]];
const ESCAPES = /\\(u[0-9a-fA-F]{4}|.)/g;

/** What a block's bytes, a row and then its cells are asked; null where only days matter. */
export function wanted({ text, column, value }) {
  if (!text && !(column && value)) return null;
  const [any, one] = [fold(text ?? ""), fold((column && value) ?? "")];
  // Any character may be written as an escape, but most writers do that for few.
  const needles = [any, one].map((needle) => [needle, fold(JSON.stringify(needle).slice(1, -1)), "\\u", "\\/"]);
  const may = (row) => {
    const raw = fold(row);
    return needles.every((ways) => ways.some((way) => raw.includes(way)));
  };
  // Bytes are looked through without making them text, which would be several times their size in memory.
  const plain = needles.map((ways) => [...new Set(ways.slice(0, 2))].map(searchOf));
  const near = /[^\0-\x7f]/.test(any + one) ? (bytes) => may(asText(bytes))
    : (bytes) => plain.every((ways) => ways.some((way) => way(bytes))) || otherwiseWritten(bytes);
  const is = (row) => {
    const cells = cellsOf(row);
    const inAny = !any || cells.some(([name, kind, content]) => has(name, "text", any) || has(content, kind, any));
    return inAny && (!one || cells.some(([name, kind, content]) => name === column && has(content, kind, one)));
  };
  return { near, may, is };
}

/** Whether an ASCII text stands somewhere in bytes, in letters of either size (Horspool, 1980). */
function searchOf(text) {
  const needle = Uint8Array.from(text, (one) => LETTERS[one.charCodeAt(0)]), last = needle.length - 1;
  const steps = new Uint32Array(256).fill(needle.length);
  for (let n = 0; n < last; n++) steps[needle[n]] = last - n;
  return (bytes) => {
    for (let at = last, size = bytes.length; at < size; at += steps[LETTERS[bytes[at]]]) {
      let n = last;
      while (n >= 0 && LETTERS[bytes[at - last + n]] === needle[n]) n--;
      if (n < 0) return true;
    }
    return last < 0;
  };
}

function otherwiseWritten(bytes) {
  for (let at = bytes.indexOf(92); at >= 0; at = bytes.indexOf(92, at + 2)) if (bytes[at + 1] === 117 || bytes[at + 1] === 47) return true;
  return SMALL_ASCII.some((ways) => {
    for (let at = bytes.indexOf(ways[0]); at >= 0; at = bytes.indexOf(ways[0], at + 1)) if (ways.every((byte, n) => bytes[at + n] === byte)) return true;
    return false;
  });
}

function has(content, kind, needle) {
  if (fold(content).includes(needle)) return true;
  return kind === "nested" && content.includes("\\") && fold(content.replace(ESCAPES, unescaped)).includes(needle);
}

function unescaped(escape) {
  try {
    return JSON.parse(`"${escape}"`);
  } catch {
    return escape;
  }
}
