// A list that grows page by page, in a table.

import { announce, button, fill, h } from "./dom.js";
import { errorBox, isOver } from "./problems.js";
import { rowOf, tableOf } from "./table.js";
import { say } from "./words.js";

/** `load(token, signal)` answers a page, and `empty` what is said of none. */
export class Pages {
  constructor({ caption, columns, load, empty, signal }) {
    Object.assign(this, { columns, load, empty, signal, count: 0, run: 0 });
    Object.assign(this, tableOf({ caption, columns, wide: columns.length > 6 ? 76 : 56, signal }));
    this.table.hidden = true;
    this.below = h("div", { class: "below" });
    this.node = h("div", { class: "list" }, this.table, this.below);
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
    const rows = items.map((item) => rowOf(this.columns, item));
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
}
