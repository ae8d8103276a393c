// Keeps an answer of the service as a file of the reader's.

import { h } from "./dom.js";

/** Under the name that the answer has, else under that one. */
export async function save(answer, name) {
  const href = URL.createObjectURL(await answer.blob());
  h("a", { href, download: nameIn(answer) ?? name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

function nameIn(answer) {
  return /filename="([^"\\/]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
}
