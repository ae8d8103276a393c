// One row's JSON as cells: every name and value in the order of the text, numbers with all their digits.

const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^,}\] \t\n\r]*/y;
const BRACKETS = /["[\]{}]/g;
const WORDS = { t: "boolean", f: "boolean", n: "null" };

/** [column, kind, text] for each; a row that is no JSON object comes whole, as a text without a name. */
export function cellsOf(text) {
  try {
    return readCells(text);
  } catch {
    return [["", "text", text]];
  }
}

function readCells(text) {
  const cells = [];
  let at = past(SPACE, text, 1);
  while (text[at] !== "}") {
    const end = endOfText(text, at);
    const from = past(SPACE, text, past(SPACE, text, end) + 1);
    const to = endOfValue(text, from);
    if (to === from) throw new SyntaxError();
    cells.push([unquoted(text.slice(at, end)), ...read(text.slice(from, to))]);
    at = past(SPACE, text, to);
    if (text[at] === ",") at = past(SPACE, text, at + 1);
  }
  return cells;
}

function read(value) {
  const first = value[0];
  if (first === '"') return ["text", unquoted(value)];
  if (first === "{" || first === "[") return ["nested", value];
  const kind = WORDS[first] ?? "number";
  return [kind, kind === "null" ? "" : value];
}

function unquoted(value) {
  return value.includes("\\") ? JSON.parse(value) : value.slice(1, -1);
}

function past(pattern, text, at) {
  if (pattern === SPACE && text[at] > " ") return at;
  pattern.lastIndex = at;
  pattern.test(text);
  return pattern.lastIndex;
}

function endOfValue(text, from) {
  if (text[from] === '"') return endOfText(text, from);
  if (text[from] !== "{" && text[from] !== "[") return past(PLAIN, text, from);
  BRACKETS.lastIndex = from;
  for (let depth = 0, found; (found = BRACKETS.exec(text)); ) {
    if (found[0] === '"') BRACKETS.lastIndex = endOfText(text, found.index);
    else depth += "[{".includes(found[0]) ? 1 : -1;
    if (depth === 0) return BRACKETS.lastIndex;
  }
  throw new SyntaxError();
}

/** Behind the quote that ends the string: the first that an even number of backslashes stands before. */
function endOfText(text, from) {
  for (let at = from; text[from] === '"' && (at = text.indexOf('"', at + 1)) > 0; ) {
    let before = at;
    while (text[before - 1] === "\\") before--;
    if ((at - before) % 2 === 0) return at + 1;
  }
  throw new SyntaxError();
}
