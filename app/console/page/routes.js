// Addresses of the console: what each one shows, and how to get there without loading the page again.

const ROOT = "/console";
const ENTRY = /^\/(export|erasure)s\/([^/]+)$/;
const PATHS = { search: "", history: "/history", audit: "/audit" };
const SIGN_IN = "sign-in=", OIDC = "oidc=", LEFT = "dossier-left";

let arrived = () => {};

/** Calls `listener` whenever another view is to be shown. */
export function whenArrived(listener) {
  arrived = listener;
  addEventListener("popstate", () => arrived());
  addEventListener("hashchange", () => { if (location.hash) arrived(); });
  document.addEventListener("click", follow);
}

export function here() {
  const below = location.pathname.slice(ROOT.length).replace(/\/$/, "");
  const parameters = new URLSearchParams(location.search);
  const found = ENTRY.exec(below);
  if (found) return { view: "progress", kind: found[1], id: found[2], parameters };
  const view = Object.keys(PATHS).find((name) => PATHS[name] === below) ?? "nowhere";
  return { view, kind: null, id: null, parameters };
}

/** The progress of one `entry` needs its id and its kind. */
export function addressOf(view, query = {}, entry = null) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const asked = new URLSearchParams(given).toString();
  const path = view === "progress" ? `/${entry.kind}s/${encodeURIComponent(entry.id)}` : PATHS[view];
  return `${ROOT}${path}${asked && `?${asked}`}`;
}

export function go(address) {
  history.pushState(null, "", address);
  arrived();
}

export function replace(address) {
  history.replaceState(null, "", address);
}

/** To where somebody signs in, who wants to go on where they were. */
export function leaveFor(address) {
  sessionStorage.setItem(LEFT, location.pathname + location.search);
  location.assign(address);
}

/** What stood behind the `#`: it opens a door or names a person, so it leaves the address at once. */
export function takeFragment() {
  const fragment = location.hash.slice(1);
  if (!fragment) return {};
  replace(location.pathname + location.search);
  if (fragment.startsWith(SIGN_IN)) return { ticket: fragment.slice(SIGN_IN.length) };
  if (fragment.startsWith(OIDC)) return { oidc: comeBack(fragment.slice(OIDC.length)) };
  return { identifier: decoded(fragment) };
}

function comeBack(outcome) {
  const left = sessionStorage.getItem(LEFT);
  sessionStorage.removeItem(LEFT);
  if (left) replace(left);
  return outcome;
}

function decoded(fragment) {
  try {
    return decodeURIComponent(fragment);
  } catch {
    // A Tracking ID is any string: a lone % in it is meant as it stands.
    return fragment;
  }
}

function follow(event) {
  const link = event.target.closest?.("a[href]");
  const wanted = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !wanted || link.target || event.defaultPrevented || !isOurs(link)) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

function isOurs(link) {
  const { origin, pathname } = new URL(link.href);
  return origin === location.origin && (pathname === ROOT || pathname.startsWith(`${ROOT}/`));
}
