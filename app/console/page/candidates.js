// What a search found, as radio buttons: one group over all data sources, and none of them chosen beforehand.

import { button, h, icon, notice } from "./dom.js";
import { nameOf, picturesOf } from "./devices.js";
import { day } from "./times.js";
import { knows, phrase, say } from "./words.js";

/** `again` searches anew, `chosen` takes a combination with its data source. */
export function resultsOf(answer, { again, chosen }) {
  const sources = answer.data_sources;
  const count = sources.flatMap((source) => source.visitors).flatMap((visitor) => visitor.combinations).length;
  const nodes = [
    count ? advice() : nobody(sources, again),
    h("form", { class: "offers", onsubmit: (event) => event.preventDefault() },
      sources.map((source, at) => sourceOf(source, `source-${at}`, { again, chosen }))),
  ];
  return { nodes, count, summary: say(count ? "found.count" : summaryOfNobody(sources), { count }) };
}

function advice() {
  return notice("info", h("p", {}, h("strong", {}, say("found.ask"))), h("p", {}, say("found.why")));
}

/** That nobody was found is an answer only where everybody was asked. */
function nobody(sources, again) {
  const silent = sources.some((source) => source.status === "unavailable");
  const unasked = sources.some((source) => source.status === "unsupported");
  const key = summaryOfNobody(sources);
  return notice(
    silent ? "warning" : "info",
    h("p", {}, h("strong", {}, say(key))),
    h("p", {}, say(silent ? "nobody.silent-then" : "nobody.then")),
    unasked && h("p", {}, say("nobody.unasked")),
    silent && h("p", {}, button(say("again"), again)),
  );
}

function summaryOfNobody(sources) {
  return sources.some((source) => source.status === "unavailable") ? "nobody.silent" : "nobody.title";
}

function sourceOf(source, id, deeds) {
  return h(
    "section", { class: "source", "aria-labelledby": id },
    h("h3", { id }, icon("source"), h("bdi", {}, source.title)),
    missing(source, deeds.again),
    source.visitors.map((visitor) => visitorOf(visitor, source, deeds.chosen)),
    source.more && h("p", { class: "quiet" }, say("found.more")),
    source.visitors.length > 0 && unbound(source.unbound_sections),
  );
}

/** Why there is nothing, if there is nothing. */
function missing({ status, problem, visitors }, again) {
  if (status === "unsupported") return h("p", { class: "quiet" }, say("source.unsupported"));
  if (status !== "answered") {
    const key = knows(`source.${problem}`) ? `source.${problem}` : "source.source-unavailable";
    return notice("warning", h("p", {}, say(key)), h("p", {}, button(say("again"), again)));
  }
  return visitors.length ? null : h("p", { class: "quiet" }, say("source.nobody"));
}

function visitorOf(visitor, source, chosen) {
  const by = knows(`by.${visitor.matched_by}`) ? say(`by.${visitor.matched_by}`) : visitor.matched_by;
  return h(
    "fieldset", { class: "visitor" },
    h("legend", {}, icon("person"), h("span", {}, phrase("visitor.legend", { label: visitor.label })),
      h("span", { class: "quiet" }, phrase("visitor.details", { handle: h("code", {}, visitor.handle), by }))),
    visitor.erased_at && erasedOn(visitor.erased_at),
    visitor.combinations.map((one) => combinationOf(one, source, chosen)),
  );
}

function erasedOn(at) {
  return h("p", { class: "caution" }, icon("warning"), phrase("visitor.erased", { at: day(at) }));
}

function combinationOf(one, source, chosen) {
  const closed = one.candidate === null;
  const onchange = () => chosen(one, source);
  const radio = h("input", { type: "radio", name: "combination", disabled: closed, onchange });
  const details = h("span", { class: "details quiet" }, seen(one));
  const warnings = one.warnings.map(warningOf);
  const barred = closed && !one.warnings.includes("not-exportable") && warningOf("not-exportable");
  return h("label", { class: closed ? "offer closed" : "offer" }, radio, picturesOf(one),
    h("span", { class: "words" }, h("strong", {}, nameOf(one)), details, warnings, barred));
}

function seen({ os, first_seen: first, last_seen: last, interactions }) {
  const facts = [
    os && h("span", { dir: "auto" }, os),
    first && last && h("span", {}, phrase("seen.between", { first: day(first), last: day(last) })),
    !first && last && h("span", {}, phrase("seen.last", { last: day(last) })),
    interactions !== null && h("span", {}, phrase("seen.interactions", { count: interactions })),
  ];
  return facts.filter(Boolean);
}

function warningOf(slug) {
  const sentence = knows(`warning.${slug}`) ? say(`warning.${slug}`) : say("warning.other", { slug });
  return h("span", { class: "caution" }, icon("warning"), sentence);
}

function unbound(sections) {
  if (!sections.length) return null;
  const items = sections.map(({ title, because }) => {
    return h("li", {}, h("strong", {}, h("bdi", {}, title)), ": ", h("bdi", {}, because), ".");
  });
  const summary = h("summary", {}, phrase("unbound.title", { count: sections.length }));
  return h("details", {}, summary, h("p", {}, say("unbound.lead")), h("ul", {}, items));
}
