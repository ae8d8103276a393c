// Months as bars to press, on an axis without gaps.

import { fill, h } from "./dom.js";
import { dated, say } from "./words.js";

const MOST_MONTHS = 1200;

/** `choose(month)` is asked with "2026-01", or null where it was chosen already. */
export function timeline({ months, undated }, chosen, choose) {
  const axis = filled(months), most = Math.max(1, ...axis.map(([, count]) => count));
  const caption = h("p", { class: "quiet", "aria-hidden": "true" }, undated ? say("undated", { count: undated }) : say("press_month"));
  const current = axis.some(([month]) => month === chosen) ? chosen : axis.at(-1)?.[0];
  const tell = (event) => { caption.textContent = event.target.closest("button")?.getAttribute("aria-label") ?? caption.textContent; };
  const bars = axis.map(([month, count]) => bar(month, count, { most, chosen, current, choose }));
  return h("div", { class: "timeline", role: "group", "aria-label": say("timeline"), onkeydown: walk, onfocusin: tell, onpointerover: tell },
    h("div", { class: "bars" }, bars), caption);
}

/** The last day too, as filters take it. */
export function monthsDays(month) {
  const [year, number] = month.split("-").map(Number);
  return [`${month}-01`, `${month}-${new Date(Date.UTC(year, number, 0)).getUTCDate()}`];
}

export function keepFocus(place, made) {
  const month = place.contains(document.activeElement) && document.activeElement.dataset.month;
  fill(place, made);
  const bars = place.querySelector(".bars");
  if (bars) bars.scrollLeft = bars.scrollWidth;
  if (month) place.querySelector(`[data-month="${month}"]`)?.focus();
}

function bar(month, count, { most, chosen, current, choose }) {
  const at = new Date(`${month}-01T00:00Z`);
  const name = say("month", { month: dated(at, { month: "long", year: "numeric", timeZone: "UTC" }), count });
  const year = dated(at, { year: "numeric", timeZone: "UTC" });
  const pressed = month === chosen;
  const filling = h("span", { class: "bar" });
  filling.style.height = `${count ? Math.max(3, (count / most) * 100) : 0}%`;
  return h("button", {
    type: "button", "data-month": month, "aria-label": name, title: name, "aria-pressed": String(pressed),
    tabindex: month === current ? 0 : -1, onclick: () => choose(pressed ? null : month),
  }, filling, h("span", { class: "year" }, month.endsWith("-01") ? year : ""));
}

function walk(event) {
  const all = [...event.currentTarget.querySelectorAll("button")], at = all.indexOf(event.target);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
  if (at < 0 || !all[to]) return;
  event.preventDefault();
  for (const one of all) one.tabIndex = one === all[to] ? 0 : -1;
  all[to].focus();
}

function filled(months) {
  if (!months.length) return [];
  const counts = new Map(months), names = [...counts.keys()].sort();
  const numbered = (name) => Number(name.slice(0, 4)) * 12 + Number(name.slice(5)) - 1;
  const first = numbered(names[0]), length = numbered(names.at(-1)) - first + 1;
  if (length > MOST_MONTHS) return names.map((name) => [name, counts.get(name)]);
  return Array.from({ length }, (_, at) => {
    const name = `${String(Math.floor((first + at) / 12)).padStart(4, "0")}-${String(((first + at) % 12) + 1).padStart(2, "0")}`;
    return [name, counts.get(name) ?? 0];
  });
}
