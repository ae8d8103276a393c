// The console: who is signed in, which view the address asks for, and what happens when the session ends.

import { read, whenSignedOut } from "./api.js";
import { alarm, button, fill, h, notice } from "./dom.js";
import { drawFrame, heading, homeOf, mayOpen } from "./frame.js";
import { errorBox, isOver } from "./problems.js";
import { addressOf, here, replace, takeFragment, whenArrived } from "./routes.js";
import { session, forget, resume, signOut, watchTabs } from "./session.js";
import { redeem, showSignIn, whyNot } from "./sign-in.js";
import { loadWords, say, switchLanguage } from "./words.js";

const place = document.getElementById("main");
const deeds = { signOut: leave, setLanguage };
let centers = [];
let visit = new AbortController();
// What was typed or linked to, kept only until its view takes it up; `of` is who it belongs to.
let handed = { identifier: null, of: null };

async function start() {
  await loadWords().catch(() => loadWords("en"));
  drawFrame({}, deeds);
  whenSignedOut(() => lock("sign-in.timed-out"));
  whenArrived(arrive);
  watchTabs({ idle, gone: () => lock("sign-in.signed-out") });
  const { ticket, oidc, identifier } = takeFragment();
  hand(identifier);
  if (ticket) {
    const why = await redeem(ticket);
    return why ? lock(why) : enter();
  }
  return oidc && oidc !== "done" ? lock(whyNot(oidc)) : open();
}

async function open() {
  try {
    return (await resume()) ? await enter() : lock(null);
  } catch {
    return fill(place, heading("trouble.title"), errorBox(null, open));
  }
}

async function enter() {
  try {
    ({ data_centers: centers } = await read("GET", "/v1/me"));
  } catch (error) {
    if (!isOver(error)) fill(place, heading("trouble.title"), errorBox(error, enter));
    return;
  }
  if (handed.of !== null && handed.of !== session.name) handed = { identifier: null, of: null };
  await render();
}

/** The address changed; a fragment may have come with it, from a dashboard's link in the same window. */
function arrive() {
  const { ticket, identifier } = takeFragment();
  hand(identifier);
  if (ticket) return redeem(ticket).then((why) => (why ? lock(why) : enter()));
  return session.csrf ? render() : lock(null);
}

async function render() {
  visit.abort();
  visit = new AbortController();
  const { view, kind, id, parameters } = here();
  const center = chosenCenter(parameters);
  const drawAround = () => drawFrame({ centers, center, view, signedIn: true }, deeds);
  if (center && view !== "nowhere" && mayOpen(center, view)) {
    return show(view, { center, kind, id, parameters, signal: visit.signal, ...takeHanded() }, drawAround);
  }
  drawAround();
  if (!center) return chooseCenter(view, { kind, id }, parameters);
  return view === "nowhere" ? fill(place, notFound(center)) : goHome(center);
}

/** Menu and view change in one go, so that neither pushes the other about. */
async function show(view, given, drawAround) {
  place.setAttribute("aria-busy", "true");
  try {
    const { draw } = await import(`./${view}.js`);
    if (given.signal.aborted) return;
    drawAround();
    draw(place, { ...given, keep: (identifier) => { handed = { identifier, of: session.name }; } });
    place.querySelector("h1")?.focus();
    scrollTo(0, 0);
  } catch (error) {
    if (!isOver(error, given.signal)) fill(place, heading("trouble.title"), errorBox(error, render));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

/** Null where the person has to say which, or where the key does not see the one that is asked for. */
function chosenCenter(parameters) {
  const asked = parameters.get("data_center");
  if (asked !== null) return centers.find((one) => one.id === asked) ?? null;
  return centers.length === 1 ? centers[0] : null;
}

function chooseCenter(view, entry, parameters) {
  const asked = parameters.get("data_center");
  const links = centers.map((one) => {
    const target = view === "nowhere" || !mayOpen(one, view) ? homeOf(one) ?? "history" : view;
    return h("li", {}, h("a", { href: addressOf(target, { data_center: one.id }, entry) }, h("bdi", {}, one.title)));
  });
  const lead = say(centers.length ? "center.choose" : "center.none", { count: centers.length });
  const unseen = asked !== null && notice("error", h("p", {}, say("center.unseen", { id: asked })));
  const head = heading("center.title");
  fill(place, head, unseen, h("p", {}, lead), h("ul", { class: "choices" }, links));
  head.focus();
}

function goHome(center) {
  const home = homeOf(center);
  if (home) {
    replace(addressOf(home, { data_center: center.id }));
    return render();
  }
  return fill(place, heading("trouble.title"), notice("info", h("p", {}, say("nothing-allowed"))));
}

function notFound(center) {
  const home = addressOf(homeOf(center) ?? "history", { data_center: center.id });
  const link = h("a", { href: home }, say("nowhere.home"));
  return [heading("nowhere.title"), h("p", {}, say("nowhere.text")), h("p", {}, link)];
}

/** Nothing of a visitor stays on a screen that nobody is signed in at. The address does: it names nobody. */
function lock(why) {
  visit.abort();
  document.querySelector("dialog")?.close();
  forget();
  drawFrame({}, deeds);
  showSignIn(place, why, enter);
}

function idle() {
  // Where it does not arrive, the service's own clock ends the session.
  signOut().catch(() => {});
  lock("sign-in.timed-out");
}

async function leave() {
  handed = { identifier: null, of: null };
  try {
    await signOut();
    lock("sign-in.signed-out");
  } catch {
    // The cookie may be alive still, and whoever comes next must know.
    lock("sign-in.not-ended");
  }
  replace("/console");
}

async function setLanguage(wanted) {
  try {
    await switchLanguage(wanted);
  } catch {
    return alarm(say("away"));
  }
  await (session.csrf ? render() : lock(null));
  return document.getElementById("language").focus();
}

function hand(identifier) {
  if (identifier) handed = { identifier, of: null };
}

function takeHanded() {
  const { identifier, of } = handed;
  handed = { identifier: null, of: null };
  // What came with a link is searched at once; what was typed before a time-out is only put back.
  return { identifier, atOnce: identifier !== null && of === null };
}

start().catch(() => {
  fill(place, h("p", {}, "The console could not be loaded. "), button("Try again", () => location.reload()));
});
