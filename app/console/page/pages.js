// A list that grows page by page, as a table where there is room and as cards where there is not.

import { announce, button, fill, h } from "./dom.js";
import { errorBox, isOver } from "./problems.js";
import { say } from "./words.js";

/**
 * `columns` are `[name, cell of an item]`, null where there is nothing to show; `load(token, signal)` answers a page,
 * and `empty` what is said of none.
 * Roles are repeated on purpose: a browser forgets a table's own once it is laid out as cards.
 */
export class Pages {
  constructor({ caption, columns, load, empty, signal }) {
    Object.assign(this, { columns, load, empty, signal, count: 0, run: 0 });
    this.rows = h("tbody", { role: "rowgroup" });
    const names = columns.map(([name]) => h("th", { role: "columnheader", scope: "col" }, say(`column.${name}`)));
    const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, names));
    const title = h("caption", { class: "unseen" }, caption);
    this.table = h("table", { role: "table", hidden: true }, title, head, this.rows);
    this.below = h("div", { class: "below" });
    this.node = h("div", { class: "list" }, this.table, this.below);
    this.fit(signal);
  }

  /** Rows become cards where the window has no room for so many columns side by side. */
  fit(signal) {
    const room = matchMedia(`(min-width: ${this.columns.length > 6 ? 76 : 56}rem)`);
    const lay = () => this.table.classList.toggle("cards", !room.matches);
    room.addEventListener("change", lay, { signal });
    lay();
  }

  /** From the beginning. */
  async begin() {
    this.count = 0;
    await this.next(null);
  }

  async next(token) {
    const run = ++this.run;
    this.tell(h("p", { class: "busy" }, say("busy")));
    try {
      const page = await this.load(token, this.signal);
      if (run === this.run) this.show(page, token !== null);
    } catch (error) {
      if (!isOver(error, this.signal) && run === this.run) this.tell(errorBox(error, () => this.next(token)));
    }
  }

  show({ items, next_page_token: more }, isMore) {
    const rows = items.map((item) => this.row(item));
    if (isMore) this.rows.append(...rows);
    else fill(this.rows, rows);
    this.count += items.length;
    this.table.hidden = this.count === 0;
    const told = this.count ? say(more ? "list.more" : "list.all", { count: this.count }) : this.empty();
    this.tell(h("p", { class: "quiet" }, told), more && button(say("list.show-more"), () => this.next(more)));
    announce(told);
    // The button that was pressed is gone, so the reader goes on at the first row that it brought.
    if (isMore) rows[0]?.focus();
  }

  /** A new element each time: one that the rows push down would be seen to jump. */
  tell(...children) {
    const below = h("div", { class: "below" }, children);
    this.below.replaceWith(below);
    this.below = below;
  }

  row(item) {
    const cells = this.columns.map(([name, cell]) => {
      const value = cell(item), kind = `cell-${name}${value === null ? " empty" : ""}`;
      const attributes = { role: "cell", "data-label": say(`column.${name}`), class: kind };
      return h("td", attributes, h("div", {}, value ?? say("none")));
    });
    return h("tr", { role: "row", tabindex: "-1" }, cells);
  }
}
