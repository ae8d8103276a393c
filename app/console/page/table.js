// Tables with a heading for each column, which become cards where there is no room for so many side by side.

import { h } from "./dom.js";
import { say } from "./words.js";

/** `columns` are `[name, cell of an item]`, null where there is nothing; `wide` is the room in rem that they need. */
export function tableOf({ caption, columns, items = [], wide, signal }) {
  const names = columns.map(([name]) => h("th", { role: "columnheader", scope: "col" }, say(`column.${name}`)));
  const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, names));
  const rows = h("tbody", { role: "rowgroup" }, items.map((item) => rowOf(columns, item)));
  // Roles are repeated on purpose: a browser forgets a table's own once it is laid out as cards.
  const table = h("table", { role: "table" }, h("caption", { class: "unseen" }, caption), head, rows);
  fit(table, wide, signal);
  return { table, rows };
}

export function rowOf(columns, item) {
  const cells = columns.map(([name, cell]) => {
    const value = cell(item), kind = `cell-${name}${value === null ? " empty" : ""}`;
    const attributes = { role: "cell", "data-label": say(`column.${name}`), class: kind };
    return h("td", attributes, h("div", {}, value ?? say("none")));
  });
  return h("tr", { role: "row", tabindex: "-1" }, cells);
}

function fit(table, wide, signal) {
  const room = matchMedia(`(min-width: ${wide}rem)`);
  const lay = () => table.classList.toggle("cards", !room.matches);
  room.addEventListener("change", lay, { signal });
  lay();
}
