// What was chosen, an archive or its document alone, and how it begins; or the reason why it is neither.

import { asLatin, asText, joined, sliceOf } from "./bytes.js";
import { Pieces } from "./pieces.js";
import { damaged, Problem } from "./problem.js";
import { locate, readZip } from "./zip.js";

export const DOCUMENT = "personal-data.json";
export const MANIFEST = "META/manifest.json";
export const VERSIONS = ["1.0", "1.1"];
const ZIP_BEGINS = "PK\x03\x04";
const SECTIONS = /,\s*"sections"\s*:\s*\{/;
const VERSION = /^\s*\{\s*"schema_version"\s*:\s*"([^"\\]{1,40})"/;
const LONGEST_HEAD = 1 << 20;
const LARGEST_MANIFEST = 16 << 20;

/** The ZIP, or null for what may be the document. */
export async function zipIn(file) {
  const zip = await readZip(file);
  if (zip) return zip;
  const begin = asLatin(await sliceOf(file, 0, 64));
  if (begin.startsWith(ZIP_BEGINS)) throw new Problem("cut-off");
  // A mark of UTF-8 may stand before it.
  if (!/^(\xef\xbb\xbf|ï»¿)?\s*[{[]/.test(begin)) throw new Problem("not-an-archive");
  return null;
}

export async function piecesOf(zip, name, once) {
  const entry = zip.entries.find((one) => one.name === name);
  if (!entry) throw new Problem("other-zip");
  return new Pieces(zip.file, await locate(zip.file, entry), name, once);
}

/** The manifest's text; empty where it is too large to be one. */
export async function manifestText(zip) {
  const parts = [];
  let size = 0;
  for await (const bytes of (await piecesOf(zip, MANIFEST)).read()) {
    parts.push(bytes.slice());
    size += bytes.length;
    if (size > LARGEST_MANIFEST) return "";
  }
  return asText(joined([new Uint8Array(), ...parts]));
}

export function parsedManifest(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw damaged(MANIFEST);
  }
}

/** Throws where it is a version's that this page does not know. */
export function known(version) {
  if (typeof version === "string" && !VERSIONS.includes(version)) throw new Problem("newer", { version });
}

/** The document up to its sections: as text, where they begin, and what was read behind that. */
export async function readHead(reading) {
  let bytes = new Uint8Array();
  while (bytes.length <= LONGEST_HEAD) {
    const { done, value } = await reading.next();
    if (done) break;
    bytes = joined([bytes, value]);
    const text = asLatin(bytes);
    known(VERSION.exec(text)?.[1]);
    const found = SECTIONS.exec(text);
    if (!found) continue;
    const at = found.index + found[0].length;
    const head = asText(bytes.subarray(0, found.index));
    return { text: head, head: parsedHead(head), at, rest: bytes.subarray(at) };
  }
  throw damaged(DOCUMENT);
}

/** The head's content; of any other JSON it has not the form. */
function parsedHead(text) {
  try {
    const head = JSON.parse(`${text}}`);
    if (VERSIONS.includes(head.schema_version) && head.export.id && head.notice) return head;
  } catch {
    // Told below.
  }
  throw damaged(DOCUMENT);
}
