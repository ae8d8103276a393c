// What stands around every view: the menu of what the key may do, the data center, the language, the way out.

import { button, fill, h, icon } from "./dom.js";
import { addressOf, go } from "./routes.js";
import { session } from "./session.js";
import { LANGUAGES, language, phrase, say } from "./words.js";

// In the menu's order; an operation that is yet to come is one more line. The first that the key may do is its home.
const ENTRIES = [
  { view: "search", needs: ["visitors:search", "exports:create"], picture: "out" },
  { view: "history", needs: ["history:read"], picture: "list" },
  { view: "audit", needs: ["audit:read"], picture: "trail" },
];

export function mayDo(center, ...permissions) {
  return permissions.every((one) => center.permissions.includes(one));
}

export function mayOpen(center, view) {
  const entry = ENTRIES.find((one) => one.view === view);
  return !entry || mayDo(center, ...entry.needs);
}

export function homeOf(center) {
  return ENTRIES.find((entry) => mayDo(center, ...entry.needs))?.view ?? null;
}

/** `deeds` are `signOut` and `setLanguage`; `centers` and `center` are missing where nobody is signed in. */
export function drawFrame({ centers = [], center = null, view = null, signedIn = false }, deeds) {
  const skip = h("a", { href: "#main", class: "skip", onclick: skipToMain }, say("frame.skip"));
  const top = h(
    "div", { class: "bar" },
    h("a", { class: "brand", href: "/console" }, icon("dossier"), "Dossier"),
    center && centerPicker(centers, center, view),
    h("span", { class: "space" }),
    languagePicker(deeds.setLanguage),
    signedIn && h("span", { class: "who" }, icon("person"), h("bdi", {}, session.name)),
    signedIn && button(say("frame.sign-out"), deeds.signOut),
  );
  fill(document.getElementById("frame"), skip, top, center && menu(center, view));
}

function menu(center, view) {
  const offered = ENTRIES.filter((entry) => mayDo(center, ...entry.needs)).map((entry) => {
    const current = entry.view === view;
    const attributes = { href: addressOf(entry.view, { data_center: center.id }), "aria-current": current && "page" };
    return h("li", {}, h("a", attributes, icon(entry.picture), say(`menu.${nameOf(entry.view, center)}`)));
  });
  return h("nav", { "aria-label": say("frame.menu") }, h("ul", {}, offered));
}

/** Who may delete what was found comes to the search for that, too. */
export function nameOf(view, center) {
  return view === "search" && mayDo(center, "erasures:create") ? "search-both" : view;
}

function centerPicker(centers, center, view) {
  if (centers.length === 1) return h("span", { class: "center" }, h("bdi", {}, center.title));
  const options = centers.map((one) => h("option", { value: one.id, selected: one.id === center.id }, one.title));
  const change = ({ target }) => {
    const chosen = centers.find((one) => one.id === target.value);
    // An export belongs to its data center, so there is nothing to show of it in another one.
    const stays = ["search", "history", "audit"].includes(view) && mayOpen(chosen, view);
    go(addressOf(stays ? view : homeOf(chosen) ?? "history", { data_center: chosen.id }));
  };
  return h("label", { class: "center" }, h("span", { class: "unseen" }, say("frame.center")),
    h("select", { onchange: change }, options));
}

function languagePicker(setLanguage) {
  const options = Object.entries(LANGUAGES).map(([tag, name]) => {
    return h("option", { value: tag, lang: tag, selected: tag === language }, name);
  });
  return h("label", { class: "language" }, h("span", { class: "unseen" }, say("frame.language")),
    h("select", { id: "language", onchange: ({ target }) => setLanguage(target.value) }, options));
}

/** The fragment is kept for identifiers, so this link must not leave one. */
function skipToMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

/** The heading of a view, which gets the focus, and the window's title. */
export function heading(key, values) {
  document.title = `${say(key, values)} · Dossier`;
  return h("h1", { tabindex: "-1" }, phrase(key, values));
}
