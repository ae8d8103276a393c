// An archive that is ready: how large, how long, its digest, and in whose hands it belongs.

import { announce, button, fill, h, icon, notice } from "./dom.js";
import { left, moment, size } from "./times.js";
import { phrase, say } from "./words.js";

export function archiveOf(entry) {
  const downloads = h("p", { class: "quiet" });
  const span = h("strong", {}, left(entry.expires_at));
  const expiry = phrase("ready.expires", { moment: moment(entry.expires_at), span });
  const node = h("div", { class: "panel" },
    h("p", {}, phrase("ready.size", { size: h("strong", {}, size(entry.size)) })), h("p", {}, expiry), downloads);
  // Below the button, where whoever has pressed it looks next.
  const after = [
    notice("warning", h("p", {}, h("strong", {}, say("ready.whose"))), h("p", {}, say("ready.keep"))),
    digest(entry.sha256),
  ];
  return { node, after, update: (now) => fill(downloads, downloaded(now)) };
}

function downloaded({ downloads: count, last_downloaded_at: last }) {
  return count ? phrase("ready.downloads", { count, last: moment(last) }) : say("ready.never");
}

function digest(sha256) {
  const shown = h("code", { class: "digest", id: "sha256" }, sha256);
  const copied = h("span", { class: "quiet" });
  const label = [icon("copy"), say("ready.copy")];
  const copy = button(label, () => copyText(shown, copied), { "aria-describedby": "sha256" });
  const row = h("div", { class: "row" }, shown, copy, copied);
  return h("div", { class: "sum" }, h("p", { class: "label" }, "SHA-256"), row);
}

/** Over plain http a browser has no clipboard to offer; the text is marked then, to be copied by hand. */
async function copyText(element, told) {
  let key = "ready.copied";
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    getSelection().selectAllChildren(element);
    key = "ready.marked";
  }
  fill(told, say(key));
  announce(say(key));
}
