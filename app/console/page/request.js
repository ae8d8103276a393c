// The order for one export: what may be said with it, the button that names what it will do, and the way to delete.

import { Refused, inCenter, insist, newKey, read } from "./api.js";
import { alarm, announce, button, fill, h, icon } from "./dom.js";
import { nameOf } from "./devices.js";
import { mayDo } from "./frame.js";
import { errorBox, isOver } from "./problems.js";
import { addressOf, go } from "./routes.js";
import { phrase, say } from "./words.js";

const ARCHIVE_LANGUAGES = [["en", "English"], ["de", "Deutsch"], ["fr", "Français"], ["es", "Español"], ["it", "Italiano"]];

/**
 * `stale` is called where the candidate does not hold any more, `erase` where the chosen data is to be deleted instead;
 * what was typed into `before` is kept.
 */
export function requestForm(visit, { stale, erase }, before = null) {
  const order = new Order(visit, stale, erase);
  if (before) order.language.value = before.language.value;
  if (before) order.caseReference.value = before.caseReference.value;
  return order;
}

class Order {
  constructor(visit, stale, erase) {
    Object.assign(this, { visit, stale, chosen: null, sent: null, isBusy: false });
    this.choose = (combination, source) => this.take(combination, source);
    this.caseReference = h("input", { id: "case", type: "text", maxlength: "64", autocomplete: "off", dir: "auto",
      "aria-describedby": "case-help" });
    this.language = h("select", { id: "archive-language" }, h("option", { value: "" }, say("order.language-own")),
      ARCHIVE_LANGUAGES.map(([tag, name]) => h("option", { value: tag, lang: tag }, name)));
    this.trouble = h("div");
    this.why = h("p", { id: "order-why", class: "quiet" }, say("order.none"));
    const closed = { "aria-disabled": "true", "aria-describedby": "order-why" };
    this.button = h("button", { type: "submit", class: "main", ...closed }, say("order.submit-none"));
    // Out of sight until one is chosen: there is nothing to explain about what nobody means to press.
    this.erase = button([icon("remove"), say("erase.offer")], () => erase(this.chosen, this.caseReference.value.trim()),
      { class: "danger", "data-deed": "erase", hidden: true });
    this.node = h("form", { class: "order", novalidate: true, onsubmit: (event) => this.submitted(event) },
      this.options(), this.trouble, h("div", { class: "deed" }, this.button, this.erase, this.why));
  }

  options() {
    return h(
      "div", { class: "panel fields" },
      h("div", {}, h("label", { for: "case" }, say("order.case")), this.caseReference,
        h("p", { id: "case-help", class: "quiet" }, say("order.case-help"))),
      h("div", {}, h("label", { for: "archive-language" }, say("order.language")), this.language),
    );
  }

  take(combination, source) {
    this.chosen = { combination, source };
    fill(this.trouble);
    const words = phrase("order.submit", { combination: h("span", {}, nameOf(combination)), source: source.title });
    fill(this.button, h("span", {}, words));
    fill(this.why, say("order.then"));
    this.button.removeAttribute("aria-disabled");
    this.erase.hidden = !mayDo(this.visit.center, "erasures:create");
  }

  /** Back from what might have been deleted, to the button that led there or to the search that is needed first. */
  focus() {
    (this.chosen ? this.erase : this.why.querySelector("button"))?.focus();
  }

  /** Told where the person looks when they go to press the button. */
  lapse(again) {
    this.chosen = null;
    this.erase.hidden = true;
    this.button.setAttribute("aria-disabled", "true");
    fill(this.button, say("order.submit-none"));
    fill(this.why, say("found.old"), " ", button(say("found.search-again"), again));
    if (this.node.isConnected) alarm(say("found.old"));
  }

  submitted(event) {
    event.preventDefault();
    if (this.isBusy) return;
    if (this.chosen) this.send();
    else this.explain();
  }

  explain() {
    alarm(say("order.none"));
    document.querySelector(".offers input:not(:disabled)")?.focus();
  }

  async send() {
    this.setBusy(true);
    fill(this.trouble);
    const { center, signal } = this.visit;
    const options = { body: this.body(), headers: { "Idempotency-Key": this.key() }, signal };
    try {
      const made = await insist(() => read("POST", inCenter(center.id, "/exports"), options), signal);
      go(addressOf("progress", { data_center: center.id }, made));
    } catch (error) {
      if (!isOver(error, signal)) this.refused(error);
    }
  }

  refused(error) {
    this.setBusy(false);
    if (error instanceof Refused && error.slug === "candidate-token-invalid") return this.stale();
    fill(this.trouble, errorBox(error));
  }

  body() {
    const caseReference = this.caseReference.value.trim(), language = this.language.value;
    return {
      candidate: this.chosen.combination.candidate,
      ...(caseReference && { case_reference: caseReference }),
      ...(language && { language }),
    };
  }

  /** The same for the same wish, so that pressing again after a lost answer makes no second export. */
  key() {
    const wish = JSON.stringify(this.body());
    if (this.sent?.wish !== wish) this.sent = { wish, key: newKey() };
    return this.sent.key;
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    if (isBusy) this.button.setAttribute("aria-disabled", "true");
    else this.button.removeAttribute("aria-disabled");
    fill(this.why, say(isBusy ? "order.busy" : "order.then"));
    if (isBusy) announce(say("order.busy"));
  }
}
