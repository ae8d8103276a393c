// Who is signed in: the session lies in a cookie that no script can read, the page keeps its CSRF token alone.

const ADDRESS = "/console/session";
const SIGNS_OF_LIFE = ["pointerdown", "keydown", "wheel", "touchmove"];

export const session = { name: null, csrf: null, idleSeconds: 1800 };
// Tabs share the session, so that one which nobody looks at must not end it under another.
const tabs = new BroadcastChannel("dossier-session");
const TELL_EVERY = 10_000, LOOK_EVERY = 15_000;
let touched = Date.now(), told = 0;

/** Whether there is a session; that of another tab counts, since they share the cookie. */
export async function resume() {
  const answer = await fetch(ADDRESS, { cache: "no-store" });
  if (answer.status === 401) return false;
  if (!answer.ok) throw answer;
  keep(await answer.json());
  return true;
}

/** `proof` is `{key}` or `{ticket}`. Throws the answer where it is refused. */
export async function signIn(proof) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(ADDRESS, { method: "POST", headers, body: JSON.stringify(proof), cache: "no-store" });
  if (!answer.ok) throw answer;
  keep(await answer.json());
}

/** Throws the answer, or what kept it away, where the session may be alive still. */
export async function signOut() {
  const token = session.csrf;
  forget();
  tabs.postMessage("gone");
  let answer = await end(token);
  // The token may be that of a session before the one which another tab has begun since.
  if (answer.status === 401 && (await resume())) answer = await end(session.csrf);
  forget();
  if (!answer.ok && answer.status !== 401) throw answer;
}

export function forget() {
  session.csrf = null;
}

export function touch() {
  touched = Date.now();
  if (touched - told < TELL_EVERY) return;
  told = touched;
  tabs.postMessage("here");
}

/**
 * Calls `idle` once nobody has been there for as long as a session may idle: the screen must not outlive it.
 * Calls `gone` where somebody signed out in another tab.
 */
export function watchTabs({ idle, gone }) {
  for (const sign of SIGNS_OF_LIFE) addEventListener(sign, touch, { passive: true });
  const look = () => { if (session.csrf && Date.now() - touched > session.idleSeconds * 1000) idle(); };
  tabs.onmessage = ({ data }) => {
    if (data === "here") touched = Date.now();
    else if (session.csrf) gone();
  };
  setInterval(look, LOOK_EVERY);
  document.addEventListener("visibilitychange", look);
}

function end(token) {
  return fetch(ADDRESS, { method: "DELETE", headers: { "X-CSRF-Token": token ?? "" }, keepalive: true });
}

function keep({ name, csrf, idle_seconds: idleSeconds }) {
  Object.assign(session, { name, csrf, idleSeconds: idleSeconds ?? session.idleSeconds });
  touch();
}
