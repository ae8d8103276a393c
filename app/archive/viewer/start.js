// The page before a file is open: what to do, and what was wrong with the file that somebody tried.

import { button, fill, h } from "./dom.js";
import { known, say } from "./words.js";

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

export function problemsWords(problem) {
  return known(problem.key) ? say(problem.key, problem) : say("stopped");
}
