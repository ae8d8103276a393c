// What went wrong, in the reader's words: by the problem's slug, else in the service's own.

import { Away, Refused, SignedOut } from "./api.js";
import { alarm, button, h, notice } from "./dom.js";
import { knows, phrase, say } from "./words.js";

export function isOver(error, signal) {
  return signal?.aborted || error instanceof SignedOut;
}

/** `kind` is that of what was asked for: some slugs mean something else to an erasure. */
export function sentenceOf(error, kind = "") {
  if (!(error instanceof Refused)) return say(isSilence(error) ? "away" : "unexpected");
  if (!error.problem) return say("foreign", { status: String(error.status) });
  const key = [`problem.${kind}.${error.slug}`, `problem.${error.slug}`].find(knows);
  const told = key ? say(key) : own(error.problem);
  return [told, ...mistakes(error.problem), reference(error)].filter(Boolean).join(" ");
}

/** The box where something was to be shown, and read aloud at once. */
export function errorBox(error, again, kind) {
  const sentence = sentenceOf(error, kind);
  alarm(sentence);
  return notice("error", h("p", {}, sentence), again && h("p", {}, button(say("again"), again)));
}

/** Why it failed: its `problem` is a slug, and those may grow. */
export function reasonOf({ kind, problem: slug }) {
  if (!slug) return [say("failed.unknown")];
  const key = [`failed.${kind}.${slug}`, `failed.${slug}`].find(knows);
  if (key) return [say(key)];
  const link = h("a", { href: `/problems/${encodeURIComponent(slug)}`, target: "_blank", rel: "noopener" }, slug);
  return phrase("failed.other", { problem: link });
}

/** Nothing came, or only a part of it in all the time that there was. */
function isSilence(error) {
  return error === null || error instanceof Away || error.name === "TimeoutError";
}

function own({ title, detail }) {
  return [`${title}.`, detail].filter(Boolean).join(" ");
}

function mistakes({ errors = [] }) {
  return errors.map(({ pointer, detail }) => `${pointer ? `${pointer}: ` : ""}${String(detail).replace(/\.$/, "")}.`);
}

function reference({ status, problem }) {
  const id = String(problem.instance ?? "").replace("urn:uuid:", "");
  return status >= 500 && id ? say("reference", { id }) : "";
}
