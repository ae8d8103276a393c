// What is said of an export or an erasure that is not under way any more.

import { h, notice } from "./dom.js";
import { reasonOf } from "./problems.js";
import { moment } from "./times.js";
import { knows, phrase, say } from "./words.js";

const KINDS = { failed: "error" };

/** A node, and what keeps it up to date. `readyOf` makes those of an archive, or a receipt, that is there. */
export function ended(entry, readyOf) {
  if (entry.status === "ready" || entry.links.receipt) return readyOf(entry);
  const key = entry.kind === "erasure" ? `erasure.${entry.status}` : `ended.${entry.status}`;
  const told = knows(key) ? phrase(key, { at: moment(entry.expires_at) }) : say("ended.other", entry);
  const reason = entry.status === "failed" && h("p", {}, reasonOf(entry));
  return { node: notice(KINDS[entry.status] ?? "info", h("p", {}, told), reason), update() {} };
}
