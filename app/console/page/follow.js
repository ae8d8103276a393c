// An entry's changes as they happen: one request waits at a time, and troubles of the network are waited out.

import { Away, SignedOut, ask, passes, sleep } from "./api.js";
import { touch } from "./session.js";
import { isUnfinished } from "./status.js";
import { now } from "./times.js";

const PAUSES = [0, 1000, 2000, 5000, 10_000, 20_000];
const AT_ONCE = 1000, LONG_AGO = 30_000;

/** Yields each state until one that nothing follows. `trouble` is told true, and false once it is over. */
export async function* changes(path, signal, trouble) {
  const woken = wakes(signal);
  let etag = null, last = null, failures = 0;
  while (!signal.aborted) {
    const attempt = new AbortController();
    const stop = stopWith(signal, attempt, woken, last);
    const begun = Date.now();
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const answer = await ask("GET", `${path}?wait=20`, { headers, signal: attempt.signal });
      if (failures > 1) trouble(false);
      failures = 0;
      const tag = answer.headers.get("ETag"), isNews = answer.status === 200 && tag !== null && tag !== etag;
      if (answer.status === 200) {
        [etag, last] = [tag, await answer.json()];
        yield last;
      }
      // Who says so at once, a proxy with a cache for instance, does not wait; then the page does.
      if (!isNews && Date.now() - begun < AT_ONCE) await sleep(AT_ONCE, signal);
      // Somebody who looks on while it is worked at is there, though no key is pressed. An approval may take days.
      if (isUnfinished(last) && last.status !== "requested") touch();
      if (!isUnfinished(last) && last.status !== "ready") return;
    } catch (error) {
      if (signal.aborted || error instanceof SignedOut) return;
      if (attempt.signal.aborted) continue;
      if (!passes(error) && !(error instanceof SyntaxError)) throw error;
      // The first failure is often only the network changing hands, and not worth a word.
      if (++failures === 2) trouble(true);
      await sleep(pauseOf(error, failures), signal, woken).catch(() => {});
    } finally {
      stop();
    }
  }
}

/** Fires `wake` where the network is back, or the tab, or the machine, has slept. */
function wakes(signal) {
  const woken = new EventTarget();
  const wake = () => woken.dispatchEvent(new Event("wake"));
  addEventListener("online", wake, { signal });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); }, { signal });
  return woken;
}

/** Gives up a request that slept with the machine, and one over which its archive expires. */
function stopWith(signal, attempt, woken, last) {
  const begun = Date.now(), scope = new AbortController();
  const give = () => attempt.abort();
  signal.addEventListener("abort", give, { signal: scope.signal });
  woken.addEventListener("wake", () => { if (Date.now() - begun > LONG_AGO) give(); }, { signal: scope.signal });
  const left = last?.expires_at ? Date.parse(last.expires_at) - now() : Infinity;
  const timer = left > 0 && left < LONG_AGO ? setTimeout(give, left + 500) : null;
  return () => { scope.abort(); clearTimeout(timer); };
}

function pauseOf(error, failures) {
  const pause = PAUSES[Math.min(failures - 1, PAUSES.length - 1)];
  return error instanceof Away ? pause : Math.max(pause, (error.retryAfter ?? 1) * 1000);
}
