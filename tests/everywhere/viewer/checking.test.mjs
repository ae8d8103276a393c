// A good archive passes; whatever is changed in it is named.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { documentOf, engine, fileOf, membersOf, zip } from "./archives.mjs";
import { AROUND, CHANGES, good, members, SECTIONS } from "./tampered.mjs";

const { check } = await engine("checker.js");

async function failures(...parts) {
  const { checks } = await check(fileOf(...parts), () => {}, () => {});
  assert.ok(!JSON.stringify(checks).includes("Jane"));
  return checks.filter((one) => !one.holds).map(({ what }) => (what.name ? `${what.key} ${what.name}` : what.key));
}

for (const [what, [change, expected]] of Object.entries(CHANGES)) {
  test(`named: ${what}`, async () => {
    assert.deepEqual((await failures(zip(change(members())))).sort(), expected.sort());
  });
}

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
  const { checks } = await check(await openAsBlob(process.env.ARCHIVE), () => {}, () => {});
  assert.deepEqual(checks.filter((one) => !one.holds), []);
  assert.ok(checks.length > 15);
});

test("the document alone cannot be checked", async () => {
  assert.deepEqual(await check(fileOf(documentOf(SECTIONS)), () => {}, () => {}), { checks: [] });
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
