// What an export's status is called, how it looks, and what it allows.

import { h, icon } from "./dom.js";
import { mayDo } from "./frame.js";
import { now } from "./times.js";
import { knows, say } from "./words.js";

const UNFINISHED = new Set(["queued", "compiling", "requested", "erasing"]);
const DAY = 86_400_000;

export const STATUSES = ["queued", "compiling", "ready", "failed", "cancelled", "revoked", "expired"];

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

/** The deeds that `entry` allows this key, in the order in which they are offered. */
export function deedsFor(entry, center) {
  if (entry.kind !== "export") return [];
  const may = {
    download: entry.links.archive !== null && mayDo(center, "exports:download"),
    retry: entry.status === "failed" && isRecent(entry) && mayDo(center, "exports:create"),
    cancel: isUnfinished(entry) && mayDo(center, "exports:revoke"),
    revoke: entry.status === "ready" && mayDo(center, "exports:revoke"),
  };
  return Object.keys(may).filter((deed) => may[deed]);
}

/** When it failed is not told; it was a day ago at most only where the request is not much older. */
function isRecent({ requested_at: requestedAt }) {
  return now() - Date.parse(requestedAt) < 3 * DAY;
}
