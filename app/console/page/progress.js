// One export or erasure: how far it is, its archive or receipt, and what became of it, all without a reload.

import { announce, fill, h, notice } from "./dom.js";
import { deedButtons, pathOf } from "./deeds.js";
import { whatOf } from "./devices.js";
import { ended } from "./ended.js";
import { changes } from "./follow.js";
import { heading } from "./frame.js";
import { errorBox, isOver } from "./problems.js";
import { archiveOf } from "./ready.js";
import { receiptOf } from "./receipt.js";
import { addressOf } from "./routes.js";
import { session } from "./session.js";
import { badge, isUnfinished, statusName } from "./status.js";
import { elapsed, moment, size } from "./times.js";
import { phrase, say } from "./words.js";

// What each status is followed by most often.
const MAIN = { ready: "download", requested: "approve", done: "receipt", failed: "retry" };

export function draw(place, visit) {
  const view = new Progress(visit);
  fill(place, heading(view.of("title")), view.network, view.trouble, view.panel);
  view.follow();
}

class Progress {
  constructor(visit) {
    this.visit = visit;
    this.network = h("div", { class: "toast" });
    this.trouble = h("div");
    this.panel = h("div", { class: "export" }, h("p", { class: "busy" }, say("busy")));
    this.status = null;
    this.run = 0;
  }

  /** The words for either kind: an erasure is not made, and an export deletes nothing. */
  of(key) {
    return `${this.visit.kind === "erasure" ? "erasure" : "progress"}.${key}`;
  }

  async follow() {
    const run = ++this.run, { signal } = this.visit;
    try {
      for await (const entry of changes(pathOf(this.visit, this.visit), signal, (isLost) => this.tellNetwork(isLost))) {
        if (run !== this.run || signal.aborted) return;
        this.show(entry);
      }
    } catch (error) {
      if (!isOver(error, signal)) fill(this.panel, errorBox(error, () => this.follow()), this.toHistory());
    }
  }

  show(entry) {
    if (entry.status !== this.status) this.become(entry);
    this.update(entry);
  }

  /** Another status is another panel; whoever had the focus in the old one is put at the new one's beginning. */
  become(entry) {
    const hadFocus = this.panel.contains(document.activeElement), isFirst = this.status === null;
    this.status = entry.status;
    clearInterval(this.clock);
    const head = h("h2", { tabindex: "-1" }, badge(entry.status));
    const { node, after, update } = isUnfinished(entry) ? this.unfinished(entry) : ended(entry, (one) => this.ready(one));
    this.update = update;
    this.buttons = h("div", { class: "row" });
    fill(this.panel, head, node, this.buttons, after, facts(entry), this.toHistory());
    this.offer(entry);
    document.title = `${statusName(entry.status)} · ${say(this.of("title"))} · Dossier`;
    if (hadFocus) head.focus();
    if (!isFirst) announce(say(this.of("is-now"), { status: statusName(entry.status) }));
  }

  offer(entry) {
    const done = (deed) => this.acted(deed);
    const failed = (error, kind) => fill(this.trouble, errorBox(error, null, kind));
    fill(this.buttons, deedButtons(entry, this.visit, { done, failed, main: MAIN[entry.status] }));
  }

  /** The button that was pressed may be gone by the time its dialog closes, and the focus with it. */
  acted(deed) {
    fill(this.trouble);
    if (!this.panel.contains(document.activeElement)) this.panel.querySelector("h2").focus();
    if (deed === "retry") this.follow();
  }

  ready(entry) {
    if (entry.kind === "export") return archiveOf(entry);
    return receiptOf(entry, pathOf(entry, this.visit), this.visit.signal);
  }

  unfinished(entry) {
    const isOwn = entry.status === "requested" && entry.requested_by === session.name;
    const told = h("p", {}, say(this.of(isOwn ? "requested-own" : entry.status)));
    const leave = h("p", {}, say(this.of("may-leave")));
    // Nobody watches a bar for the days that somebody else may take.
    if (entry.status === "requested") return { node: h("div", { class: "panel" }, told, leave), update() {} };
    const bar = h("progress", { "aria-label": say(this.of("bar")) });
    const figures = h("ul", { class: "figures" });
    const node = h("div", { class: "panel" }, told, bar, figures, this.timer(entry), leave);
    return { node, update: (now) => showFigures(bar, figures, now) };
  }

  timer(entry) {
    const time = h("span");
    const tick = () => fill(time, say("progress.elapsed", { time: elapsed(entry.requested_at) }));
    tick();
    this.clock = setInterval(tick, 1000);
    this.visit.signal.addEventListener("abort", () => clearInterval(this.clock));
    return h("p", { class: "quiet", role: "timer", "aria-live": "off" }, time);
  }

  tellNetwork(isLost) {
    fill(this.network, isLost && notice("warning", h("p", {}, say(this.of("lost")))));
    announce(say(isLost ? this.of("lost") : "progress.found"));
  }

  toHistory() {
    const href = addressOf("history", { data_center: this.visit.center.id });
    return h("p", {}, h("a", { href }, say("progress.to-history")));
  }
}

/** Without an estimate nobody knows how far it is, and the bar says no more than that it goes on. */
function showFigures(bar, list, { kind, progress }) {
  const { sections_done: done, sections_total: total, rows, rows_estimated: estimated, bytes } = progress ?? {};
  if (!total) return bar.removeAttribute("value");
  if (estimated && rows <= estimated) Object.assign(bar, { max: estimated, value: rows });
  else bar.removeAttribute("value");
  const ofRows = estimated ? say("progress.rows-of", { rows, estimated }) : say("progress.rows", { count: rows });
  const parts = say(kind === "erasure" ? "erasure.steps" : "progress.sections", { done, total });
  return fill(list, [parts, ofRows, ...(kind === "erasure" ? [] : [size(bytes)])].map((one) => h("li", {}, one)));
}

function facts(entry) {
  const { label, handle } = entry.visitor;
  const pairs = [
    ["source", h("bdi", {}, entry.data_source.title)],
    ["visitor", phrase("progress.visitor", { label, handle: h("code", {}, handle) })],
    [entry.kind === "erasure" ? "scope" : "combination", whatOf(entry)],
    ["case", entry.case_reference && h("bdi", {}, entry.case_reference)],
    ["by", h("bdi", {}, entry.requested_by)],
    ["requested", moment(entry.requested_at)],
    ["compiled", entry.compiled_at && moment(entry.compiled_at)],
    ["erased", entry.erased_at && moment(entry.erased_at)],
    ["id", h("code", {}, entry.id)],
  ];
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) => {
    return h("div", {}, h("dt", {}, say(`fact.${name}`)), h("dd", {}, value));
  }));
}
