// Delete personal data: what would go is shown first, and only who types the visitor's handle again can ask for it.

import { inCenter, read } from "./api.js";
import { nameOf } from "./devices.js";
import { alarm, announce, button, fill, h, icon, notice } from "./dom.js";
import { planOf } from "./plan.js";
import { errorBox, isOver, sentenceOf } from "./problems.js";
import { addressOf, go } from "./routes.js";
import { now } from "./times.js";
import { phrase, say } from "./words.js";

const LAPSED = new Set(["plan-invalid", "plan-outdated"]);

/** `back` leads to what was found, `stale` is called where the candidate does not hold any more. */
export function erasureForm(visit, { combination, source }, { back, stale, caseReference }) {
  return new Erasure(visit, { combination, source, back, stale, caseReference });
}

class Erasure {
  constructor(visit, given) {
    Object.assign(this, { visit, isBusy: false, plan: null }, given);
    const values = { combination: h("span", {}, nameOf(given.combination)), source: given.source.title };
    this.head = h("h2", { tabindex: "-1" }, say("erase.title"));
    this.about = h("p", { class: "lead" }, phrase("erase.lead", values));
    this.panel = h("div");
    this.node = h("section", { class: "erasure" }, this.head, this.about, this.panel);
  }

  /** Made anew where the one before has run out; what was typed stays. */
  async preview() {
    const { center, signal } = this.visit;
    clearTimeout(this.aging);
    fill(this.panel, h("p", { class: "busy" }, say("erase.counting")));
    this.head.focus();
    announce(say("erase.counting"));
    try {
      const body = { candidate: this.combination.candidate };
      this.show(await read("POST", inCenter(center.id, "/erasures/preview"), { body, signal }));
    } catch (error) {
      if (isOver(error, signal)) return;
      if (error.slug === "candidate-token-invalid") this.stale();
      else fill(this.panel, errorBox(error, () => this.preview(), "erasure"), h("p", {}, this.backButton()));
    }
  }

  show(found) {
    this.plan = found;
    fill(this.panel, planOf(found, this.visit, this.combination), this.form(found));
    announce(say("erase.counted"));
    const left = Date.parse(found.expires_at) - now();
    this.aging = setTimeout(() => this.lapse(), Math.max(0, left));
    this.visit.signal.addEventListener("abort", () => clearTimeout(this.aging), { once: true });
  }

  form(found) {
    this.understood = h("p", { id: "confirm-help", class: "understood" }, say("erase.confirm-help"));
    this.confirm = h("input", { id: "confirm", type: "text", autocomplete: "off", autocapitalize: "none",
      autocorrect: "off", spellcheck: "false", maxlength: "64", required: true, "aria-describedby": this.understood.id,
      value: this.confirm?.value ?? "", oninput: () => this.typed() });
    this.reference = h("input", { id: "erase-case", type: "text", maxlength: "64", autocomplete: "off", dir: "auto",
      value: this.reference?.value ?? this.caseReference, "aria-describedby": "erase-case-help" });
    this.revokes = h("input", { id: "revoke", type: "checkbox", checked: this.revokes?.checked ?? true,
      "aria-describedby": "revoke-help" });
    this.trouble = h("div", { class: "trouble" });
    this.submit = h("button", { type: "submit", class: "danger" }, icon("remove"), this.words());
    this.why = h("p", { class: "quiet" }, this.then());
    return h("form", { novalidate: true, onsubmit: (event) => this.submitted(event) },
      this.fields(found), this.trouble, h("div", { class: "deed" }, this.submit, this.backButton(), this.why));
  }

  fields({ visitor }) {
    const handle = h("code", {}, visitor.handle);
    return h("div", { class: "panel fields" },
      h("div", {}, h("label", { for: "confirm" }, phrase("erase.confirm", { handle })), this.confirm, this.understood),
      h("div", {}, h("label", { for: "erase-case" }, say("order.case")), this.reference,
        h("p", { id: "erase-case-help", class: "quiet" }, say("erase.case-help"))),
      h("div", {}, h("label", { class: "check" }, this.revokes, h("span", {}, say("erase.revoke"))),
        h("p", { id: "revoke-help", class: "quiet" }, say("erase.revoke-help"))));
  }

  then() {
    return say(this.plan.needs_approval ? "erase.then-approval" : "erase.then");
  }

  words() {
    const key = this.plan.needs_approval ? "erase.submit-approval" : "erase.submit";
    return h("span", {}, phrase(key, { label: this.plan.visitor.label }));
  }

  backButton() {
    return button(say("erase.back"), () => { clearTimeout(this.aging); this.back(); });
  }

  typed() {
    this.confirm.removeAttribute("aria-invalid");
    fill(this.understood, say("erase.confirm-help"));
  }

  /** Nothing is sent that would be refused: a plan that has run out is said to have, and can be made anew. */
  lapse() {
    this.plan = null;
    this.submit.setAttribute("aria-disabled", "true");
    this.refuse(say("erase.lapsed"));
  }

  refuse(sentence) {
    const again = button([icon("again"), say("erase.again")], () => this.preview());
    this.tell(notice("warning", h("p", {}, sentence), h("p", {}, again)));
    alarm(sentence);
  }

  /** Above the button, which is where somebody looks who has pressed it, and not below the edge that it sticks to. */
  tell(box) {
    fill(this.trouble, box);
    this.trouble.scrollIntoView({ block: "nearest" });
  }

  submitted(event) {
    event.preventDefault();
    if (this.isBusy) return;
    if (!this.plan) this.refuse(say("erase.lapsed"));
    else if (this.confirm.value.trim()) this.send();
    else this.mistyped(say("erase.confirm-empty"));
  }

  async send() {
    const { center, signal } = this.visit;
    this.setBusy(true);
    fill(this.trouble);
    try {
      const made = await read("POST", inCenter(center.id, "/erasures"), { body: this.body(), signal });
      go(addressOf("progress", { data_center: center.id }, made));
    } catch (error) {
      if (!isOver(error, signal)) this.refused(error);
    }
  }

  body() {
    const caseReference = this.reference.value.trim();
    return {
      plan: this.plan.plan, confirm: this.confirm.value.trim(), revoke_exports: this.revokes.checked,
      ...(caseReference && { case_reference: caseReference }),
    };
  }

  refused(error) {
    this.setBusy(false);
    if (error.slug === "confirm-mismatch") return this.mistyped(sentenceOf(error, "erasure"));
    if (LAPSED.has(error.slug)) return this.refuse(sentenceOf(error, "erasure"));
    return this.tell(errorBox(error, null, "erasure"));
  }

  mistyped(sentence) {
    this.confirm.setAttribute("aria-invalid", "true");
    fill(this.understood, h("span", { class: "bad" }, sentence));
    alarm(sentence);
    this.confirm.focus();
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    if (isBusy) this.submit.setAttribute("aria-disabled", "true");
    else if (this.plan) this.submit.removeAttribute("aria-disabled");
    fill(this.why, isBusy ? say("erase.busy") : this.plan && this.then());
    if (isBusy) announce(say("erase.busy"));
  }
}
