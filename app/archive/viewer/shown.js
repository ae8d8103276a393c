// One section: what it is, its rows as a list, and what narrows them down.

import { openCard } from "./card.js";
import { announce, button, data, facts, fill, h } from "./dom.js";
import { List } from "./list.js";
import { listed, rowsOf } from "./overview.js";
import { keepFocus, monthsDays, timeline } from "./timeline.js";
import { brief, moment, readable } from "./values.js";
import { number, say } from "./words.js";

const TELLING = 5, TYPING = 350, ORIGINS = ["given", "observed", "inferred"];

export function sectionView(app, section) {
  return new Shown(app, section).made();
}

class Shown {
  constructor(app, section) {
    Object.assign(this, { app, section, view: null, matches: null, done: true, zone: app.info.export.time_zone });
    this.list = new List({ label: section.title, fetch: (from, count) => this.rows(from, count), line: (row) => this.line(row),
      open: (at) => this.open(at) });
    this.state = h("p", { class: "state" });
    this.months = h("div");
    this.form();
    const on = (name, deed) => app.bus.addEventListener(name, deed, { signal: app.leaving });
    on("found", ({ detail }) => this.found(detail));
    on("progress", () => this.progress());
    on("read", () => this.refresh());
    on("saving", ({ detail }) => detail.section === section.name && fill(this.saved, say("saving", { count: detail.rows })));
    app.leaving.addEventListener("abort", () => this.view && app.reader.ask({ ask: "forget", view: this.view }), { once: true });
  }

  made() {
    const { section } = this;
    this.saved = h("span", { class: "quiet", role: "status" });
    this.save = button(say("save"), () => this.csv());
    requestAnimationFrame(() => this.begin());
    return [
      h("p", { class: "back" }, h("a", { href: "#" }, `← ${say("all")}`)),
      h("h1", { tabindex: -1, dir: "auto" }, section.title),
      this.about(),
      this.fields,
      this.months,
      h("div", { class: "row" }, this.state, h("span", { class: "gap" }), this.saved, this.save),
      this.list.box,
      h("p", { class: "quiet keys" }, say("keys")),
    ];
  }

  about() {
    const { purpose, recipients, retention, origin, because, scope } = this.section;
    const nobody = this.app.info.notice?.recipients ? say("see", { title: say("recipients") }) : say("nobody_named");
    const pairs = [
      [say("purpose"), purpose], [say("recipients_here"), listed(recipients) || nobody], [say("kept"), retention],
      [say("origin"), ORIGINS.includes(origin) ? say(origin) : origin],
    ];
    return purpose && h("details", {}, h("summary", {}, say("about")), facts(pairs),
      scope === "visitor" && because && h("p", { class: "quiet" }, say("whole_account", { because })));
  }

  form() {
    const { app } = this, field = (name, control) => h("label", {}, h("span", {}, say(name)), control);
    this.text = h("input", { type: "search", autocomplete: "off", dir: "auto" });
    this.column = h("select", { onfocus: () => this.columns(), onchange: () => this.value.value && this.filter() });
    this.value = h("input", { type: "search", autocomplete: "off", dir: "auto" });
    const [since, until] = app.period?.days ?? [];
    this.since = h("input", { type: "date", value: since });
    this.until = h("input", { type: "date", value: until });
    this.dates = h("div", { class: "pair", hidden: !this.section.time }, field("since", this.since), field("to", this.until));
    const typed = () => { clearTimeout(this.typing); this.typing = setTimeout(() => this.filter(), TYPING); };
    this.clear = button(say("clear"), () => { this.fields.reset(); this.period(null); this.text.focus(); });
    this.fields = h("form", { class: "fields", role: "search", oninput: typed, onsubmit: (event) => { event.preventDefault(); this.filter(); } },
      field("search", this.text), h("div", { class: "pair" }, field("field", this.column), field("contains", this.value)), this.dates, this.clear);
    fill(this.column, h("option", { value: "" }, say("any_field")));
  }

  begin() {
    this.columns();
    this.refresh();
    if (this.app.period && this.section.time) this.filter();
    else this.progress();
  }

  async columns() {
    const { columns } = await this.app.reader.ask({ ask: "columns", section: this.section.name });
    const here = new Set([...this.column.options].map((one) => one.value));
    for (const one of columns) if (!here.has(one)) this.column.append(h("option", { value: one }, this.label(one)));
  }

  async refresh() {
    const told = await this.app.reader.ask({ ask: "timeline", section: this.section.name });
    if (this.app.leaving.aborted) return;
    this.told = told;
    this.dates.hidden = !this.section.time && !told.months.length;
    this.bars();
    this.columns();
    this.progress();
  }

  bars() {
    if (!this.told?.months.length) return;
    keepFocus(this.months, timeline(this.told, this.app.period?.month, (month) => this.period(month)));
  }

  period(month) {
    const [since, until] = month ? monthsDays(month) : ["", ""];
    this.app.period = month && { month, days: [since, until] };
    [this.since.value, this.until.value] = [since, until];
    this.bars();
    this.filter();
  }

  async filter() {
    clearTimeout(this.typing);
    const { text, column, value, since, until, app, section } = this;
    if (app.period && (since.value !== app.period.days[0] || until.value !== app.period.days[1])) {
      app.period = null;
      this.bars();
    }
    const asked = { text: text.value, since: since.value, until: until.value, value: value.value };
    // A value without a field may stand in any: then it is what is searched for.
    if (value.value && column.value) asked.column = column.value;
    else if (value.value && !text.value) asked.text = value.value;
    const wanted = Object.fromEntries(Object.entries(asked).filter(([name, said]) => said && (name !== "value" || column.value)));
    const mine = this.asking = {};
    if (!Object.keys(wanted).length) return this.unfiltered();
    const { view } = await app.reader.ask({ ask: "filter", section: section.name, ...wanted });
    if (this.asking !== mine) return app.reader.ask({ ask: "forget", view });
    Object.assign(this, { view, matches: 0, done: false });
    this.list.count(0, true);
    return this.tell();
  }

  unfiltered() {
    if (this.view) this.app.reader.ask({ ask: "forget", view: this.view });
    Object.assign(this, { view: null, matches: null, done: true });
    this.list.count(this.read, true);
    this.tell();
  }

  get read() {
    return this.app.rows.get(this.section.name) ?? 0;
  }

  found({ view, matches, done }) {
    if (view !== this.view) return;
    Object.assign(this, { matches, done });
    this.list.count(matches);
    this.tell();
  }

  progress() {
    if (this.view === null && this.list.total !== this.read) this.list.count(this.read);
    this.tell();
  }

  tell() {
    const { app, section, matches, read, done } = this, all = rowsOf(app, section);
    const reading = !app.done && read < all;
    const said = matches === null
      ? (reading ? say("reading_of", { read, count: all }) : all ? say("entries", { count: all }) : say(app.done || section.rows === 0 ? "nothing" : "waiting"))
      : done && !matches ? say("none_found") : done ? say("found_of", { matches, count: all }) : say("searching", { count: matches });
    this.clear.hidden = matches === null;
    this.list.box.hidden = !this.list.total;
    if (this.state.textContent === said) return;
    this.state.textContent = said;
    if (matches !== null) announce(said);
  }

  label(column) {
    return this.section.labels?.[column] ?? readable(column);
  }

  async rows(from, count) {
    return (await this.app.reader.ask({ ask: "rows", section: this.section.name, view: this.view, from, count })).rows;
  }

  /** The moment first, then the columns that say something. */
  line({ number: at, cells }) {
    const time = this.section.time, dated = cells.find(([column]) => column === time);
    // A code whose words stand beside it, and a bare number of a row, say less.
    const names = new Set(cells.filter(([, kind]) => kind !== "null").map(([column]) => column));
    const last = ([column]) => names.has(`${column}_label`) || /(^|_)id$/.test(column);
    const telling = cells.filter((cell) => cell !== dated && cell[1] !== "null" && cell[2] !== "")
      .sort((one, other) => last(one) - last(other)).slice(0, TELLING);
    return [
      h("span", { class: "at" }, number(at + 1)),
      dated && h("span", { class: "when" }, moment(dated[2], this.zone) ?? brief(dated, this.zone)),
      telling.map((cell) => [h("span", { class: "quiet" }, data(this.label(cell[0])), ": "), data(brief(cell, this.zone)), h("i", {}, " · ")]),
      !telling.length && h("span", { class: "quiet" }, say("no_columns")),
    ];
  }

  open(at) {
    openCard({
      at, zone: this.zone, signal: this.app.leaving, count: () => this.list.total, label: (column) => this.label(column),
      rowAt: async (one) => (await this.rows(one, 1))[0], moved: (one) => this.list.go(one),
      whole: (row, column) => this.app.reader.ask({ ask: "cell", section: this.section.name, number: row.number, column }),
    });
  }

  async csv() {
    this.save.disabled = true;
    try {
      const { blob, name } = await this.app.reader.ask({ ask: "csv", section: this.section.name, view: this.view });
      const link = h("a", { href: URL.createObjectURL(blob), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      fill(this.saved, say("saved", { name }));
    } catch {
      fill(this.saved, say("not_saved"));
    }
    this.save.disabled = false;
  }
}
