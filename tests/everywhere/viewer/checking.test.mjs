// A good archive passes; whatever is changed in it is named.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { DOCUMENT, MANIFEST, deflated, documentOf, engine, fileOf, membersOf, sha256, zip } from "./archives.mjs";

const { check } = await engine("checker.js");
const SECTIONS = { events: [{ id: 1, at: "2026-01-01", who: "Jane" }, { id: 2 }, { id: 3, deep: [[{}]] }], empty: [], more: [{ id: 4 }] };
const members = () => membersOf(SECTIONS, { marks: 100 });

async function failures(...parts) {
  const { checks } = await check(fileOf(...parts), () => {});
  assert.ok(!JSON.stringify(checks).includes("Jane"));
  return checks.filter((one) => !one.holds).map(({ what }) => (what.name ? `${what.key} ${what.name}` : what.key));
}

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

const CHANGES = {
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

for (const [what, [change, expected]] of Object.entries(CHANGES)) {
  test(`named: ${what}`, async () => {
    assert.deepEqual((await failures(zip(change(members())))).sort(), expected.sort());
  });
}

const good = zip(members());
const AROUND = {
  "before it": [["x", good], ["zip-alone"]],
  "behind it": [[good, "x"], ["zip-alone"]],
  "a comment": [[zip(members(), { comment: "hello" })], ["zip-alone"]],
  "between members": [[zip(members(), { gap: "gap" })], ["zip-alone"]],
};

for (const [what, [parts, expected]] of Object.entries(AROUND)) {
  test(`named: something ${what}`, async () => assert.deepEqual(await failures(...parts), expected));
}

for (const missing of [1, 10, 30, 200, 700, good.length - 10]) {
  test(`named: the last ${missing} bytes missing`, async () => assert.deepEqual(await failures(good.subarray(0, -missing)), ["zip"]));
}

test("no change of a byte that changes the contents goes unnoticed", async () => {
  const before = await contents(good);
  for (let at = 0; at < good.length; at += 3) {
    const raw = Buffer.from(good);
    raw[at] ^= 1;
    const noticed = await failures(raw).catch((error) => [error.told.key]);
    if (!noticed.length) assert.deepEqual(await contents(raw), before, `${at}`);
  }
});

async function contents(bytes) {
  const { zipIn, piecesOf } = await engine("open.js");
  const archive = await zipIn(fileOf(bytes));
  return Promise.all(archive.entries.map(async ({ name }) => {
    const parts = [];
    for await (const part of (await piecesOf(archive, name)).read()) parts.push(part.slice());
    return [name, Buffer.concat(parts).toString()];
  }));
}

test("older archives, with and without marks, pass", async () => {
  for (const marks of [0, 50]) assert.deepEqual(await failures(zip(membersOf(SECTIONS, { version: "1.0", marks }))), []);
  assert.deepEqual(await failures(zip(membersOf({}))), []);
});

test("an archive as the service made it passes", { skip: !process.env.ARCHIVE }, async () => {
  const { checks } = await check(await openAsBlob(process.env.ARCHIVE), () => {});
  assert.deepEqual(checks.filter((one) => !one.holds), []);
  assert.ok(checks.length > 15);
});

test("the document alone cannot be checked", async () => {
  assert.deepEqual(await check(fileOf(documentOf(SECTIONS)), () => {}), { checks: [] });
});

test("SHA-256 and CRC-32 are those of the standards, however the bytes are cut", async () => {
  const [{ Sha256 }, { crc32: ours }] = [await engine("sha256.js"), await engine("crc32.js")];
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * n) >> 5));
  for (const size of [...Array(150).keys(), 1000, 100_000]) {
    const part = bytes.subarray(0, size);
    const [whole, cut] = [new Sha256(), new Sha256()];
    whole.update(part);
    for (let at = 0; at < size; at += 13) cut.update(part.subarray(at, at + 13));
    const expected = createHash("sha256").update(part).digest("hex");
    assert.deepEqual([whole.hex(), cut.hex()], [expected, expected]);
    assert.equal(ours(ours(0, part.subarray(0, 7)), part.subarray(7)), crc32(part));
  }
});
