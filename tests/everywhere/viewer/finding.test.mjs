// Filters, the timeline and CSV, against what plain JavaScript finds in the same rows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { documentOf, engine, fileOf, found, membersOf, opened, zip } from "./archives.mjs";

const KINDS = ["click", "view", "Größe", "שלום", "a\"b\\c", "tab\there"];
const rows = Array.from({ length: 12_345 }, (_, n) => ({
  id: n, at: n % 1000 === 999 ? null : new Date(Date.UTC(2025, 11, 30) + n * 600_000).toISOString(), kind: KINDS[n % 6], nested: { deep: [n, { word: KINDS[(n + 1) % 6] }] },
}));
const archive = await opened(fileOf(zip(membersOf({ events: rows, other: [{ id: 1 }] }))));
const numbersOf = (test_) => rows.map((row, n) => (test_(row) ? n : -1)).filter((n) => n >= 0);

const ASKED = {
  "nothing": [{}, () => true],
  "text in any cell": [{ text: "4321" }, (row) => String(row.id).includes("4321") || row.at?.includes("4321")],
  "text of either case": [{ text: "GRÖSSE".replace("SS", "ß") }, (row) => ["Größe"].includes(row.kind) || row.nested.deep[1].word === "Größe"],
  "right to left": [{ text: "לום" }, (row) => row.kind === "שלום" || row.nested.deep[1].word === "שלום"],
  "what JSON escapes": [{ text: "a\"B\\c" }, (row) => row.kind === KINDS[4] || row.nested.deep[1].word === KINDS[4]],
  "a tab": [{ text: "\the" }, (row) => row.kind === KINDS[5] || row.nested.deep[1].word === KINDS[5]],
  "an n that is a line's end nowhere": [{ text: "nothere" }, () => false],
  "JSON's own marks in no cell": [{ text: '","' }, () => false],
  "a column's name": [{ text: "KIND" }, () => true],
  "a column": [{ column: "kind", value: "VIEW" }, (row) => row.kind === "view"],
  "another column": [{ column: "id", value: "view" }, () => false],
  "since": [{ since: "2026-02-28" }, (row) => row.at >= "2026-02-28"],
  "until": [{ until: "2025-12-31" }, (row) => row.at && row.at < "2026-01-01"],
  "all at once": [{ text: "9", column: "kind", value: "click", since: "2026-01-01", until: "2026-01-01" }, (row) => row.at?.startsWith("2026-01-01") && row.kind === "click" && JSON.stringify([row.id, row.at, row.nested]).includes("9")],
};

for (const [what, [asked, expected]] of Object.entries(ASKED)) {
  test(`found by ${what}`, async () => {
    const { numbers } = await found(archive.reader, asked);
    assert.deepEqual(numbers, numbersOf(expected));
    const last = archive.events.filter((one) => one.event === "found").at(-1);
    assert.deepEqual([last.matches, last.seen, last.done], [numbers.length, rows.length, true]);
  });
}

test("escapes of any character are found as the character", async () => {
  const { reader } = await opened(fileOf(documentOf({ events: '[{"a":"\\u0047r\\u00f6\\u00dfe"},{"a":{"b":"\\u0047r"}},{"a":"x"}]' })));
  assert.deepEqual((await found(reader, { text: "gr" })).numbers, [0, 1]);
});

test("letters that become ASCII when they are small are found", async () => {
  const { reader } = await opened(fileOf(documentOf({ events: [{ a: "300 \u212a" }, { a: "\u0130stanbul" }, { a: "x" }] })));
  assert.deepEqual((await found(reader, { text: "300 k" })).numbers, [0]);
  assert.deepEqual((await found(reader, { text: "i\u0307s" })).numbers, [1]);
  assert.deepEqual((await found(reader, { text: "I" })).numbers, [1]);
});

test("a new filter ends the one before", async () => {
  const { reader } = archive;
  const first = reader.filter({ section: "events", text: "1" });
  const second = reader.filter({ section: "events", text: "2" });
  assert.deepEqual([reader.views.has(first.view), reader.views.has(second.view)], [false, true]);
  reader.forget({ view: second.view });
  assert.equal(reader.views.size, 0);
});

test("a view that is gone holds nothing, and one that is saved is searched to its end", async () => {
  const { reader } = archive;
  const { view } = reader.filter({ section: "events", text: "77" });
  const saving = reader.csv({ section: "events", view });
  reader.forget({ view });
  assert.equal(read(await (await saving).blob.text()).length, 1 + rows.filter((row) => JSON.stringify(row).includes("77")).length);
  assert.deepEqual(await reader.rows({ section: "events", view, from: 0, count: 5 }), { rows: [] });
  assert.equal(read(await (await reader.csv({ section: "events", view })).blob.text()).length, 1);
});

test("a filter that begins before everything is read finds all", async () => {
  const { Reader } = await engine("reader.js");
  const reader = new Reader(() => {});
  await reader.open({ file: fileOf(zip(membersOf({ events: rows }))) });
  assert.deepEqual((await found(reader, { column: "kind", value: "view" })).numbers, numbersOf((row) => row.kind === "view"));
});

test("the timeline counts months of UTC where no zone is named", () => {
  const months = new Map();
  for (const { at } of rows) if (at) months.set(at.slice(0, 7), (months.get(at.slice(0, 7)) ?? 0) + 1);
  assert.deepEqual(archive.reader.timeline({ section: "events" }), { months: [...months], undated: 12 });
  assert.deepEqual(archive.reader.timeline({ section: "other" }).months, []);
});

test("days are read from whatever dates a row", async () => {
  const values = ["2026-01-31T23:59:59.123456-11:00", "2026-01-31", " 2026-01-31 00:00:00", "20260131", 1769817600, 1769817600000, "1769817600", "1769817600.5",
    "2026-02-31", "infinity", null, true, {}, "", "0044-03-15 BC", "10000-01-01", 1e300];
  const { reader } = await opened(fileOf(zip(membersOf({ events: values.map((at) => ({ at })) }))));
  assert.deepEqual(reader.timeline({ section: null }), { months: [["0044-03", 1], ["2026-01", 7], ["2026-02", 1]], undated: 8 });
});

test("days are those of the source's time zone", async () => {
  const days = async (values, zone) => {
    const { reader } = await opened(fileOf(zip(membersOf({ events: values.map((at) => ({ at })) }, { zone }))));
    return [...reader.sections.get("events").days.items.subarray(0, values.length)].map((day) => new Date(day * 86_400_000).toISOString().slice(0, 10));
  };
  // The clocks go forward at 01:00 UTC on 29 March 2026, and back on 25 October.
  const values = ["2025-12-31T22:59:59Z", "2025-12-31T23:00:00Z", "2026-06-30T21:59:00Z", "2026-06-30T22:00:00+00:00", "2026-03-28T23:00:00Z", "2026-03-29T21:59Z",
    "2026-03-29T22:00Z", "2026-10-25T22:59Z", "2026-10-25 23:00:00Z", "2026-01-01T08:59:59+09", "2026-01-01T23:30:00", "2026-01-01", 1767222000];
  assert.deepEqual(await days(values, "Europe/Berlin"), ["2025-12-31", "2026-01-01", "2026-06-30", "2026-07-01", "2026-03-29", "2026-03-29",
    "2026-03-30", "2026-10-25", "2026-10-26", "2026-01-01", "2026-01-01", "2026-01-01", "2026-01-01"]);
  assert.deepEqual(await days(["2026-01-01T18:29:59.9Z", "2026-01-01T18:30Z"], "Asia/Kolkata"), ["2026-01-01", "2026-01-02"]);
  assert.deepEqual(await days(["2026-01-01T00:30:00+0100", "2026-01-01T00:30:00-00:45"], "No/Such"), ["2025-12-31", "2026-01-01"]);
});

test("a document alone is dated by its first column of dates", async () => {
  const { reader } = await opened(fileOf(documentOf({ events: rows, few: [{ a: "2026-01-01" }, { a: "x" }, { a: 1 }], one: [{ b: "2026-01-01" }] })));
  assert.deepEqual([...reader.sections.values()].map((one) => one.time), ["at", null, "b"]);
  assert.equal((await found(reader, { since: "2026-02-28" })).numbers.length, numbersOf((row) => row.at >= "2026-02-28").length);
});

/** RFC 4180, read back by a few lines of its own. */
function read(text) {
  const fields = [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)];
  const lines = [[]];
  for (const [, quoted, plain, mark] of fields) {
    lines.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
    if (mark === "\r\n") lines.push([]);
  }
  return lines.slice(0, -1);
}

const asCell = (value) => (typeof value === "string" ? value : value === null ? "" : JSON.stringify(value));

test("CSV holds every cell", async () => {
  const { blob, name } = await archive.reader.csv({ section: "events", view: null });
  const bytes = new Uint8Array(await blob.arrayBuffer());
  assert.deepEqual([name, ...bytes.subarray(0, 3)], ["events.csv", 0xef, 0xbb, 0xbf]);
  const [header, ...lines] = read(await blob.text());
  assert.deepEqual(header, ["id", "at", "kind", "nested"]);
  assert.deepEqual(lines, rows.map((row) => Object.values(row).map(asCell)));
});

test("CSV of a filter holds what it found", async () => {
  const { view, numbers } = await found(archive.reader, { text: "77" });
  const lines = read(await (await archive.reader.csv({ section: "events", view })).blob.text());
  assert.deepEqual(lines.slice(1).map(([id]) => Number(id)), numbers);
});

test("CSV defuses formulas and keeps numbers", async () => {
  const odd = [{ "=a": "=cmd()", b: -5, c: "-5", d: "+1", e: "@x", f: "\tx", g: "\rx", h: "\nx", i: "a,b\"c", j: "\0" }, { z: "https://x" }];
  const { reader } = await opened(fileOf(documentOf({ odd })));
  const text = await (await reader.csv({ section: "odd", view: null })).blob.text();
  const [header, one, two] = read(text);
  assert.deepEqual(header, ["'=a", ..."bcdefghijz"]);
  assert.deepEqual(one, ["'=cmd()", "-5", "'-5", "'+1", "'@x", "'\tx", "'\rx", "'\nx", 'a,b"c', "'\0", ""]);
  assert.deepEqual(two, [...Array(10).fill(""), "https://x"]);
});
