// The audit trail: what was done in this data center, by whom, when, and how it went.

import { inCenter, read } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { asked, filterForm } from "./filters.js";
import { heading } from "./frame.js";
import { Pages } from "./pages.js";
import { addressOf } from "./routes.js";
import { moment } from "./times.js";
import { knows, say } from "./words.js";

const ACTIONS = [
  "visitors:search", "visitors:alarm", "exports:request", "exports:start", "exports:ready", "exports:fail",
  "exports:cancel", "exports:revoke", "exports:retry", "exports:download", "exports:sent", "exports:link",
  "exports:expire", "erasures:preview", "erasures:request", "erasures:approve", "erasures:start", "erasures:done",
  "erasures:fail", "erasures:cancel", "erasures:retry", "access:refuse", "keys:create", "keys:revoke",
];
const PICTURES = { done: "done", refused: "stop", failed: "error" };

export function draw(place, visit) {
  const actions = ACTIONS.map((action) => [action, actionName(action)]);
  const fields = [
    { name: "action", kind: "choice", options: [["", say("filter.any")], ...actions] },
    { name: "actor", kind: "text" },
    { name: "from", kind: "date" },
    { name: "to", kind: "date" },
  ];
  const pages = new Pages({
    caption: say("audit.title"), columns: columns(visit), empty: () => say("audit.empty"), signal: visit.signal,
    load: (token, signal) => load(token, signal, fields, visit),
  });
  const filters = filterForm("audit", fields, visit);
  fill(place, heading("audit.title"), h("p", {}, say("audit.lead")), filters.node, pages.node);
  pages.begin();
}

function load(token, signal, fields, { center, parameters }) {
  const query = asked(fields, parameters);
  if (token) query.set("page_token", token);
  return read("GET", inCenter(center.id, `/audit?${query}`), { signal });
}

function columns({ center }) {
  return [
    ["when", (event) => moment(event.at)],
    ["action", (event) => actionName(event.action)],
    ["actor", (event) => h("bdi", {}, event.actor)],
    ["outcome", (event) => outcomeOf(event.outcome)],
    ["source", (event) => event.data_source && h("bdi", {}, event.data_source)],
    ["entry", (event) => event.entry_id && linkTo(event, center)],
  ];
}

function actionName(action) {
  return knows(`action.${action}`) ? say(`action.${action}`) : action;
}

function outcomeOf(outcome) {
  const words = knows(`outcome.${outcome}`) ? say(`outcome.${outcome}`) : outcome;
  return h("span", { class: `badge outcome-${outcome}` }, icon(PICTURES[outcome] ?? "info"), words);
}

/** An id begins with its time, so that its end is what tells two of them apart. */
function linkTo({ action, entry_id: id }, center) {
  const kind = action.startsWith("erasures:") ? "erasure" : "export";
  const href = addressOf("progress", { data_center: center.id }, { kind, id });
  return h("a", { href, "aria-label": say(`audit.open-${kind}`, { id }) }, h("code", {}, `…${id.slice(-12)}`));
}
