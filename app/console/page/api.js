// Requests to the API: the CSRF header, one more try where another tab signed in anew, and errors as classes.

import { forget, resume, session } from "./session.js";
import { setClock } from "./times.js";

// An answer to ?wait=20 may take a little longer than that.
const LONGEST = 45_000;
const PAUSES = [500, 1000, 2000, 4000];
// Who is asked to come back later than that is told so, and not kept waiting.
const MOST_SECONDS = 30;
const PASSING = new Set([429, 502, 503, 504]);

/** The service answered, and said no. */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem?.title ?? `status ${status}`);
    Object.assign(this, { status, problem, retryAfter });
  }

  get slug() {
    return String(this.problem?.type ?? "").split("/").pop();
  }
}

/** Nothing answered, or something that is not the service. */
export class Away extends Error {}

/** The session is over; whoever shows the page is told, and a view has nothing to say of it. */
export class SignedOut extends Error {}

let ended = () => {};

export function whenSignedOut(listener) {
  ended = listener;
}

export async function ask(method, path, { body, headers = {}, signal } = {}) {
  const sent = { method, path, body, headers, signal };
  let answer = await send(sent);
  if (answer.status === 401 && (await stillThere())) answer = await send(sent);
  if (answer.status === 401) {
    forget();
    ended();
    throw new SignedOut();
  }
  if (answer.ok || answer.status === 304) return answer;
  throw await refusal(answer);
}

export async function read(method, path, options) {
  const answer = await ask(method, path, options);
  if (answer.status === 204) return null;
  try {
    return await answer.json();
  } catch (error) {
    if (options?.signal?.aborted) throw error;
    throw new Away();
  }
}

/** For what may be sent twice: passing troubles are waited out. */
export async function insist(work, signal) {
  for (const pause of PAUSES) {
    try {
      return await work();
    } catch (error) {
      if (!passes(error) || error.retryAfter > MOST_SECONDS) throw error;
      await sleep(error.retryAfter ? error.retryAfter * 1000 : pause, signal);
    }
  }
  return work();
}

export function passes(error) {
  return error instanceof Away || PASSING.has(error.status) || error.slug === "idempotency-key-in-use";
}

/** Ends early where the view is left, or `woken` tells that it may be worth looking again. */
export function sleep(milliseconds, signal, woken) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    woken?.addEventListener("wake", () => { clearTimeout(timer); resolve(); }, { once: true });
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

export async function refusal(answer) {
  const isProblem = answer.headers.get("Content-Type")?.startsWith("application/problem+json");
  const problem = isProblem ? await answer.json().catch(() => null) : null;
  return new Refused(answer.status, problem, Number(answer.headers.get("Retry-After")) || null);
}

export function inCenter(center, below) {
  return `/v1/data-centers/${encodeURIComponent(center)}${below}`;
}

export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // Over plain http of another host than this machine, a browser has no randomUUID.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function send({ method, path, body, headers, signal }) {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  const options = {
    method, signal: limited(signal), cache: "no-store",
    headers: { "X-CSRF-Token": session.csrf ?? "", ...json, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
  try {
    const answer = await fetch(path, options);
    setClock(answer.headers.get("Date"));
    return answer;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Away();
  }
}

function limited(signal) {
  const limit = AbortSignal.timeout(LONGEST);
  return signal && AbortSignal.any ? AbortSignal.any([signal, limit]) : signal ?? limit;
}

/** Another tab may have signed in since, and the token kept here is an old one. */
async function stillThere() {
  const before = session.name;
  try {
    if (!(await resume())) return false;
  } catch {
    return false;
  }
  if (before === session.name) return true;
  // What this page was about to send is not the wish of whoever signed in meanwhile.
  location.reload();
  throw new SignedOut();
}
