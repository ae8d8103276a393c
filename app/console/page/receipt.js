// What a finished erasure did, as its signed receipt counts it, and the receipt as a file: as a page, and as JSON.

import { ask, read } from "./api.js";
import { announce, button, fill, h, icon, notice } from "./dom.js";
import { errorBox, isOver } from "./problems.js";
import { save } from "./save.js";
import { actionName } from "./status.js";
import { tableOf } from "./table.js";
import { moment } from "./times.js";
import { number, phrase, say } from "./words.js";

const ENDINGS = { "text/html": "html", "application/json": "json" };

/** Below what is told at once stands the receipt, as soon as it has come. */
export function receiptOf(entry, path, signal) {
  const { erased_at: at, backups_until: until } = entry;
  const told = notice("done", h("p", {}, phrase("erasure.done", { at: moment(at) })), h("p", {}, say("erasure.proof")));
  const backups = until && notice("info", h("p", {}, phrase("erasure.backups", { until: moment(until) })));
  const wait = h("p", { class: "busy" }, say("busy"));
  const after = h("section", { class: "receipt", "aria-labelledby": "receipt" }, wait);
  show(after, entry, path, signal);
  return { node: h("div", {}, told, backups), after, update() {} };
}

/** As a file: a new tab would show the page under this page's policy, which forbids its styles. */
export async function saveReceipt(path, id, type, signal) {
  const answer = await ask("GET", `${path}/receipt`, { headers: { Accept: type }, signal });
  await save(answer, `receipt-${id}.${ENDINGS[type]}`);
  announce(say("receipt.saved"));
}

async function show(place, entry, path, signal) {
  try {
    const receipt = await read("GET", `${path}/receipt`, { headers: { Accept: "application/json" }, signal });
    fill(place, written(receipt, () => keepJson(place, entry, path, signal), signal));
  } catch (error) {
    if (!isOver(error, signal)) fill(place, errorBox(error, () => show(place, entry, path, signal)));
  }
}

function written(receipt, keep, signal) {
  const { table } = tableOf({
    caption: say("receipt.title"), columns: columns(), items: receipt.steps, wide: 56, signal,
  });
  const facts = [
    receipt.approved_by && phrase("receipt.approved", { by: receipt.approved_by, at: moment(receipt.approved_at) }),
    receipt.revoked_exports.length > 0 && phrase("receipt.revoked", { count: receipt.revoked_exports.length }),
    phrase("receipt.signed", { key: h("code", {}, receipt.key), command: h("code", {}, "python -m app verify") }),
  ];
  return [
    h("h3", { id: "receipt" }, say("receipt.title")), h("div", { class: "list short" }, table),
    facts.filter(Boolean).map((one) => h("p", {}, one)),
    h("p", {}, button([icon("download"), say("receipt.json")], keep, { "data-deed": "receipt-json" })),
    h("div", { class: "trouble" }),
  ];
}

function columns() {
  return [
    ["title", ({ title }) => h("bdi", {}, title)],
    ["was-done", ({ action }) => actionName(action, true)],
    ["before", ({ rows_before: rows }) => number(rows)],
    ["after", ({ rows_after: rows }) => number(rows)],
    ["because", ({ because }) => because && h("bdi", {}, because)],
  ];
}

async function keepJson(place, { id }, path, signal) {
  const trouble = place.querySelector(".trouble");
  try {
    await saveReceipt(path, id, "application/json", signal);
    fill(trouble);
  } catch (error) {
    if (!isOver(error, signal)) fill(trouble, errorBox(error));
  }
}
