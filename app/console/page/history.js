// The history of exported and deleted data: what was asked for, by whom, and what became of it.

import { ask, inCenter, read } from "./api.js";
import { deedButtons } from "./deeds.js";
import { whatOf } from "./devices.js";
import { announce, button, fill, h, icon } from "./dom.js";
import { asked, filterForm, offer } from "./filters.js";
import { heading } from "./frame.js";
import { identifierField } from "./identifier.js";
import { Pages } from "./pages.js";
import { errorBox, isOver, reasonOf } from "./problems.js";
import { addressOf } from "./routes.js";
import { save } from "./save.js";
import { STATUSES, badge, isUnfinished, statusName } from "./status.js";
import { day, left, moment } from "./times.js";
import { number, phrase, say } from "./words.js";

const KINDS = ["export", "erasure"];
// After these a row is as it was before.
const HARMLESS = new Set(["download", "receipt"]);

export function draw(place, visit) {
  const view = new History(visit);
  fill(place, heading("history.title"), view.search, view.filters.node, view.tools, view.trouble, view.pages.node);
  view.pages.begin();
  view.nameSources();
}

class History {
  constructor(visit) {
    this.visit = visit;
    this.wanted = null;
    this.sources = [["", say("filter.any")]];
    this.fields = this.fieldsOf();
    this.filters = filterForm("history", this.fields, visit);
    this.search = this.searchForm();
    this.trouble = h("div");
    this.about = h("p", { class: "about" });
    this.csv = button([icon("download"), say("history.csv")], () => this.saveCsv());
    this.tools = h("div", { class: "row" }, this.about, h("span", { class: "space" }),
      button([icon("again"), say("history.refresh")], () => this.pages.begin()),
      this.csv);
    this.pages = new Pages({
      caption: say("history.title"), columns: this.columns(), empty: () => this.emptiness(), signal: visit.signal,
      load: (token, signal) => this.load(token, signal),
    });
  }

  fieldsOf() {
    const statuses = STATUSES.map((status) => [status, statusName(status)]);
    const orders = ["", "requested_at"].map((sort) => [sort, say(`sort.${sort || "newest"}`)]);
    const kinds = ["", ...KINDS].map((kind) => [kind, say(`kinds.${kind || "all"}`)]);
    return [
      { name: "kind", kind: "choice", options: kinds },
      { name: "status", kind: "choice", options: [["", say("filter.any")], ...statuses] },
      { name: "data_source", kind: "choice", options: this.sources },
      { name: "requested_by", kind: "text" },
      { name: "case_reference", kind: "text" },
      { name: "from", kind: "date" },
      { name: "to", kind: "date" },
      { name: "sort", kind: "choice", options: orders, isOrder: true },
    ];
  }

  searchForm() {
    const field = identifierField("history-identifier");
    const find = (event) => {
      event.preventDefault();
      if (field.value()) this.find(field.wanted());
      else field.refuse(say("identifier.empty"));
    };
    const submit = h("button", { type: "submit", class: "plain" }, say("history.find"));
    return h(
      "details", { class: "panel" },
      h("summary", {}, say("history.search")),
      h("p", {}, say("history.search-lead")),
      h("form", { novalidate: true, onsubmit: find },
        field.label, h("div", { class: "row" }, field.input, submit), field.understood),
    );
  }

  /** Of one person; the filters do not apply, and are put away as long. `null` is the whole history again. */
  find(wanted) {
    this.wanted = wanted;
    this.filters.node.hidden = this.csv.hidden = wanted !== null;
    fill(this.about, wanted && [say("history.of-one"), " ", button(say("history.of-all"), () => this.find(null))]);
    this.pages.begin();
  }

  load(token, signal) {
    const { center, parameters } = this.visit;
    if (this.wanted) {
      const body = token ? { ...this.wanted, page_token: token } : this.wanted;
      return read("POST", inCenter(center.id, "/history/search"), { body, signal });
    }
    const query = asked(this.fields, parameters);
    if (token) query.set("page_token", token);
    return read("GET", inCenter(center.id, `/history?${query}`), { signal });
  }

  /** The list is there without their titles, so whatever goes wrong here only leaves the choice short. */
  async nameSources() {
    const { center, parameters, signal } = this.visit;
    const answer = await read("GET", inCenter(center.id, "/data-sources"), { signal }).catch(() => ({ items: [] }));
    const options = [...this.sources, ...answer.items.map(({ id, title }) => [id, title])];
    offer(this.filters.inputs.get("data_source"), options, parameters.get("data_source") ?? "");
  }

  emptiness() {
    if (this.wanted) return say("history.empty-one");
    return say([...asked(this.fields, this.visit.parameters)].length ? "history.empty-filtered" : "history.empty");
  }

  columns() {
    return [
      ["status", (entry) => statusOf(entry)],
      ["requested", (entry) => moment(entry.requested_at)],
      ["by", (entry) => h("bdi", {}, entry.requested_by)],
      ["source", (entry) => h("bdi", {}, entry.data_source.title)],
      ["visitor", (entry) => visitorOf(entry)],
      ["case", (entry) => entry.case_reference && h("bdi", {}, entry.case_reference)],
      ["downloads", (entry) => downloadsOf(entry)],
      ["expires", (entry) => expiryOf(entry)],
      ["deeds", (entry) => this.deedsOf(entry)],
    ];
  }

  deedsOf(entry) {
    const href = addressOf("progress", { data_center: this.visit.center.id }, entry);
    const label = say(isUnfinished(entry) ? "history.watch" : "history.details");
    const done = (deed) => { fill(this.trouble); if (!HARMLESS.has(deed)) this.pages.begin(); };
    const failed = (error, kind) => this.tell(error, kind);
    const buttons = deedButtons(entry, this.visit, { done, failed });
    return h("div", { class: "row tight" }, buttons, KINDS.includes(entry.kind) && h("a", { href }, label));
  }

  /** The row that it is about may be far below the place where troubles are told. */
  tell(error, kind) {
    fill(this.trouble, errorBox(error, null, kind));
    this.trouble.scrollIntoView({ block: "nearest" });
  }

  async saveCsv() {
    const { center, parameters, signal } = this.visit;
    try {
      const path = inCenter(center.id, `/history.csv?${asked(this.fields, parameters)}`);
      const answer = await ask("GET", path, { signal });
      await save(answer, "history.csv");
      announce(say("history.csv-saved"));
    } catch (error) {
      if (!isOver(error, signal)) this.tell(error);
    }
  }
}

function statusOf(entry) {
  return [badge(entry.status), entry.problem && h("p", { class: "quiet" }, reasonOf(entry))];
}

function visitorOf(entry) {
  const { label, handle } = entry.visitor;
  const what = h("span", {}, whatOf(entry));
  const deletion = entry.kind === "erasure" && h("strong", {}, say("kind.erasure"), " ");
  return [h("bdi", {}, label), " ", h("code", { class: "quiet" }, handle), h("div", {}, deletion, what)];
}

function downloadsOf({ downloads, last_downloaded_at: last }) {
  return downloads ? [number(downloads), h("div", { class: "quiet" }, day(last))] : null;
}

function expiryOf({ status, expires_at: expires, backups_until: backups }) {
  if (backups) return phrase("history.backups", { at: moment(backups) });
  if (!expires || !["ready", "expired"].includes(status)) return null;
  if (status === "expired") return moment(expires);
  return [h("strong", {}, say("left", { span: left(expires) })), h("div", {}, moment(expires))];
}
