// Which members a ZIP has and where their bytes stand (PKWARE's APPNOTE.TXT, 4.3 and 4.5.3), without unpacking one.

import { asText, sliceOf } from "./bytes.js";
import { damaged } from "./problem.js";

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const DESCRIPTOR = 0x08074b50;
const FULL = 0xffffffff;
const LONGEST_TAIL = 65_557;

/** The entries of the central directory; null where the file does not end as a ZIP does. */
export async function readZip(file) {
  const end = await findEnd(file);
  if (!end) return null;
  const from = end.at - end.size;
  // Offsets count from the ZIP's own beginning, before which something else may have been put.
  const shift = from - end.offset;
  if (shift < 0) throw damaged("zip");
  const entries = readDirectory(await sliceOf(file, from, end.at), shift);
  return { file, entries, from, alone: end.alone && shift === 0 };
}

async function findEnd(file) {
  const begin = Math.max(0, file.size - LONGEST_TAIL);
  const view = viewOf(await sliceOf(file, begin, file.size));
  for (let at = view.byteLength - 22; at >= 0; at--) {
    if (view.getUint32(at, true) !== END) continue;
    const alone = at + 22 === view.byteLength && view.getUint16(at + 20, true) === 0;
    const found = { at: begin + at, size: view.getUint32(at + 12, true), offset: view.getUint32(at + 16, true), alone };
    return (await findEnd64(file, begin + at, alone)) ?? found;
  }
  return null;
}

async function findEnd64(file, before, alone) {
  const at = before - 76;
  if (at < 0) return null;
  const view = viewOf(await sliceOf(file, at, before));
  if (view.getUint32(56, true) !== LOCATOR_64) return null;
  if (view.getUint32(0, true) !== END_64) throw damaged("zip");
  return { at, size: long(view, 40), offset: long(view, 48), alone };
}

function readDirectory(bytes, shift) {
  const view = viewOf(bytes);
  const entries = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL) throw damaged("zip");
    const [name, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    const end = at + 46 + name + extra;
    if (end + comment > bytes.length) throw damaged("zip");
    entries.push(readEntry(bytes.subarray(at, end), name, comment, shift));
    at = end + comment;
  }
  return entries;
}

function readEntry(bytes, nameLength, comment, shift) {
  const view = viewOf(bytes);
  const [needs, flags, method] = [6, 8, 10].map((place) => view.getUint16(place, true));
  const [crc, packed, size, mode, offset] = [16, 20, 24, 38, 42].map((place) => view.getUint32(place, true));
  const entry = { name: asText(bytes.subarray(46, 46 + nameLength)), needs, flags, method, crc, packed, size, offset };
  widen(entry, viewOf(bytes.subarray(46 + nameLength)));
  return Object.assign(entry, { comment, mode: mode >>> 16, at: entry.offset + shift });
}

/** ZIP64's extra field holds, in this order, those of the numbers that did not fit. */
function widen(entry, extra) {
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    if (extra.getUint16(at, true) !== 1) continue;
    const end = Math.min(extra.byteLength, at + 4 + extra.getUint16(at + 2, true));
    let place = at + 4;
    for (const key of ["size", "packed", "offset"].filter((one) => entry[one] === FULL)) {
      if (place + 8 > end) throw damaged("zip");
      entry[key] = long(extra, place);
      place += 8;
    }
    return;
  }
}

/** From where to where the member's bytes stand in the file, by its local header. */
export async function locate(file, entry) {
  const view = viewOf(await sliceOf(file, entry.at, entry.at + 30));
  if (view.byteLength < 30 || view.getUint32(0, true) !== LOCAL) throw damaged(entry.name);
  const begin = entry.at + 30 + view.getUint16(26, true);
  const from = begin + view.getUint16(28, true);
  const same = view.getUint16(8, true) === entry.method && view.getUint16(6, true) === entry.flags;
  const name = asText(await sliceOf(file, entry.at + 30, begin));
  if (!same || name !== entry.name || from + entry.packed > file.size) throw damaged(entry.name);
  return { from, to: from + entry.packed, packed: entry.method !== 0 };
}

/** Whether there is nothing before, between and behind members, directory and end. */
export async function standsAlone({ file, entries, from, alone }) {
  let at = 0;
  for (const entry of entries) {
    if (entry.at !== at || entry.comment) return false;
    const { to } = await locate(file, entry);
    at = to + (entry.flags & 8 ? await descriptorAt(file, to, entry) : 0);
  }
  return alone && at === from;
}

/** A data descriptor's length: its signature is optional, its sizes have four bytes or, with ZIP64, eight. */
async function descriptorAt(file, at, { crc, packed, size }) {
  const view = viewOf(await sliceOf(file, at, at + 24));
  const signed = view.byteLength >= 4 && view.getUint32(0, true) === DESCRIPTOR ? 4 : 0;
  if (view.byteLength < signed + 12 || view.getUint32(signed, true) !== crc) return NaN;
  const says = (width, read) => read(view, signed + 4) === packed && read(view, signed + 4 + width) === size;
  if (view.byteLength >= signed + 20 && says(8, long)) return signed + 20;
  return says(4, (one, place) => one.getUint32(place, true)) ? signed + 12 : NaN;
}

function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function long(view, at) {
  return Number(view.getBigUint64(at, true));
}
