// The field for a Tracking ID or an email; it says which of them it understood, and can be told otherwise.

import { alarm, button, fill, h } from "./dom.js";
import { say } from "./words.js";

const OTHER = { email: "tracking_id", tracking_id: "email" };

export function identifierField(id, { ontyped = () => {} } = {}) {
  let told = null;
  const understood = h("p", { id: `${id}-understood`, class: "understood" });
  const input = h("input", {
    id, type: "text", autocomplete: "off", autocapitalize: "none", autocorrect: "off", spellcheck: "false", dir: "auto",
    maxlength: "512", class: "wide", required: true, "aria-describedby": understood.id, oninput: typed,
  });
  const label = h("label", { for: id }, say("identifier.label"));
  explain();
  return { label, input, understood, value, wanted, set, refuse };

  function value() {
    return input.value.trim();
  }

  /** The body of a search. Its kind is sent only where the person said so, as the service guesses the same way. */
  function wanted() {
    return told ? { identifier: value(), kind: told } : { identifier: value() };
  }

  function set(text) {
    input.value = text;
    explain();
  }

  function refuse(sentence) {
    input.setAttribute("aria-invalid", "true");
    fill(understood, h("span", { class: "bad" }, sentence));
    alarm(sentence);
    input.focus();
  }

  function typed() {
    input.removeAttribute("aria-invalid");
    // What was said of another text does not hold for one that begins anew.
    if (!value()) told = null;
    explain();
    ontyped();
  }

  function explain() {
    if (!value()) return fill(understood, say("identifier.help"));
    const kind = told ?? (value().includes("@") ? "email" : "tracking_id");
    const turn = () => { told = OTHER[kind]; explain(); understood.querySelector("button").focus(); };
    const other = button(say(`identifier.turn-${OTHER[kind]}`), turn, { class: "link" });
    return fill(understood, say(`identifier.is-${kind}`), " ", other);
  }
}
