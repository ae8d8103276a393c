// What the engine reads of an archive is what JSON.parse reads, wherever it is asked, however the archive is packed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import { DOCUMENT, MANIFEST, documentOf, engine, fileOf, membersOf, opened, zip } from "./archives.mjs";

const DEEP = `${"[".repeat(60)}1${"]".repeat(60)}`;
const AWKWARD = `[{},{"":""},{"id":1,"quotes":"\\\\\\"},{\\"id\\":\\"\\\\\\\\","brackets":"]}}[{{","end":"\\\\"},
{"rtl":"שלום 📱 \u2028 é","deep":${DEEP},"half":"\\ud800x","pair":"\\ud83d\\ude00"},
{ "huge" : 123456789012345678901234567890 , "small":-1.50e-300,"yes":true,"no":false,"none":null , "list":[ 1, {"a":"]"} ] },
{"twice":1,"twice":2},{"=cmd()":"</script>","js":"javascript:alert(1)"},{"},{":"},{"},{"x":"${"long ".repeat(400_000)}"},
{${Array.from({ length: 300 }, (_, n) => `"c${n}":${n}`).join(",")}}]`;
const many = Array.from({ length: 20_000 }, (_, n) => ({ id: n, at: `2026-0${1 + (n % 9)}-02T03:04:05Z`, text: "\\\"x".repeat(n % 50), list: [n, { n }] }));
const SECTIONS = { none: [], awkward: AWKWARD, events: many, last: [{}] };

const textOf = (value) => (typeof value === "string" ? value : value === null ? "" : JSON.stringify(value));
const WAYS = {
  "1.1 with marks": () => fileOf(zip(membersOf(SECTIONS))),
  "1.1 with a mark behind a few bytes each": () => fileOf(zip(membersOf(SECTIONS, { marks: 3001 }))),
  "1.1 without marks": () => fileOf(zip(membersOf(SECTIONS, { marks: 0 }))),
  "1.0 without marks": () => fileOf(zip(membersOf(SECTIONS, { version: "1.0", marks: 0, zip64: false }))),
  "stored": () => fileOf(zip(membersOf(SECTIONS).map((one) => ({ ...one, stored: true })))),
  "with something before it": () => fileOf("#!/bin/sh\n", zip(membersOf(SECTIONS))),
  "the document alone": () => fileOf(documentOf(SECTIONS)),
};

for (const [way, made] of Object.entries(WAYS)) {
  test(`rows anywhere: ${way}`, async () => {
    const { reader, events, answer } = await opened(made());
    assert.deepEqual(events.at(-1), { event: "read" });
    assert.deepEqual([...reader.sections.values()].map((one) => [one.name, one.rows]), [["none", 0], ["awkward", 10], ["events", 20_000], ["last", 1]]);
    assert.equal(answer.kind, way.startsWith("the") ? "document" : "archive");
    for (let n = 0; n < 40; n++) {
      const number = (n * 7919) % many.length;
      const { rows: [row] } = await reader.rows({ section: "events", view: null, from: number, count: 1 });
      assert.equal(row.number, number);
      assert.deepEqual(row.cells.map(([name, , text]) => [name, text]), Object.entries(many[number]).map(([name, value]) => [name, textOf(value)]));
    }
    const { rows } = await reader.rows({ section: "events", view: null, from: 63, count: 500 });
    assert.deepEqual(rows.map((row) => row.cells[0][2]), many.slice(63, 563).map((one) => String(one.id)));
    assert.deepEqual((await reader.rows({ section: "events", view: null, from: 19_999, count: 50 })).rows.length, 1);
    assert.deepEqual((await reader.rows({ section: "none", view: null, from: 0, count: 50 })).rows, []);
    assert.deepEqual((await reader.rows({ section: "nowhere", view: null, from: 0, count: 50 })).rows, []);
  });
}

test("awkward rows keep every digit, name and half", async () => {
  const { reader } = await opened(WAYS["1.1 with marks"]());
  const { rows } = await reader.rows({ section: "awkward", view: null, from: 0, count: 50 });
  const cells = rows.map((row) => row.cells);
  assert.deepEqual(cells[0], []);
  assert.deepEqual(cells[1], [["", "text", ""]]);
  assert.deepEqual(cells[2].map(([, , text]) => text), ["1", '\\"},{"id":"\\\\', "]}}[{{", "\\"]);
  assert.deepEqual(cells[3], [["rtl", "text", "שלום 📱 \u2028 é"], ["deep", "nested", DEEP], ["half", "text", "\ud800x"], ["pair", "text", "😀"]]);
  assert.deepEqual(cells[4], [
    ["huge", "number", "123456789012345678901234567890"], ["small", "number", "-1.50e-300"], ["yes", "boolean", "true"],
    ["no", "boolean", "false"], ["none", "null", ""], ["list", "nested", '[ 1, {"a":"]"} ]'],
  ]);
  assert.deepEqual(cells[5], [["twice", "number", "1"], ["twice", "number", "2"]]);
  assert.deepEqual(cells[7], [["},{", "text", "},{"]]);
  assert.deepEqual([cells[8][0][2].length, cells[8][0][3]], [2000, 2_000_000]);
  assert.equal((await reader.cell({ section: "awkward", number: 8, column: "x" })).text, "long ".repeat(400_000));
  assert.equal(cells[9].length, 300);
  assert.equal(reader.columns({ section: "awkward" }).columns.length, 1 + 3 + 1 + 4 + 6 + 1 + 2 + 1 + 1 + 300);
});

test("the scanner finds the same however the bytes are cut", async () => {
  const { Scanner } = await engine("scanner.js");
  const bytes = Buffer.from(`"a":[],"b":${JSON.stringify(many.slice(0, 30))},"c":[{}]}}`);
  for (const size of [1, 2, 3, 7, 64, 1000, 1 << 20]) {
    const seen = [];
    const on = {
      begin: (name, at) => seen.push(name, bytes.subarray(at, at + 1).toString()),
      row: (part, from, to, at, keys) => {
        seen.push(Buffer.from(part.subarray(from, to)).toString(), at);
        for (let n = 0; n < keys.length; n += 3) seen.push(Buffer.from(part.subarray(keys[n], keys[n + 1])).toString(), part[keys[n + 2] - 1] === 58);
      },
      end: (at) => seen.push(bytes.subarray(at - 1, at).toString()),
    };
    const scanner = new Scanner(on, 0);
    for (let at = 0; at < bytes.length; at += size) scanner.feed(bytes.subarray(at, at + size));
    scanner.finish();
    assert.deepEqual(seen.filter((one) => typeof one === "string" && one.startsWith("{\"")).map((one) => JSON.parse(one)), many.slice(0, 30));
    assert.deepEqual(seen.filter((one) => one === "[" || one === "]").length, 6);
    assert.deepEqual([...new Set(seen.filter((one) => typeof one === "string" && one.startsWith('"')))], ['"id"', '"at"', '"text"', '"list"']);
    assert.ok(!seen.includes(false));
  }
});

test("rows of a document with white space between everything", async () => {
  const text = JSON.stringify(JSON.parse(documentOf({ events: many.slice(0, 300) })), null, 3);
  const { reader, events } = await opened(fileOf("\ufeff", text));
  assert.equal(reader.sections.get("events").time, "at");
  assert.equal(events.at(-1).event, "read");
  const { rows } = await reader.rows({ section: "events", view: null, from: 0, count: 1000 });
  assert.deepEqual(rows.map((row) => row.cells.length), Array(300).fill(4));
});

test("rows are answered while the rest is read", async () => {
  const { Reader } = await engine("reader.js");
  let over = false;
  const reader = new Reader((event) => (over ||= event.event === "read"));
  const large = { events: Array.from({ length: 60_000 }, (_, n) => ({ id: n, text: `some words ${n} `.repeat(20) })) };
  await reader.open({ file: fileOf(zip(membersOf(large, { marks: 1 << 20 }))) });
  const { rows } = await reader.rows({ section: "events", view: null, from: 0, count: 20 });
  assert.deepEqual([rows.length, over], [20, false]);
});

test("what is broken midway keeps what was read before", async () => {
  const document = documentOf(SECTIONS);
  const { reader, events } = await opened(fileOf(document.subarray(0, document.length - 300_000)));
  assert.deepEqual(events.at(-1), { event: "broken", problem: { key: "damaged", what: "document" } });
  const { rows } = await reader.rows({ section: "events", view: null, from: 5000, count: 1 });
  assert.equal(rows[0].cells[0][2], "5000");
  const members = membersOf(SECTIONS);
  const packed = zip(members);
  const raw = Buffer.from(packed);
  raw.fill(0x55, Math.floor(raw.length * 0.6), Math.floor(raw.length * 0.6) + 9);
  assert.equal((await opened(fileOf(raw))).events.at(-1).event, "broken");
});

const OTHERS = {
  "nothing at all": ["", { key: "not-an-archive" }],
  "a text": ["Dear Jane,", { key: "not-an-archive" }],
  "another ZIP": [zip([{ name: "a.txt", content: Buffer.from("a") }]), { key: "other-zip" }],
  "an empty ZIP": [zip([]), { key: "other-zip" }],
  "a ZIP without its end": [zip(membersOf(SECTIONS)).subarray(0, 90_000), { key: "cut-off" }],
  "a ZIP without its last byte": [zip(membersOf(SECTIONS)).subarray(0, -1), { key: "cut-off" }],
  "other JSON": ['{"a":[1,2]}', { key: "other-json" }],
  "JSON with sections": ['{"a":1,"sections":{}}', { key: "other-json" }],
  "a list": ["[1,2]", { key: "other-json" }],
  "a newer document": [documentOf({}, "2.0"), { key: "newer", version: "2.0" }],
  "a newer archive": [zip(membersOf(SECTIONS, { version: "1.2" })), { key: "newer", version: "1.2" }],
  "a manifest that is none": [zip(membersOf(SECTIONS).map((one) => (one.name === MANIFEST ? { ...one, content: Buffer.from("x") } : one))), { key: "damaged", what: MANIFEST }],
  "a document that is none": [zip(membersOf(SECTIONS).map((one) => (one.name === DOCUMENT ? { ...one, content: Buffer.from("x") } : one))), { key: "damaged", what: DOCUMENT }],
};

for (const [what, [bytes, problem]] of Object.entries(OTHERS)) {
  test(`refused by name: ${what}`, async () => {
    await assert.rejects(opened(fileOf(bytes)), (error) => (assert.deepEqual(error.told, problem), true));
  });
}

/** As other programs pack: with marks behind which something refers to what stands before them. */
async function packedWithOtherMarks(bytes) {
  const packer = createDeflateRaw();
  const parts = [];
  packer.on("data", (part) => parts.push(part));
  for (let at = 0; at < bytes.length; at += 20_000) {
    packer.write(bytes.subarray(at, at + 20_000));
    await new Promise((resolve) => packer.flush(constants.Z_SYNC_FLUSH, resolve));
  }
  packer.end();
  await new Promise((resolve) => packer.on("end", resolve));
  return Buffer.concat(parts);
}

test("marks that are none of ours are noticed", async () => {
  const members = membersOf(SECTIONS);
  const document = members[1];
  document.packed = await packedWithOtherMarks(document.content);
  const { reader, events } = await opened(fileOf(zip(members)));
  assert.deepEqual(events.at(-1), { event: "read" });
  const { rows } = await reader.rows({ section: "events", view: null, from: 0, count: 20_000 });
  assert.deepEqual(rows.map((row) => row.cells[0][2]), many.map((one) => String(one.id)));
});

test("a mark that is data joins two pieces, and any part is read again", async () => {
  const { Pieces } = await engine("pieces.js");
  const text = Buffer.concat(Array.from({ length: 50 }, (_, n) => Buffer.from([n, n, 0, 0, 0xff, 0xff, n])));
  // Stored blocks hold the text as it is.
  const pack = (part) => deflateRawSync(part, { level: 0, finishFlush: constants.Z_FULL_FLUSH });
  const packed = Buffer.concat([pack(text), pack(text), Buffer.from([3, 0])]);
  const pieces = new Pieces(fileOf("before", packed, "behind"), { from: 6, to: 6 + packed.length, packed: true }, "x");
  const parts = [];
  for await (const part of pieces.read()) parts.push(part.slice());
  assert.deepEqual(Buffer.concat(parts), Buffer.concat([text, text]));
  assert.equal(parts.filter((part) => part.length).length, 2);
  pieces.cache.clear();
  for (const [from, to] of [[0, 1], [3, 400], [349, 351], [600, 700]]) {
    assert.deepEqual(Buffer.from(await pieces.bytes(from, to)), Buffer.concat([text, text]).subarray(from, to));
  }
});

test("an archive with nothing but withheld sections opens", async () => {
  const { answer, events } = await opened(fileOf(zip(membersOf({}, { version: "1.0" }))));
  assert.deepEqual([answer.sections, answer.notIncluded.length, events], [[], 1, [{ event: "read" }]]);
});

test("what an archive says of itself is handed on", async () => {
  const { answer } = await opened(fileOf(zip(membersOf({ events: many.slice(0, 3) }))));
  assert.deepEqual([answer.schemaVersion, answer.export.id, answer.export.language, answer.export.time_zone], ["1.1", "e-1", "en", null]);
  assert.deepEqual([answer.omitted, answer.otherCombinations, answer.notIncluded], [[{ table: "logs", reason: "no persons" }], 2, []]);
  assert.deepEqual([answer.sections[0].title, answer.sections[0].time, answer.sections[0].labels], ["The events", "at", { id: "Number" }]);
  const older = await opened(fileOf(zip(membersOf({ events: many.slice(0, 3) }, { version: "1.0" }))));
  assert.deepEqual(older.answer.notIncluded, [{ section: "secrets", title: "Secrets", status: "withheld", reason: "rights of others" }]);
});
