// What is said of an export that is not under way any more.

import { h, notice } from "./dom.js";
import { reasonOf } from "./problems.js";
import { moment } from "./times.js";
import { knows, phrase, say } from "./words.js";

const KINDS = { failed: "error", done: "done" };

/** A node, and what keeps it up to date. `archiveOf` makes those of an archive that is there. */
export function ended(entry, archiveOf) {
  if (entry.status === "ready") return archiveOf(entry);
  const known = knows(`ended.${entry.status}`);
  const told = known ? phrase(`ended.${entry.status}`, { at: moment(entry.expires_at) }) : say("ended.other", entry);
  const reason = entry.status === "failed" && h("p", {}, reasonOf(entry.problem));
  return { node: notice(KINDS[entry.status] ?? "info", h("p", {}, told), reason), update() {} };
}
