// The page before a file is open: what to do, and what was wrong with the file that somebody tried.

import { button, fill, h } from "./dom.js";
import { known, say } from "./words.js";

// Which parts of an archive have words of their own; others are called by their names.
const SPOKEN = [[["zip"], "part-zip"], [["META/manifest.json"], "part-manifest"], [["document", "personal-data.json"], "part-document"]];

export function startView(open, problem) {
  const input = h("input", { type: "file", accept: ".zip,.json", hidden: true, onchange: () => input.files[0] && open(input.files[0]) });
  return [
    h("h1", { tabindex: -1 }, say("title")),
    problem && h("div", { class: "notice error", role: "alert" }, h("p", {}, problemsWords(problem))),
    h("p", { class: "lead" }, say("lead")),
    h("div", { class: "drop" }, input, button(say("choose"), () => input.click(), { class: "main" }), h("p", {}, say("drop"))),
    h("p", {}, say("where")),
    h("p", { class: "notice done" }, say("private")),
  ];
}

export function openingView(file) {
  return fill(h("div"), h("h1", { tabindex: -1 }, say("opening")), h("p", { dir: "auto" }, file.name));
}

export function problemsWords({ key, ...values }) {
  return known(key) ? say(key, { ...values, what: partsWords(values.what) }) : say("stopped");
}

function partsWords(what) {
  const part = SPOKEN.find(([names]) => names.includes(what));
  return part ? say(part[1]) : what;
}
