// The page: opens a file with an engine that reads and checks it, and shows what the address names.

import { checking, startCheck } from "./verdict.js";
import { startEngine } from "./client.js";
import { announce, button, fill, h } from "./dom.js";
import { overview, sectionsLink } from "./overview.js";
import { sectionView } from "./shown.js";
import { openingView, problemsWords, startView } from "./start.js";
import { LANGUAGES, say, speak, spoken } from "./words.js";

const main = document.getElementById("main"), contents = document.getElementById("contents");
const progress = h("p", { class: "quiet" });
let app = null, problem = null, leave = new AbortController(), drawn = 0;

function open(file) {
  close();
  problem = null;
  const mine = app = { file, rows: new Map(), bus: new EventTarget(), check: { kind: "info" }, done: false };
  const hear = (told) => app === mine && heard(told);
  mine.reader = startEngine(hear);
  show();
  mine.reader.ask({ ask: "open", file }).then((info) => app === mine && opened(info), (why) => app === mine && failed(why));
}

function opened(info) {
  app.info = info;
  if (info.export.language) speak(info.export.language);
  if (location.hash) history.replaceState(null, "", location.pathname);
  show();
  checkSoon();
}

function failed(why) {
  close();
  problem = why;
  show();
}

function close() {
  app?.reader.stop();
  app = null;
}

function heard(told) {
  const { event, section, rows, time } = told;
  if (event === "checking") return checking(app, told);
  if (event === "indexed") {
    app.rows.set(section, rows);
    const shown = app.info?.sections.find((one) => one.name === section);
    if (time && shown) shown.time = time;
  }
  if (event === "broken") app.broken = told.problem;
  if (event === "read" || event === "broken") app.done = true;
  tell(event);
  checkSoon();
  app.bus.dispatchEvent(new CustomEvent(event, { detail: told }));
  if (event === "broken") show();
  return undefined;
}

/** The rows come first, then the sums: both at once would hold twice as much in memory. */
function checkSoon() {
  if (app.started || !app.info || !app.done) return;
  app.started = true;
  setTimeout(startCheck, 300, app);
}

function tell(event) {
  if (event === "found" || event === "saving" || (!app.done && Date.now() - drawn < 200)) return;
  drawn = Date.now();
  count();
  announce(progress.textContent);
  app.bus.dispatchEvent(new Event("progress"));
}

function count() {
  const sum = [...app.rows.values()].reduce((one, other) => one + other, 0);
  progress.textContent = app.broken || !app.info ? "" : say(app.done ? "all_read" : "reading", { count: sum });
}

/** What the address names, or the page before any file. */
function show() {
  leave.abort();
  leave = new AbortController();
  frame();
  if (app) app.leaving = leave.signal;
  const name = decodeURIComponent(location.hash.slice(1)), section = app?.info?.sections.find((one) => one.name === name);
  const broken = app?.broken && h("div", { class: "notice error", role: "alert" }, h("p", {}, problemsWords(app.broken.key === "damaged" ? { ...app.broken, key: "broken" } : app.broken)));
  if (!app) fill(main, startView(open, problem));
  else if (!app.info) fill(main, openingView(app.file));
  else fill(main, broken, section ? sectionView(app, section) : overview(app));
  main.querySelector("h1").focus({ preventScroll: true });
  scrollTo(0, 0);
}

function frame() {
  const languages = h("select", { "aria-label": say("language"), onchange: () => { speak(languages.value); show(); } },
    Object.entries(LANGUAGES).map(([code, name]) => h("option", { value: code, lang: code, selected: code === spoken() }, name)));
  fill(document.getElementById("top"), progress, h("span", { class: "gap" }), app && button(say("another"), leaveFile), languages);
  if (app) count();
  else progress.textContent = "";
  contents.hidden = !app?.info;
  contents.setAttribute("aria-label", say("contents"));
  if (!app?.info) return;
  const here = (name) => decodeURIComponent(location.hash) === `#${name}` && "page";
  fill(contents, h("a", { href: "#", "aria-current": !location.hash && "page" }, say("all")),
    app.info.sections.map((one) => sectionsLink(one, { "aria-current": here(one.name) })));
}

function leaveFile() {
  close();
  history.replaceState(null, "", location.pathname);
  show();
}

speak();
addEventListener("hashchange", show);
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
});
show();
