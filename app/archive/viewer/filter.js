// Whether a row is looked for: quickly by its raw text, and surely by its cells where that may be so.

import { cellsOf } from "./row.js";

const fold = (text) => text.toLowerCase();
const ESCAPES = /\\(u[0-9a-fA-F]{4}|.)/g;

/** What a block of rows, and then one of them, is asked; null where only days matter. */
export function wanted({ text, column, value }) {
  if (!text && !(column && value)) return null;
  const [any, one] = [fold(text ?? ""), fold((column && value) ?? "")];
  // Any character may be written as an escape, but most writers do that for few.
  const needles = [any, one].map((needle) => [needle, fold(JSON.stringify(needle).slice(1, -1)), "\\u", "\\/"]);
  const may = (row) => {
    const raw = fold(row);
    return needles.every((ways) => ways.some((way) => raw.includes(way)));
  };
  const is = (row) => {
    const cells = cellsOf(row);
    const inAny = !any || cells.some(([name, kind, content]) => has(name, "text", any) || has(content, kind, any));
    return inAny && (!one || cells.some(([name, kind, content]) => name === column && has(content, kind, one)));
  };
  return { may, is };
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
