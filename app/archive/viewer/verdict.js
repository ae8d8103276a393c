// What the check of sizes and sums found, in words; the figures stand behind them for who wants to see them.

import { announce, fill, h } from "./dom.js";
import { problemsWords } from "./start.js";
import { known, say, size } from "./words.js";

/** In a worker of its own, so that it never delays what is looked at. */
export function startCheck(app, engine) {
  engine.ask({ ask: "check", file: app.file }).then(
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
    wrong.length > 0 && h("p", {}, say("check_advice")), wrong.length > 0 && h("ul", {}, wrong.map(finding)),
    checks.length > wrong.length && h("details", {}, h("summary", {}, say("check_all")),
      h("ul", {}, checks.filter((one) => one.holds).map((one) => h("li", {}, `✓ ${named(one.what)}`)))));
}

function finding({ what, expected, found: seen }) {
  return h("li", {}, named(what), h("details", {}, h("summary", {}, say("exactly")), h("dl", {},
    h("dt", {}, say("expected")), h("dd", { dir: "auto" }, expected), h("dt", {}, say("found")), h("dd", { dir: "auto" }, seen))));
}

function named({ key, ...values }) {
  return known(key) ? say(key, values) : [key, ...Object.values(values)].join(" ");
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
