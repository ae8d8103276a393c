// Rows as CSV (RFC 4180), of which no spreadsheet takes a cell for a formula.

const FORMULA = /^[=+\-@\t\r\n\0]/;
const QUOTED = /[",\r\n]/;

export function csvLine(cells) {
  return `${cells.map(([kind, text]) => quoted(kind === "number" || !FORMULA.test(text) ? text : `'${text}`)).join(",")}\r\n`;
}

function quoted(text) {
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A row's cells by the header's columns; what stands twice under one name stays together in one cell. */
export function inColumns(cells, columns) {
  const by = new Map();
  for (const [name, kind, text] of cells) {
    const other = by.get(name);
    by.set(name, other ? ["text", `${other[1]}\n${text}`] : [kind, text]);
  }
  return columns.map((column) => by.get(column) ?? ["null", ""]);
}
