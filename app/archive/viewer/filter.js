// Whether a row is looked for: quickly by its raw text, and surely by its cells where that may be so.

import { asText } from "./bytes.js";
import { cellsOf } from "./row.js";

const fold = (text) => text.toLowerCase();
const ESCAPES = /\\(u[0-9a-fA-F]{4}|.)/g;
const UNESCAPED = /[^"\\/\x00-\x1f]/;

/** What a block of rows, and then one of them, is asked; null where only days matter. */
export function wanted({ text, column, value }) {
  if (!text && !(column && value)) return null;
  const [any, one] = [fold(text ?? ""), fold((column && value) ?? "")];
  const needles = [any, one].filter(Boolean);
  const may = (bytes) => {
    const raw = fold(asText(bytes));
    return needles.every((needle) => raw.includes(needle) || raw.includes("\\u") || (raw.includes("\\") && !allPlain(needle)));
  };
  const is = (bytes) => {
    const cells = cellsOf(asText(bytes));
    const inAny = !any || cells.some(([name, kind, content]) => has(name, "text", any) || has(content, kind, any));
    return inAny && (!one || cells.some(([name, kind, content]) => name === column && has(content, kind, one)));
  };
  return { may, is };
}

/** Nothing in it that JSON writes otherwise. */
function allPlain(needle) {
  return [...needle].every((character) => UNESCAPED.test(character));
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
