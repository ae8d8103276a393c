// What can be done to an export, from its own page and from the history alike.

import { inCenter, read } from "./api.js";
import { announce, button, icon } from "./dom.js";
import { confirmed } from "./dialog.js";
import { isOver } from "./problems.js";
import { deedsFor } from "./status.js";
import { say } from "./words.js";

const DEEDS = {
  download: { picture: "download", run: download },
  retry: { picture: "again", run: retry },
  cancel: { picture: "stop", run: end },
  revoke: { picture: "stop", run: end },
};

/** Buttons for what `entry` allows. `done` gets the deed's name, `failed` the error. */
export function deedButtons(entry, visit, { done, failed, main = null }) {
  return deedsFor(entry, visit.center).map((deed) => {
    const kind = deed === main ? "main" : deed === "cancel" || deed === "revoke" ? "plain danger" : "plain";
    const one = button([icon(DEEDS[deed].picture), say(`deed.${deed}`)], run, { class: kind, "data-deed": deed });
    return one;

    async function run() {
      one.setAttribute("aria-busy", "true");
      try {
        if (await DEEDS[deed].run(pathOf(entry, visit), visit.signal, deed)) done(deed);
      } catch (error) {
        if (!isOver(error, visit.signal)) failed(error);
      } finally {
        one.removeAttribute("aria-busy");
      }
    }
  });
}

export function pathOf({ id }, { center }) {
  return inCenter(center.id, `/exports/${encodeURIComponent(id)}`);
}

/** The link is made at the click and followed at once: it works for a few minutes, for whoever has it. */
async function download(path, signal) {
  const { url } = await read("POST", `${path}/links`, { signal });
  announce(say("deed.download-begun"));
  location.assign(url);
  return true;
}

async function retry(path, signal) {
  await read("POST", `${path}/retry`, { signal });
  announce(say("deed.retry-begun"));
  return true;
}

async function end(path, signal, deed) {
  const asked = { title: say(`${deed}.title`), text: say(`${deed}.text`), deed: say(`${deed}.deed`) };
  if (!(await confirmed(asked, signal))) return false;
  await read("DELETE", path, { signal });
  announce(say(`${deed}.done`));
  return true;
}
