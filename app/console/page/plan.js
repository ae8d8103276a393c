// What a preview says would be deleted: table by table, how much of the visitor, and what else must be known before.

import { nameOf } from "./devices.js";
import { h, notice } from "./dom.js";
import { addressOf } from "./routes.js";
import { actionName, badge, isUnfinished } from "./status.js";
import { tableOf } from "./table.js";
import { moment } from "./times.js";
import { number, phrase, say } from "./words.js";

export function planOf(found, visit, combination) {
  const { table } = tableOf({
    caption: say("erase.table"), columns: columns(), items: found.steps, wide: 48, signal: visit.signal,
  });
  return [
    notice("warning", h("p", {}, h("strong", {}, scopeOf(found, combination))), h("p", {}, say("erase.for-good"))),
    found.needs_approval && notice("info", h("p", {}, say("erase.needs-approval"))),
    h("div", { class: "list short" }, table),
    exportsOf(found.exports, visit),
    h("p", { class: "quiet" }, phrase("erase.until", { moment: moment(found.expires_at) })),
  ];
}

function scopeOf({ scope, visitor }, combination) {
  const handle = h("code", {}, visitor.handle), name = h("span", {}, nameOf(combination));
  const key = scope === "combination" ? "erase.combination" : "erase.visitor";
  return phrase(key, { label: visitor.label, handle, combination: name });
}

function columns() {
  return [
    ["title", ({ title }) => h("bdi", {}, title)],
    ["done", ({ action }) => actionName(action)],
    ["rows", ({ rows }) => number(rows)],
    ["because", ({ because }) => because && h("bdi", {}, because)],
  ];
}

function exportsOf(exports, { center }) {
  if (!exports.length) return h("p", { class: "quiet" }, say("erase.no-exports"));
  const lines = exports.map(({ id, status }) => {
    const href = addressOf("progress", { data_center: center.id }, { kind: "export", id });
    return h("li", {}, badge(status), " ", h("a", { href }, say("erase.export", { id: `…${id.slice(-12)}` })));
  });
  const busy = exports.some(isUnfinished) && notice("warning", h("p", {}, say("erase.exports-busy")));
  return [h("h3", {}, say("erase.exports", { count: exports.length })), h("ul", { class: "exports" }, lines), busy];
}
