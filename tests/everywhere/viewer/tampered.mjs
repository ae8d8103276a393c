// Archives that somebody changed, each with what has to be said of it; run by itself, it writes them into a folder.

import { writeFileSync } from "node:fs";
import { DOCUMENT, documentOf, MANIFEST, membersOf, sha256, zip } from "./archives.mjs";

export const SECTIONS = { events: [{ id: 1, at: "2026-01-01", who: "Jane" }, { id: 2 }, { id: 3, deep: [[{}]] }], empty: [], more: [{ id: 4 }] };
export const members = () => membersOf(SECTIONS, { marks: 100 });

const content = (name, change) => (all) => all.map((one) => (one.name === name ? { ...one, content: Buffer.from(change(one.content.toString())) } : one));
const manifest = (change) => content(MANIFEST, (text) => {
  const told = JSON.parse(text);
  change(told);
  return JSON.stringify(told);
});
/** The manifest's word for the members too, so that only what is inside of the document tells. */
const mended = (change) => (all) => {
  const changed = change(all);
  const { content: text } = changed.find((one) => one.name === DOCUMENT);
  return manifest((told) => {
    Object.assign(told.members[1], { size: text.length, sha256: sha256(text) });
    told.totals.bytes = told.members.reduce((sum, one) => sum + one.size, 0);
  })(changed);
};
const document = (change) => content(DOCUMENT, change);
const MEMBER = `member ${DOCUMENT}`;

export const CHANGES = {
  "nothing": [(all) => all, []],
  "a byte of a row": [document((text) => text.replace("Jane", "Jana")), [MEMBER, "section events"]],
  "a byte of a row, and the manifest's members": [mended(document((text) => text.replace("Jane", "Jana"))), ["section events"]],
  "a row removed": [mended(document((text) => text.replace(',{"id":2}', ""))), ["section events"]],
  "a row added": [mended(document((text) => text.replace('"empty":[', '"empty":[{}'))), ["section empty"]],
  "a section renamed": [mended(document((text) => text.replace('"more"', '"mere"'))), ["order", "section more"]],
  "a section removed": [mended(document((text) => text.replace(',"more":[{"id":4}]', ""))), ["order", "section more"]],
  "sections in another order": [mended(() => membersOf({ ...SECTIONS }).map((one, n) => (n === 1 ? { ...one, content: documentOf({ more: SECTIONS.more, empty: [], events: SECTIONS.events }) } : one))), ["order"]],
  "a withheld section": [mended(document((text) => text.replace(',"more"', ',"secrets":[],"more"'))), ["order", "section secrets"]],
  "another export": [mended(document((text) => text.replace('"e-1"', '"e-2"'))), ["document-export"]],
  "a space in the frame": [mended(document((text) => text.replace(',"notice"', ', "notice"'))), ["document-frame"]],
  "a space between rows": [mended(document((text) => text.replace('},{"id":2', '}, {"id":2'))), ["document-form"]],
  "a bracket": [mended(document((text) => `${text}}`)), ["document-form"]],
  "an end missing": [mended(document((text) => text.slice(0, -1))), ["document-form"]],
  "the README": [content("README.txt", (text) => `${text}!`), ["member README.txt"]],
  "the viewer": [content("viewer.html", (text) => text.replace("viewer", "reader")), ["member viewer.html"]],
  "a count": [manifest((told) => (told.sections[0].rows = 4)), ["section events"]],
  "a section's hash": [manifest((told) => (told.sections[0].sha256 = "0".repeat(64))), ["section events"]],
  "a section's size": [manifest((told) => (told.sections[1].bytes = 3)), ["section empty"]],
  "a member's size": [manifest((told) => (told.members[0].size = 3)), ["manifest-total", "member README.txt"]],
  "a member's hash": [manifest((told) => (told.members[2].sha256 = "0".repeat(64))), ["member report.html"]],
  "a member not listed": [manifest((told) => told.members.pop()), ["manifest-count", "manifest-members", "manifest-total"]],
  "the expiry": [manifest((told) => (told.export.expires_at = "2099-01-01T00:00:00Z")), ["expiry"]],
  "another export in the manifest": [manifest((told) => (told.export.id = "e-2")), ["document-export"]],
  "a newer schema": [manifest((told) => (told.schema_version = "1.2")), ["zip"]],
  "an older schema": [manifest((told) => (told.schema_version = "1.0")), ["zip-members"]],
  "a key": [manifest((told) => (told.jane = "Jane")), ["manifest-form"]],
  "a key less": [manifest((told) => delete told.sections[0].purpose), ["manifest-form"]],
  "a moment that is none": [manifest((told) => (told.export.as_of = "yesterday")), ["manifest-form"]],
  "a count that is none": [manifest((told) => (told.other_combinations = -1)), ["manifest-form"]],
  "no manifest": [content(MANIFEST, () => "no JSON"), ["manifest-form"]],
  "a manifest that is no object": [content(MANIFEST, () => "7"), ["manifest-form"]],
  "a member less": [(all) => all.filter((one) => one.name !== "viewer.html"), ["zip-members"]],
  "the document less": [(all) => all.filter((one) => one.name !== DOCUMENT), ["zip-members"]],
  "a member more": [(all) => [...all, { name: "Jane@example.com", content: Buffer.from("x") }], ["zip-members"]],
  "a member twice": [(all) => [...all.slice(0, 1), ...all], ["zip-members"]],
  "members in another order": [(all) => [all[1], all[0], ...all.slice(2)], ["zip-members"]],
  "a link": [(all) => all.map((one, n) => (n === 0 ? { ...one, mode: 0o120777 } : one)), ["zip-kind README.txt"]],
  "a folder": [(all) => all.map((one, n) => (n === 2 ? { ...one, mode: 0o040755 } : one)), ["zip-kind report.html"]],
  "a program": [(all) => all.map((one, n) => (n === 2 ? { ...one, mode: 0o100755 } : one)), ["zip-kind report.html"]],
};

export const good = zip(members());
export const AROUND = {
  "before it": [["x", good], ["zip-alone"]],
  "behind it": [[good, "x"], ["zip-alone"]],
  "a comment": [[zip(members(), { comment: "hello" })], ["zip-alone"]],
  "between members": [[zip(members(), { gap: "gap" })], ["zip-alone"]],
};

// What cannot even be opened is named by one sentence.
const UNOPENED = { "no manifest": "damaged", "the document less": "other-zip", "a newer schema": "newer" };

/** [{path, what, said}]: keys of findings, or of the one sentence. */
function written(folder) {
  const all = Object.entries(CHANGES).filter(([what]) => what !== "nothing").map(([what, [change, said]]) => [what, zip(change(members())), said]);
  const others = Object.entries(AROUND).map(([what, [parts, said]]) => [`something ${what}`, Buffer.concat(parts.map((one) => Buffer.from(one))), said]);
  return [...all, ...others].map(([what, bytes, said], n) => {
    const path = `${folder}/tampered-${n}.zip`;
    writeFileSync(path, bytes);
    return { path, what, said, unopened: UNOPENED[what] ?? null };
  });
}

if (process.argv[2]) console.log(JSON.stringify(written(process.argv[2])));
