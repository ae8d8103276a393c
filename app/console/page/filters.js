// Filters of a list, kept in the address so that a list can be found again; an identifier never is one of them.

import { button, fill, h } from "./dom.js";
import { addressOf, go } from "./routes.js";
import { say } from "./words.js";

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** `fields` are `{name, kind, options?}`; a kind is text, date, or choice with `options` of `[value, words]`. */
export function filterForm(view, fields, { center, parameters }) {
  const inputs = new Map(fields.map((field) => [field.name, inputOf(field, parameters.get(field.name) ?? "")]));
  const apply = (event) => {
    event.preventDefault();
    go(addressOf(view, { data_center: center.id, ...valuesOf(inputs) }));
  };
  const clear = button(say("filter.clear"), () => go(addressOf(view, { data_center: center.id })));
  const labelled = ({ name }) => {
    return h("div", {}, h("label", { for: `filter-${name}` }, say(`filter.${name}`)), inputs.get(name));
  };
  const form = h(
    "form", { class: "fields", onsubmit: apply },
    fields.map(labelled),
    h("div", { class: "row" }, h("button", { type: "submit", class: "plain" }, say("filter.apply")), clear),
  );
  const count = fields.filter(({ name, isOrder }) => parameters.get(name) && !isOrder).length;
  const isWide = matchMedia("(min-width: 60rem)").matches;
  const title = count ? say("filter.title-count", { count }) : say("filter.title");
  return { node: h("details", { class: "panel", open: count > 0 || isWide }, h("summary", {}, title), form), inputs };
}

/** More options for a choice, once they are known; what the address names stays chosen. */
export function offer(select, options, value) {
  fill(select, optionsOf(options, value));
}

/** The filters as the API takes them: a day is the reader's own, from its first moment to its last. */
export function asked(fields, parameters) {
  const query = new URLSearchParams();
  for (const { name } of fields) {
    const value = parameters.get(name);
    if (value) query.set(name, DAY.test(value) ? moment(name, value) : value);
  }
  return query;
}

function moment(name, day) {
  const [year, month, date] = day.split("-").map(Number);
  // `to` is exclusive, while a person means the whole of the day.
  return new Date(year, month - 1, date + (name === "to" ? 1 : 0)).toISOString();
}

function inputOf({ name, kind, options }, value) {
  const id = `filter-${name}`;
  if (kind === "choice") return h("select", { id }, optionsOf(options, value));
  if (kind === "date") return h("input", { id, type: "date", value: value.slice(0, 10) });
  return h("input", { id, type: "text", maxlength: "64", autocomplete: "off", dir: "auto", value });
}

function optionsOf(options, value) {
  const known = !value || options.some(([one]) => one === value) ? options : [...options, [value, value]];
  return known.map(([one, words]) => h("option", { value: one, selected: one === value }, words));
}

function valuesOf(inputs) {
  return Object.fromEntries([...inputs].map(([name, input]) => [name, input.value.trim()]));
}
