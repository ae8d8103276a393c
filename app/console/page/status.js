// What an entry's status is called, how it looks, and what it allows.

import { h, icon } from "./dom.js";
import { mayDo } from "./frame.js";
import { session } from "./session.js";
import { now } from "./times.js";
import { knows, say } from "./words.js";

const UNFINISHED = new Set(["requested", "queued", "compiling", "erasing"]);
const DAY = 86_400_000;

export const STATUSES = [
  "requested", "queued", "compiling", "erasing", "ready", "done", "failed", "cancelled", "revoked", "expired",
];

const MAY = { export: mayOfExport, erasure: mayOfErasure };

export function isUnfinished({ status }) {
  return UNFINISHED.has(status);
}

/** Words are added to the contract, and one that is not known yet is shown as it is. */
export function statusName(status) {
  return knows(`status.${status}`) ? say(`status.${status}`) : status;
}

export function badge(status) {
  return h("span", { class: `badge ${status}` }, icon(`status-${status}`), statusName(status));
}

/** What a step of an erasure does to its rows, or has done. */
export function actionName(action, isDone = false) {
  const key = `${isDone ? "receipt" : "step"}.${action}`;
  return knows(key) ? say(key) : action;
}

/** The deeds that `entry` allows this key, in the order in which they are offered. */
export function deedsFor(entry, center) {
  const may = MAY[entry.kind]?.(entry, center) ?? {};
  return Object.keys(may).filter((deed) => may[deed]);
}

function mayOfExport(entry, center) {
  return {
    download: entry.links.archive !== null && mayDo(center, "exports:download"),
    retry: entry.status === "failed" && isRecent(entry) && mayDo(center, "exports:create"),
    cancel: isUnfinished(entry) && mayDo(center, "exports:revoke"),
    revoke: entry.status === "ready" && mayDo(center, "exports:revoke"),
  };
}

/** Four eyes are two people's: who requested it cannot approve it. What has begun runs to its end. */
function mayOfErasure(entry, center) {
  const waits = entry.status === "requested";
  return {
    approve: waits && entry.requested_by !== session.name && mayDo(center, "erasures:approve"),
    receipt: entry.links.receipt !== null,
    retry: entry.status === "failed" && isRecent(entry) && mayDo(center, "erasures:create"),
    cancel: (waits || entry.status === "queued") && mayDo(center, "erasures:create"),
  };
}

/** When it failed is not told; it was a day ago at most only where the request is not much older. */
function isRecent({ requested_at: requestedAt }) {
  return now() - Date.parse(requestedAt) < 3 * DAY;
}
