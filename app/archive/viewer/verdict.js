// What the check of sizes and sums found, in words; the figures stand behind them for who wants to see them.

import { announce, fill, h } from "./dom.js";
import { problemsWords } from "./start.js";
import { moment } from "./values.js";
import { bytesOf, known, number, say, size } from "./words.js";

const PARTS = ["zip", "manifest", "document"];

/** By the engine that reads, which answers what is looked at between two pieces; a second one would hold as much again. */
export function startCheck(app) {
  app.reader.ask({ ask: "check", file: app.file }).then(
    ({ checks }) => found(app, checks),
    (problem) => tellCheck(app, "error", h("p", {}, problemsWords(problem))),
  );
}

export function checking(app, { bytes, of }) {
  tellCheck(app, "info", h("p", {}, say("checking", { bytes: size(bytes), of: size(of) })));
}

function found(app, checks) {
  const wrong = checks.filter((one) => !one.holds);
  const sentence = !checks.length ? say("check_not") : wrong.length ? say("check_wrong", { count: wrong.length })
    : say("check_right", { count: checks.length });
  announce(sentence);
  tellCheck(app, !checks.length ? "info" : wrong.length ? "error" : "done", h("p", {}, h("strong", {}, sentence)),
    wrong.length > 0 && h("p", {}, say("check_advice")), wrong.length > 0 && h("ul", {}, wrong.map((one) => finding(app, one))),
    checks.length > wrong.length && h("details", {}, h("summary", {}, say("check_all")),
      h("ul", {}, [...new Set(checks.filter((one) => one.holds).map((one) => named(app, one.what)))].map((one) => h("li", {}, `✓ ${one}`)))));
}

function finding(app, { what, expected, found: seen }) {
  const exact = [["expected", figures(expected)], ["found", figures(seen)]].filter(([, value]) => value);
  return h("li", {}, wrongWords(app, what, expected, seen), exact.length > 0 && h("details", {}, h("summary", {}, say("exactly")),
    h("dl", {}, exact.map(([key, value]) => [h("dt", {}, say(key)), h("dd", { dir: "auto" }, value)]))));
}

/** What is wrong, as a sentence. */
function wrongWords(app, { key, name, problem }, expected, seen) {
  if (problem) return problemsWords(problem);
  const title = key === "section" ? titled(app, name) : name;
  if (key === "section" && seen === "absent") return say("section-missing", { name: title });
  if (key === "section" && typeof expected === "string") return say("section-extra", { name: title });
  return say(`wrong-${key}`, { name: title });
}

function titled(app, name) {
  return app.info?.sections.find((one) => one.name === name)?.title ?? name;
}

function named(app, { key, name }) {
  const part = key.split("-")[0];
  if (known(key)) return say(key, { name: key === "section" ? titled(app, name) : name });
  return say(PARTS.includes(part) ? part : "stopped");
}

/** A number, a list, a moment, or a size with its sum; of anything else the sentence has said all. */
function figures(value) {
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "string") return moment(value, "UTC") ?? "";
  if (typeof value !== "object" || !value) return "";
  const { rows, size: bytes, sha256 } = value;
  return [rows !== undefined && say("entries", { count: rows }), bytesOf(bytes), `SHA-256 ${sha256}`].filter(Boolean).join(", ");
}

function tellCheck(app, kind, ...children) {
  app.check = { kind, children };
  app.bus.dispatchEvent(new Event("check"));
}

export function checkNotice(app) {
  const box = h("div");
  const draw = () => {
    box.className = `notice ${app.check.kind}`;
    fill(box, app.check.children ?? h("p", {}, say("check_waiting")));
  };
  app.bus.addEventListener("check", draw, { signal: app.leaving });
  draw();
  return box;
}
