// What can be done to an export or an erasure, from its own page and from the history alike.

import { inCenter, read } from "./api.js";
import { announce, button, icon } from "./dom.js";
import { confirmed } from "./dialog.js";
import { isOver } from "./problems.js";
import { saveReceipt } from "./receipt.js";
import { deedsFor } from "./status.js";
import { say } from "./words.js";

const DEEDS = {
  approve: { picture: "done", run: approve },
  receipt: { picture: "download", run: receipt },
  download: { picture: "download", run: download },
  retry: { picture: "again", run: retry },
  cancel: { picture: "stop", run: end },
  revoke: { picture: "stop", run: end },
};

/** Buttons for what `entry` allows. `done` gets the deed's name, `failed` the error and the kind. */
export function deedButtons(entry, visit, { done, failed, main = null }) {
  return deedsFor(entry, visit.center).map((deed) => {
    const kind = deed === main ? "main" : deed === "cancel" || deed === "revoke" ? "plain danger" : "plain";
    const words = wordsOf(deed, entry);
    const one = button([icon(DEEDS[deed].picture), say(`deed.${words}`)], run, { class: kind, "data-deed": deed });
    return one;

    async function run() {
      one.setAttribute("aria-busy", "true");
      try {
        if (await DEEDS[deed].run(pathOf(entry, visit), visit.signal, words, entry)) done(deed);
      } catch (error) {
        if (!isOver(error, visit.signal)) failed(error, entry.kind);
      } finally {
        one.removeAttribute("aria-busy");
      }
    }
  });
}

export function pathOf({ kind, id }, { center }) {
  return inCenter(center.id, `/${kind}s/${encodeURIComponent(id)}`);
}

/** Retrying and cancelling say what they are done to. */
function wordsOf(deed, { kind }) {
  return kind === "erasure" && (deed === "retry" || deed === "cancel") ? `${deed}-erasure` : deed;
}

/** The link is made at the click and followed at once: it works for a few minutes, for whoever has it. */
async function download(path, signal) {
  const { url } = await read("POST", `${path}/links`, { signal });
  announce(say("deed.download-begun"));
  location.assign(url);
  return true;
}

async function receipt(path, signal, words, { id }) {
  await saveReceipt(path, id, "text/html", signal);
  return true;
}

async function retry(path, signal, words) {
  await read("POST", `${path}/retry`, { signal });
  announce(say(`${words}.done`));
  return true;
}

function approve(path, signal, words) {
  return sure(words, signal, () => read("POST", `${path}/approve`, { signal }));
}

function end(path, signal, words) {
  return sure(words, signal, () => read("DELETE", path, { signal }));
}

/** Whether the person was, and it is done. */
async function sure(words, signal, work) {
  const asked = { title: say(`${words}.title`), text: say(`${words}.text`), deed: say(`${words}.deed`) };
  if (!(await confirmed(asked, signal))) return false;
  await work();
  announce(say(`${words}.done`));
  return true;
}
