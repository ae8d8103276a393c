// A list of any length: only the lines in sight exist, and what they say is fetched as they come into sight.

import { fill, h } from "./dom.js";
import { say } from "./words.js";

// Browsers lay out no more than some ten million pixels; beyond, the bar's way is shorter than that of the lines.
const TALLEST = 1e7, BLOCK = 40, KEPT = 100;

export class List {
  /** `fetch(from, count)` gives rows, `line(row)` what one says, `open(at)` shows it. */
  constructor({ label, fetch, line, open }) {
    Object.assign(this, { fetch, line, open, total: 0, active: 0, last: 0, real: 0, blocks: new Map(), shown: new Map() });
    this.space = h("div", { class: "space", role: "presentation" });
    this.box = h("div", {
      class: "list", role: "listbox", tabindex: 0, "aria-label": label, onscroll: () => this.scrolled(),
      onkeydown: (event) => this.pressed(event), onclick: (event) => this.clicked(event),
    }, this.space);
    this.seen = new ResizeObserver(() => this.draw());
    this.seen.observe(this.box);
  }

  /** As many as there are now; anew where they are others than before. */
  count(total, anew) {
    if (anew) Object.assign(this, { blocks: new Map(), active: 0, real: 0, fetching: null });
    else for (const [at, lines] of this.blocks) if (lines.length < BLOCK) this.blocks.delete(at);
    this.total = total;
    this.height = 2.5 * parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.space.style.height = `${Math.min(TALLEST, total * this.height)}px`;
    if (anew) this.box.scrollTop = this.last = 0;
    this.draw();
  }

  get most() {
    return Math.max(0, this.total * this.height - this.box.clientHeight);
  }

  get way() {
    return Math.max(0, Math.min(TALLEST, this.total * this.height) - this.box.clientHeight);
  }

  /** Small steps move by what they say, large ones to their share of the whole. */
  scrolled() {
    const at = this.box.scrollTop, moved = at - this.last;
    const far = this.way === this.most || Math.abs(moved) > this.box.clientHeight || at <= 0 || at >= this.way - 1;
    this.real = far ? (this.way ? (at / this.way) * this.most : 0) : Math.min(this.most, Math.max(0, this.real + moved));
    this.last = at;
    this.draw();
    clearTimeout(this.resting);
    if (this.way !== this.most) this.resting = setTimeout(() => this.rest(), 200);
  }

  rest() {
    const at = this.most ? (this.real / this.most) * this.way : 0;
    // Never at an end while there are lines beyond it: nobody could turn the wheel that way.
    const between = this.way !== this.most && this.real > 0 && this.real < this.most;
    this.box.scrollTop = between ? Math.min(this.way - 2, Math.max(1, at)) : at;
    this.last = this.box.scrollTop;
    this.draw();
  }

  draw() {
    if (!this.box.isConnected) return;
    const first = Math.max(0, Math.floor(this.real / this.height) - 3);
    const end = Math.min(this.total, Math.ceil((this.real + this.box.clientHeight) / this.height) + 3);
    for (const [at, element] of this.shown) if (at < first || at >= end) { element.remove(); this.shown.delete(at); }
    for (let at = first; at < end; at += 1) this.place(at);
    if (this.shown.has(this.active)) this.box.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.box.removeAttribute("aria-activedescendant");
    this.load(first, end);
  }

  place(at) {
    let element = this.shown.get(at);
    if (!element) {
      element = h("div", { role: "option", id: `row-${at}`, "aria-posinset": at + 1 });
      element.at = at;
      const later = [...this.shown].filter(([other]) => other > at).sort(([one], [other]) => one - other)[0];
      this.space.insertBefore(element, later?.[1] ?? null);
      this.shown.set(at, element);
    }
    const said = this.blocks.get(Math.floor(at / BLOCK))?.[at % BLOCK];
    if (element.said !== said || !said) fill(element, said ?? say("waiting"));
    element.said = said;
    element.setAttribute("aria-setsize", this.total);
    element.setAttribute("aria-selected", at === this.active);
    const top = this.box.scrollTop + at * this.height - this.real;
    element.style.transform = `translateY(${top}px)`;
  }

  /** One block at a time, the one in sight first: who scrolls past a million lines waits for none of them. */
  async load(first, end) {
    const blocks = [];
    for (let at = Math.floor(first / BLOCK); at * BLOCK < end; at += 1) if (!this.blocks.has(at)) blocks.push(at);
    if (!blocks.length || this.fetching) return;
    const mine = this.fetching = {};
    const rows = await this.fetch(blocks[0] * BLOCK, BLOCK).catch(() => null);
    if (this.fetching !== mine) return;
    this.fetching = null;
    if (!rows?.length) return;
    this.blocks.set(blocks[0], rows.map((row) => this.line(row)));
    if (this.blocks.size > KEPT) this.blocks.delete(this.blocks.keys().next().value);
    this.draw();
  }

  go(at) {
    this.active = Math.max(0, Math.min(this.total - 1, at));
    const top = this.active * this.height, room = this.box.clientHeight;
    if (top < this.real) this.real = top;
    if (top + this.height > this.real + room) this.real = top + this.height - room;
    this.rest();
  }

  pressed(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.height) - 1), { active, total } = this;
    const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0,
      End: total - 1 }[event.key];
    if (to === undefined && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (to !== undefined) this.go(to);
    else if (total) this.open(active);
  }

  clicked(event) {
    const at = event.target.closest("[role=option]")?.at;
    if (at === undefined) return;
    this.go(at);
    this.open(at);
  }
}
