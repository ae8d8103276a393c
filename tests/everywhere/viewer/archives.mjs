// Archives made byte by byte (APPNOTE.TXT), so that each thing in them can be made otherwise.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { constants, crc32, deflateRawSync } from "node:zlib";

const here = new URL("../../../app/archive/viewer/", import.meta.url);
export const engine = (name) => import(new URL(name, here));
if (!existsSync(here)) throw new Error("the viewer's engine is not where it is looked for");

export const DOCUMENT = "personal-data.json";
export const MANIFEST = "META/manifest.json";
const EXPORT = {
  id: "e-1", data_center: { id: "acme", title: "Acme" }, data_source: { id: "web", title: "Website" },
  device: "iPhone", browser: "Safari", as_of: "2026-01-01T00:00:00Z",
};
const NOTICE = { controller: "Acme", contact: "us", rights: "many", authority: "them" };

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** `marks`: after so many bytes of text each a full flush; none without. */
export function deflated(bytes, marks) {
  if (!marks) return deflateRawSync(bytes);
  const parts = [];
  for (let at = 0; at < bytes.length; at += marks) {
    parts.push(deflateRawSync(bytes.subarray(at, at + marks), { finishFlush: constants.Z_FULL_FLUSH }));
  }
  return Buffer.concat([...parts, Buffer.from([3, 0])]);
}

/** members: {name, content, marks, stored, zip64, mode, packed}. */
export function zip(members, { comment = "", gap = "" } = {}) {
  const [bodies, central] = [[], []];
  let offset = 0;
  for (const member of members) {
    const { name, content, stored, marks, zip64, mode = 0o100644 } = member;
    const packed = member.packed ?? (stored ? content : deflated(content, marks));
    const sizes = [crc32(content), packed.length, content.length];
    const fields = { flags: zip64 ? 8 : 0, method: stored ? 0 : 8, name: Buffer.from(name) };
    const extra = zip64 ? numbers([2, 1], [2, 24], [8, content.length], [8, packed.length], [8, offset]) : Buffer.alloc(0);
    const local = [
      numbers([4, 0x04034b50], [2, 45], [2, fields.flags], [2, fields.method], [4, 0]),
      zip64 ? Buffer.alloc(12) : numbers([4, sizes[0]], [4, sizes[1]], [4, sizes[2]]),
      numbers([2, fields.name.length], [2, 0]), fields.name, packed,
      zip64 ? numbers([4, 0x08074b50], [4, sizes[0]], [8, sizes[1]], [8, sizes[2]]) : Buffer.alloc(0), Buffer.from(gap),
    ];
    const shown = zip64 ? [0xffffffff, 0xffffffff, 0xffffffff] : [sizes[1], sizes[2], offset];
    central.push(
      numbers([4, 0x02014b50], [2, 45], [2, 45], [2, fields.flags], [2, fields.method], [4, 0], [4, sizes[0]], [4, shown[0]], [4, shown[1]]),
      numbers([2, fields.name.length], [2, extra.length], [2, 0], [2, 0], [2, 0], [2, 0], [2, mode], [4, shown[2]]), fields.name, extra,
    );
    bodies.push(...local);
    offset += local.reduce((sum, part) => sum + part.length, 0);
  }
  return Buffer.concat([...bodies, ...central, ending(members, offset, Buffer.concat(central).length, comment)]);
}

function ending(members, offset, size, comment) {
  const count = members.length;
  const large = members.some((one) => one.zip64);
  const end64 = [
    numbers([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, size], [8, offset]),
    numbers([4, 0x07064b50], [4, 0], [8, offset + size], [4, 1]),
  ];
  const shown = large ? [0xffff, 0xffffffff, 0xffffffff] : [count, size, offset];
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, shown[0]], [2, shown[0]], [4, shown[1]], [4, shown[2]], [2, comment.length]);
  return Buffer.concat([...(large ? end64 : []), end, Buffer.from(comment)]);
}

function numbers(...fields) {
  return Buffer.concat(fields.map(([width, value]) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes.subarray(0, width);
  }));
}

/** sections: name to the array's own text, or to rows. */
export function documentOf(sections, version = "1.1", changed = {}) {
  const head = { schema_version: version, export: EXPORT, notice: NOTICE, ...(version === "1.0" ? {} : { not_included: [] }), ...changed };
  const arrays = Object.entries(sections).map(([name, rows]) => `${JSON.stringify(name)}:${rawOf(rows)}`);
  return Buffer.from(`${JSON.stringify(head).slice(0, -1)},"sections":{${arrays.join(",")}}}`);
}

const rawOf = (rows) => (typeof rows === "string" ? rows : JSON.stringify(rows));

function toldOf(name, rows, version, time) {
  const raw = Buffer.from(rawOf(rows));
  const count = typeof rows === "string" ? JSON.parse(rows).length : rows.length;
  return {
    name, title: `The ${name}`, category: "interaction", origin: "observed", purpose: "to know", retention: "a year", recipients: null,
    scope: "combination", because: null, status: "included", reason: null, rows: count, bytes: raw.length, sha256: sha256(raw),
    first_at: null, last_at: null, ...(version === "1.0" ? {} : { time, labels: { id: "Number" } }),
  };
}

const WITHHELD = {
  name: "secrets", title: "Secrets", category: "derived", origin: "inferred", purpose: "to guess", retention: "a year", recipients: null,
  scope: "visitor", because: "the same everywhere", status: "withheld", reason: "rights of others", rows: null, bytes: null, sha256: null,
  first_at: null, last_at: null,
};

/** The members of a good archive; what they hold may be changed before they are zipped. */
export function membersOf(sections, { version = "1.1", time = "at", marks = 1 << 16, zip64 = true, zone = null } = {}) {
  const members = [
    { name: "README.txt", content: Buffer.from("Read me.\n".repeat(20)) },
    { name: DOCUMENT, content: documentOf(sections, version), marks, zip64 },
    { name: "report.html", content: Buffer.from("<p>a report</p>".repeat(20)) },
    ...(version === "1.0" ? [] : [{ name: "viewer.html", content: Buffer.from("<p>a viewer</p>".repeat(20)), stored: true }]),
  ];
  const listed = members.map(({ name, content }) => ({ name, size: content.length, sha256: sha256(content) }));
  const run = { compiled_at: "2026-01-01T00:00:05.000001Z", expires_at: "2026-01-15T00:00:05.000001Z", mapping_sha256: "0".repeat(64), row_security: false };
  const manifest = {
    schema_version: version, export: { ...EXPORT, ...run, ...(version === "1.0" ? {} : { language: "en", time_zone: zone }) },
    sections: [...Object.entries(sections).map(([name, rows]) => toldOf(name, rows, version, time)), { ...WITHHELD, ...(version === "1.0" ? {} : { time: null, labels: {} }) }],
    omitted: [{ table: "logs", reason: "no persons" }], other_combinations: 2, members: listed,
    totals: { members: listed.length + (version === "1.0" ? 1 : 2), bytes: listed.reduce((sum, one) => sum + one.size, 0) },
  };
  const signature = version === "1.0" ? [] : [{ name: `${MANIFEST}.sig`, content: Buffer.from("{}") }];
  return [...members, { name: MANIFEST, content: Buffer.from(JSON.stringify(manifest, null, 2)) }, ...signature];
}

export const fileOf = (...parts) => new File(parts, "export.zip");

/** An opened reader that has read everything, what `open` answered, and the events. */
export async function opened(file) {
  const { Reader } = await engine("reader.js");
  const events = [];
  let end;
  const ended = new Promise((resolve) => (end = resolve));
  const reader = new Reader((event) => {
    events.push(event);
    if (["read", "broken"].includes(event.event)) end();
  });
  const answer = await reader.open({ file });
  await ended;
  return { reader, answer, events };
}

export async function found(reader, asked) {
  const { view } = reader.filter({ section: "events", ...asked });
  await reader.views.get(view).ended;
  return { view, numbers: (await reader.rows({ section: "events", view, from: 0, count: 1e6 })).rows.map((row) => row.number) };
}
