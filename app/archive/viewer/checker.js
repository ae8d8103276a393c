// Whether an archive is what its manifest says: the same comparisons as the service's own command makes.

import { crc32 } from "./crc32.js";
import { DOCUMENT, known, MANIFEST, manifestText, piecesOf, readHead, zipIn } from "./open.js";
import { misfit } from "./form.js";
import { Scanner } from "./scanner.js";
import { Sha256 } from "./sha256.js";
import { standsAlone } from "./zip.js";

const MEMBERS = { "1.0": ["README.txt", DOCUMENT, "report.html"], 1.1: ["README.txt", DOCUMENT, "report.html", "viewer.html"] };
const FOURTEEN_DAYS = 14 * 86_400_000;
const TOLD_EVERY = 250;
const STRETCH = 1 << 20;
const FORM = "as published";
const HEAD = ["schema_version", "export", "notice", "not_included"];

/** Every comparison as {what: {key, name?}, holds, expected, found}; ends early where more would rest on what failed.
 * expected and found are a word, a number, a list of names, or {size, sha256} with {rows} for a section. After each
 * MiB it waits for its turn. */
export async function check(file, tell, turn) {
  const made = [];
  const note = (what, expected, found) => {
    const holds = JSON.stringify(expected) === JSON.stringify(found);
    made.push({ what, holds, expected, found });
    return holds;
  };
  try {
    const zip = await zipIn(file);
    if (zip) await checkZip(zip, note, tell, turn);
  } catch (error) {
    if (!error.told) throw error;
    note({ key: "zip", problem: error.told }, "whole", error.told.key);
  }
  return { checks: made };
}

async function checkZip(zip, note, tell, turn) {
  const { manifest, version } = await manifestOf(zip);
  known(version);
  const expected = [...(MEMBERS[version] ?? MEMBERS[1.1]), ...closing(version)];
  if (!note({ key: "zip-members" }, expected, zip.entries.map((entry) => printed(entry.name)))) return;
  note({ key: "zip-alone" }, true, await standsAlone(zip));
  const kinds = zip.entries.map((entry) => note({ key: "zip-kind", name: entry.name }, "plain", kindOf(entry)));
  if (kinds.includes(false)) return;
  if (!note({ key: "manifest-form" }, FORM, manifest ? misfit(manifest) || FORM : "no JSON")) return;
  await checkManifest(manifest, version, note);
  await checkMembers(zip, manifest, note, tell, turn);
}

async function manifestOf(zip) {
  if (!zip.entries.some((entry) => entry.name === MANIFEST)) return {};
  try {
    const manifest = JSON.parse(await manifestText(zip));
    return { manifest, version: manifest?.schema_version };
  } catch {
    return {};
  }
}

// Since 1.1 the manifest is signed. Whose signature it is cannot be seen without a key from elsewhere.
const closing = (version) => (version === "1.0" ? [MANIFEST] : [MANIFEST, `${MANIFEST}.sig`]);

function checkManifest(manifest, version, note) {
  note({ key: "manifest-members" }, MEMBERS[version], manifest.members.map((one) => printed(one.name)));
  note({ key: "manifest-total" }, manifest.members.reduce((sum, one) => sum + one.size, 0), manifest.totals.bytes);
  note({ key: "manifest-count" }, manifest.members.length + closing(version).length, manifest.totals.members);
  const { compiled_at, expires_at } = manifest.export;
  note({ key: "expiry" }, new Date(Date.parse(compiled_at) + FOURTEEN_DAYS).toISOString(), new Date(expires_at).toISOString());
}

async function checkMembers(zip, manifest, note, tell, turn) {
  const of = manifest.totals.bytes;
  let [before, toldAt] = [0, 0];
  for (const entry of zip.entries) {
    const told = manifest.members.find((one) => one.name === entry.name);
    const seen = { size: 0, crc: 0, sha: new Sha256() };
    let rested = 0;
    const reading = tallied(await piecesOf(zip, entry.name, true), seen, async () => {
      if (seen.size - rested >= STRETCH) {
        rested = seen.size;
        await turn();
      }
      if (Date.now() - toldAt < TOLD_EVERY) return;
      toldAt = Date.now();
      tell({ event: "checking", bytes: before + seen.size, of });
    });
    try {
      if (entry.name === DOCUMENT) await checkDocument(reading, manifest, note);
      for await (const _ of reading);
    } catch (error) {
      if (!error.told) throw error;
    }
    const found = { size: seen.size, sha256: seen.sha.hex() };
    if (told) note({ key: "member", name: entry.name }, { size: told.size, sha256: told.sha256 }, found);
    note({ key: "crc", name: entry.name }, entry.crc, seen.crc);
    before += seen.size;
  }
}

async function* tallied(pieces, seen, after) {
  for await (const bytes of pieces.read()) {
    seen.size += bytes.length;
    seen.crc = crc32(seen.crc, bytes);
    seen.sha.update(bytes);
    yield bytes;
    await after();
  }
}

async function checkDocument(reading, manifest, note) {
  // Asked for one by one, because a loop that ends early would end the reading too.
  const rest = { next: () => reading.next(), [Symbol.asyncIterator]: () => rest };
  const counted = [];
  let said = FORM;
  try {
    const head = await readHead(rest);
    checkHead(head, manifest, note);
    await countSections(head, rest, counted);
  } catch (error) {
    if (!error.told) throw error;
    said = error.told.key;
  }
  if (note({ key: "document-form" }, FORM, said)) checkSections(manifest, counted, note);
}

function checkHead(start, manifest, note) {
  const { head } = start;
  const keys = HEAD.filter((key) => key !== "not_included" || head.schema_version !== "1.0");
  const same = JSON.stringify(head) === `${start.text}}` && String(Object.keys(head)) === String(keys);
  note({ key: "document-frame" }, FORM, same ? FORM : "otherwise");
  const others = Object.keys(head.export).filter((key) => JSON.stringify(head.export[key]) !== JSON.stringify(manifest.export[key]));
  note({ key: "document-export" }, [], others);
  note({ key: "document-version" }, manifest.schema_version, head.schema_version);
}

async function countSections({ at, rest }, reading, counted) {
  let [sha, from, current] = [null, 0, null];
  const on = {
    begin: (name, place) => {
      counted.push((current = { name, rows: 0, size: place }));
      [sha, from] = [new Sha256(), place];
    },
    row: () => current.rows++,
    end: (place) => {
      sha.update(piece.subarray(from - base, place - base));
      Object.assign(current, { size: place - current.size, sha256: sha.hex() });
      sha = null;
    },
  };
  const scanner = new Scanner(on, at, { strict: true });
  let [piece, base] = [rest, at];
  const feed = () => {
    scanner.feed(piece);
    sha?.update(piece.subarray(from - base));
    base += piece.length;
    from = base;
  };
  feed();
  for await (piece of reading) feed();
  scanner.finish();
}

function checkSections(manifest, counted, note) {
  const found = new Map(counted.map(({ name, ...counts }) => [name, counts]));
  for (const { name, status, rows, bytes: size, sha256 } of manifest.sections) {
    const there = found.get(name);
    if (status === "included") note({ key: "section", name }, { rows, size, sha256 }, there ?? "absent");
    else note({ key: "section", name }, status, there ? "included" : status);
  }
  const names = manifest.sections.filter((one) => one.status === "included").map((one) => one.name);
  note({ key: "order" }, names, counted.map((one) => printed(one.name)));
}

function kindOf({ flags, method, mode, needs }) {
  if (flags & 1 || (method !== 0 && method !== 8) || needs > 63) return "otherwise packed";
  return (mode & 0o170000) === 0o100000 && !(mode & 0o111) ? "plain" : `mode ${mode.toString(8)}`;
}

/** A name that no sane archive has may be anything, also somebody's. */
function printed(name) {
  return /^[\w./-]{1,80}$/.test(name) ? name : "?";
}
