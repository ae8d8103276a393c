// One row as a card: each column's name, its value for people, and the value as the file has it.

import { button, data, fill, h } from "./dom.js";
import { moment, pretty } from "./values.js";
import { say } from "./words.js";

const PIECE = 20_000;

/** `rowAt(at)` gives the row, `whole(row, column)` a long text in full; the focus goes back when it closes. */
export function openCard({ at, count, rowAt, whole, label, zone, moved, signal }) {
  const title = h("h2", { id: "card-title", "aria-live": "polite" }), rows = h("dl", { class: "values" });
  const earlier = button(say("previous"), () => turn(-1)), later = button(say("next"), () => turn(1));
  const dialog = h("dialog", { "aria-labelledby": "card-title", class: "card", onclose: () => dialog.remove() },
    h("div", { class: "row" }, title, h("span", { class: "gap" }), earlier, later, button(say("close"), () => dialog.close())),
    rows);
  const turn = async (step) => {
    at += step;
    earlier.disabled = at <= 0;
    later.disabled = at >= count() - 1;
    if (document.activeElement?.disabled) (later.disabled ? earlier : later).focus();
    fill(title, say("entry_of", { number: at + 1, of: count() }));
    const shown = at, row = await rowAt(at);
    if (!row || shown !== at) return;
    fill(rows, row.cells.map((cell) => shownCell(cell, { label, zone, whole: () => whole(row, cell[0]) })));
    if (!row.cells.length) fill(rows, h("div", {}, h("dt", {}, say("no_columns")), h("dd", {}, "–")));
    if (step) moved(at);
    dialog.scrollTop = 0;
  };
  signal.addEventListener("abort", () => dialog.remove(), { once: true });
  document.body.append(dialog);
  dialog.showModal();
  return turn(0);
}

function shownCell(cell, { label, zone, whole }) {
  const [column, kind, text] = cell, name = label(column);
  const heading = h("dt", { dir: "auto", title: column }, name);
  return h("div", {}, heading, kind === "nested" || cell[3] || text.length > PIECE ? long(cell, whole) : short(kind, text, zone));
}

function short(kind, text, zone) {
  if (kind === "null") return h("dd", {}, "–");
  if (kind === "boolean") return h("dd", {}, say(text === "true" ? "yes" : "no"));
  const written = kind === "text" ? moment(text, zone) : null;
  if (!written) return h("dd", { dir: "auto", class: kind }, text || h("span", { class: "quiet" }, say("empty")));
  return h("dd", {}, written, h("span", { class: "quiet exact" }, data(text)));
}

function long([, kind, text, length], whole) {
  const shown = kind === "nested" ? h("pre", { dir: "auto", tabindex: 0 }) : h("div", { class: "text", dir: "auto" });
  const more = h("p", { class: "quiet" });
  let all = length ? null : text, to = 2000;
  const draw = () => {
    const piece = (all ?? text).slice(0, to), left = (length ?? text.length) - piece.length;
    shown.textContent = kind === "nested" ? pretty(piece) : piece;
    fill(more, left > 0 && [say("more_left", { count: left }), " ", button(say("more"), next)]);
    more.hidden = left <= 0;
  };
  const next = async () => {
    all ??= (await whole()).text;
    to += PIECE;
    draw();
    more.querySelector("button")?.focus();
  };
  draw();
  return h("dd", {}, shown, more);
}
