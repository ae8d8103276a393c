// The archive at a glance: whose data it is, whether it is whole, what is in it and what is not.

import { checkNotice } from "./verdict.js";
import { button, data, facts, fill, h } from "./dom.js";
import { keepFocus, monthsDays, timeline } from "./timeline.js";
import { dayOf, moment, usable } from "./values.js";
import { number, say } from "./words.js";

const NOTICE = ["controller", "contact", "rights", "authority", "dpo", "purposes", "recipients", "retention", "transfers",
  "automated_decisions"];

export function overview(app) {
  const { info } = app;
  return [
    h("h1", { tabindex: -1 }, say("title")),
    whose(app),
    checkNotice(app),
    h("h2", {}, say("contents")),
    info.sections.length ? sectionsOf(app) : h("p", {}, say("nothing_included")),
    activity(app),
    leftOut(info),
    info.notice && h("section", {}, h("h2", {}, say("notice")), facts(NOTICE.map((key) => [say(key), listed(info.notice[key])]))),
  ];
}

export function addressOf(name) {
  return `#${encodeURIComponent(name)}`;
}

export function sectionsLink(section, attributes = {}) {
  return h("a", { href: addressOf(section.name), dir: "auto", ...attributes }, section.title);
}

/** How many rows there are, as far as it is known. */
export function rowsOf(app, section) {
  return section.rows ?? app.rows.get(section.name) ?? 0;
}

export function listed(value) {
  return Array.isArray(value) ? value.join(", ") : value;
}

function whose({ info, file }) {
  const { export: run } = info, zone = usable(run.time_zone);
  const at = (text) => text && `${moment(text, zone) ?? text} (${zone})`;
  return facts([
    [say("company"), run.data_center?.title],
    [say("from_where"), run.data_source?.title],
    [say("device"), run.device ?? say("unknown")],
    [say("browser"), run.browser ?? say("unknown")],
    [say("as_of"), at(run.as_of)],
    [say("until"), at(run.expires_at)],
    [say("file"), file.name],
    [say("export"), run.id],
  ]);
}

function sectionsOf(app) {
  const box = h("ul", { class: "sections" });
  const draw = () => {
    const counts = box.querySelectorAll(".count");
    app.info.sections.forEach((one, at) => { counts[at].textContent = number(rowsOf(app, one)); });
  };
  fill(box, app.info.sections.map((one) => h("li", {}, sectionsLink(one), h("span", { class: "count" }), h("span", { class: "quiet" },
    [...new Set([dayOf(one.firstAt), dayOf(one.lastAt)])].filter(Boolean).join(" – ")))));
  app.bus.addEventListener("progress", draw, { signal: app.leaving });
  draw();
  return box;
}

/** A month that is chosen here is the one that every list shows, until it is taken back. */
function activity(app) {
  const bars = h("div"), said = h("p"), box = h("section", { hidden: true }, h("h2", {}, say("timeline")), bars, said);
  let told = { months: [] };
  const draw = () => {
    box.hidden = !told.months.length;
    keepFocus(bars, timeline(told, app.period?.month, choose));
    fill(said, app.period && [say("only_period"), " ", button(say("clear"), () => choose(null))]);
  };
  const choose = (month) => {
    app.period = month && { month, days: monthsDays(month) };
    draw();
  };
  const ask = async () => {
    told = await app.reader.ask({ ask: "timeline", section: null });
    if (!app.leaving.aborted) draw();
  };
  app.bus.addEventListener("read", ask, { signal: app.leaving });
  ask();
  return box;
}

function leftOut({ notIncluded, omitted, otherCombinations }) {
  const others = otherCombinations === null ? null : otherCombinations ? say("others", { count: otherCombinations }) : say("others_none");
  const lines = [
    ...notIncluded.map(({ title, status, reason }) => [title, `${say(status === "absent" ? "absent" : "withheld")}: ${reason}`]),
    ...omitted.map(({ table, reason }) => [say("omitted", { table }), reason]),
  ];
  return (lines.length > 0 || others) && h("section", {}, h("h2", {}, say("absent_title")),
    h("ul", {}, lines.map(([title, reason]) => h("li", {}, data(title, "strong"), " – ", data(reason)))), h("p", {}, others));
}
