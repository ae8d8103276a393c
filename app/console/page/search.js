// An identifier becomes visitors, grouped by data source, of whom one combination is exported, or else deleted.

import { inCenter, read } from "./api.js";
import { resultsOf } from "./candidates.js";
import { alarm, announce, fill, h, notice } from "./dom.js";
import { erasureForm } from "./erase.js";
import { heading, nameOf } from "./frame.js";
import { identifierField } from "./identifier.js";
import { errorBox, isOver } from "./problems.js";
import { requestForm } from "./request.js";
import { phrase, say } from "./words.js";

// A candidate lives as long, and the page says so rather than to let somebody choose in vain.
const LIFETIME = 15 * 60 * 1000;

export function draw(place, visit) {
  const view = new Search(visit);
  const name = nameOf("search", visit.center);
  const lead = h("p", { class: "lead" }, say(`${name}.lead`));
  fill(place, heading(`${name}.title`), lead, view.form, hints(visit), view.found);
  if (visit.identifier) view.field.set(visit.identifier);
  if (visit.atOnce) view.search();
}

class Search {
  constructor(visit) {
    this.visit = visit;
    this.field = identifierField("identifier", { ontyped: () => visit.keep(this.field.value()) });
    this.submit = h("button", { type: "submit", class: "main" }, say("search.submit"));
    this.found = h("div", { class: "found" });
    this.form = h("form", { class: "panel", novalidate: true, onsubmit: (event) => this.submitted(event) },
      this.field.label, h("div", { class: "row" }, this.field.input, this.submit), this.field.understood);
    this.runs = 0;
    this.order = null;
  }

  submitted(event) {
    event.preventDefault();
    if (this.field.value()) return this.search();
    this.field.refuse(say("identifier.empty"));
  }

  /** `because` is said above what is found, where it was not the person who asked for another search. */
  async search(because = null) {
    const run = ++this.runs;
    this.visit.keep(this.field.value());
    clearTimeout(this.aging);
    fill(this.found, h("p", { class: "busy" }, say("search.busy")));
    announce(say("search.busy"));
    try {
      const path = inCenter(this.visit.center.id, "/visitors/search");
      const answer = await read("POST", path, { body: this.field.wanted(), signal: this.visit.signal });
      if (run === this.runs) this.show(answer, because);
    } catch (error) {
      if (isOver(error, this.visit.signal) || run !== this.runs) return;
      fill(this.found, errorBox(error, () => this.search()));
    }
  }

  show(answer, because) {
    const head = h("h2", { tabindex: "-1" }, phrase("found.title", { identifier: answer.identifier.masked }));
    const again = () => this.search();
    const stale = () => this.search(say("found.stale"));
    this.order = requestForm(this.visit, { stale, erase: (...chosen) => this.erase(stale, ...chosen) }, this.order);
    const offered = resultsOf(answer, { again, chosen: this.order.choose });
    const why = because && notice("warning", h("p", {}, because));
    fill(this.found, why, head, offered.nodes, offered.count > 0 && this.order.node);
    if (because) alarm(because);
    else announce(offered.summary);
    head.focus();
    if (offered.count) this.age();
  }

  /** In the place of what was found, which is put back as it was for whoever thinks better of it. */
  erase(stale, chosen, caseReference) {
    const found = [...this.found.childNodes];
    const back = () => { fill(this.found, found); this.order.focus(); };
    const form = erasureForm(this.visit, chosen, { back, stale, caseReference });
    fill(this.found, form.node);
    form.preview();
  }

  age() {
    this.aging = setTimeout(() => {
      if (!this.visit.signal.aborted) this.order.lapse(() => this.search());
    }, LIFETIME);
  }
}

/** Where each data source says that a Tracking ID is to be found. */
function hints({ center, signal }) {
  const list = h("dl", { class: "hints" });
  const box = h("details", { ontoggle: () => { if (box.open && !list.childNodes.length) load(); } },
    h("summary", {}, say("hints.title")), h("p", {}, say("hints.lead")), list);
  return box;

  async function load() {
    try {
      const { items } = await read("GET", inCenter(center.id, "/data-sources"), { signal });
      fill(list, items.map(({ title, tracking_id_hint: hint }) => [
        h("dt", { dir: "auto" }, title), h("dd", { dir: "auto" }, hint ?? say("hints.none")),
      ]));
    } catch (error) {
      if (!isOver(error, signal)) fill(list, errorBox(error, load));
    }
  }
}
