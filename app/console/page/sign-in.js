// Signing in, with a key or by a link that works once; and saying why, where a session has ended.

import { Refused, refusal } from "./api.js";
import { alarm, button, fill, h, notice } from "./dom.js";
import { heading } from "./frame.js";
import { sentenceOf } from "./problems.js";
import { leaveFor } from "./routes.js";
import { signIn } from "./session.js";
import { say } from "./words.js";

// The service says so in the page itself, where an identity provider is configured.
const hasOidc = document.documentElement.dataset.oidc === "yes";
const FAILED = { refused: "sign-in.oidc-refused", late: "sign-in.oidc-late", away: "sign-in.oidc-away" };

/** `why` is a key of a sentence, or null; `done` is called once somebody is signed in. */
export function showSignIn(place, why, done) {
  const trouble = h("div", { id: "trouble" });
  const field = h("input", {
    id: "key", type: "password", autocomplete: "off", autocapitalize: "none", spellcheck: "false", required: true,
    "aria-describedby": "key-help trouble", class: "wide", maxlength: "512",
  });
  const submit = h("button", { type: "submit", class: hasOidc ? "plain" : "main" }, say("sign-in.submit"));
  const form = h(
    "form", { novalidate: true, onsubmit: (event) => enter(event, { field, submit, trouble, done }) },
    h("label", { for: "key" }, say("sign-in.key")), field,
    h("p", { id: "key-help", class: "quiet" }, say("sign-in.looks"), " ", h("code", {}, "dossier_3f9c…_81b2…")),
    trouble, submit,
  );
  const head = heading("sign-in.title");
  const lead = h("p", {}, say(hasOidc ? "sign-in.lead-oidc" : "sign-in.lead"));
  const other = hasOidc && button(say("sign-in.oidc"), () => leaveFor("/console/oidc/begin"), { class: "main", id: "oidc" });
  const ways = other && [h("p", {}, other), h("p", {}, say("sign-in.or"))];
  fill(place, h("div", { class: "narrow" }, head, why && reason(why), lead, ways, form, help()));
  (why ? head : other || field).focus();
}

/** The sentence for what the service says of a sign-in at the identity provider. */
export function whyNot(outcome) {
  return FAILED[outcome] ?? FAILED.refused;
}

/** Null where the link was good, else the key of the sentence that says why not. */
export async function redeem(ticket) {
  try {
    await signIn({ ticket });
    return null;
  } catch (error) {
    return error instanceof Response && error.status < 500 ? "sign-in.used-link" : "away";
  }
}

function reason(why) {
  const isTrouble = why === "away" || why === "sign-in.used-link" || Object.values(FAILED).includes(why);
  alarm(say(why));
  return notice(isTrouble ? "error" : "info", h("p", {}, say(why)));
}

function help() {
  return h(
    "details", {},
    h("summary", {}, say("sign-in.where")),
    h("p", {}, say("sign-in.ask")),
    h("pre", {}, h("code", {}, "python -m app keys create --name maria \\\n  --data-center acme --role administrator")),
  );
}

async function enter(event, { field, submit, trouble, done }) {
  event.preventDefault();
  const key = field.value.trim();
  if (!key) return refuse(say("sign-in.empty"), field, trouble);
  submit.disabled = true;
  try {
    await signIn({ key });
    field.value = "";
    done();
  } catch (error) {
    refuse(await wordsFor(error), field, trouble);
  } finally {
    submit.disabled = false;
  }
}

async function wordsFor(error) {
  if (!(error instanceof Response)) return say("away");
  if ([401, 403, 422].includes(error.status)) return say("sign-in.refused");
  const known = await refusal(error);
  return sentenceOf(known instanceof Refused ? known : error);
}

function refuse(sentence, field, trouble) {
  fill(trouble, notice("error", h("p", {}, sentence)));
  alarm(sentence);
  field.setAttribute("aria-invalid", "true");
  field.focus();
  field.select();
}
