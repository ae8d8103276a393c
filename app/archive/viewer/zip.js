// Which members a ZIP has and where their bytes stand (PKWARE's APPNOTE.TXT, 4.3 and 4.5.3), without unpacking one.

import { asText, sliceOf } from "./bytes.js";
import { damaged } from "./problem.js";

const [LOCAL, CENTRAL, DESCRIPTOR] = [0x04034b50, 0x02014b50, 0x08074b50];
const [END, END_64, LOCATOR_64] = [0x06054b50, 0x06064b50, 0x07064b50];
const FULL = 0xffffffff;
const LONGEST_TAIL = 65_557;
const u16 = (view, at) => view.getUint16(at, true);
const u32 = (view, at) => view.getUint32(at, true);
const u64 = (view, at) => Number(view.getBigUint64(at, true));
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const viewAt = async (file, from, to) => viewOf(await sliceOf(file, from, to));

/** The entries of the central directory; null where the file does not end as a ZIP does. */
export async function readZip(file) {
  const end = await findEnd(file);
  if (!end) return null;
  const from = end.at - end.size;
  // Offsets count from the ZIP's own beginning, before which something else may have been put.
  const shift = from - end.offset;
  if (shift < 0) throw damaged("zip");
  return { file, from, alone: end.alone && shift === 0, entries: readDirectory(await sliceOf(file, from, end.at), shift) };
}

async function findEnd(file) {
  const begin = Math.max(0, file.size - LONGEST_TAIL);
  const view = await viewAt(file, begin, file.size);
  for (let at = view.byteLength - 22; at >= 0; at--) {
    if (u32(view, at) !== END) continue;
    const alone = at + 22 === view.byteLength && u16(view, at + 20) === 0;
    if (at < 76 || u32(view, at - 20) !== LOCATOR_64) return { at: begin + at, size: u32(view, at + 12), offset: u32(view, at + 16), alone };
    if (u32(view, at - 76) !== END_64) throw damaged("zip");
    return { at: begin + at - 76, size: u64(view, at - 36), offset: u64(view, at - 28), alone };
  }
  return null;
}

function readDirectory(bytes, shift) {
  const view = viewOf(bytes);
  const entries = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 46 > bytes.length || u32(view, at) !== CENTRAL) throw damaged("zip");
    const extra = at + 46 + u16(view, at + 28);
    const comment = extra + u16(view, at + 30);
    const end = comment + u16(view, at + 32);
    if (end > bytes.length) throw damaged("zip");
    const entry = { name: asText(bytes.subarray(at + 46, extra)), needs: u16(view, at + 6), flags: u16(view, at + 8), method: u16(view, at + 10) };
    Object.assign(entry, { crc: u32(view, at + 16), packed: u32(view, at + 20), size: u32(view, at + 24), at: u32(view, at + 42) });
    widen(entry, viewOf(bytes.subarray(extra, comment)));
    entries.push({ ...entry, at: entry.at + shift, mode: u16(view, at + 40), comment: end > comment });
    at = end;
  }
  return entries;
}

/** ZIP64's extra field holds, in this order, those of the numbers that did not fit. */
function widen(entry, extra) {
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + u16(extra, at + 2)) {
    if (u16(extra, at) !== 1) continue;
    let place = at + 4;
    for (const key of ["size", "packed", "at"].filter((one) => entry[one] === FULL)) {
      if (place + 8 > extra.byteLength) throw damaged("zip");
      entry[key] = u64(extra, place);
      place += 8;
    }
    return;
  }
}

/** From where to where the member's bytes stand in the file, by its local header. */
export async function locate(file, entry) {
  const view = await viewAt(file, entry.at, entry.at + 30);
  if (view.byteLength < 30 || u32(view, 0) !== LOCAL) throw damaged(entry.name);
  const name = entry.at + 30 + u16(view, 26);
  const [from, to] = [name, name + entry.packed].map((at) => at + u16(view, 28));
  const same = u16(view, 6) === entry.flags && u16(view, 8) === entry.method && to <= file.size;
  if (!same || asText(await sliceOf(file, entry.at + 30, name)) !== entry.name) throw damaged(entry.name);
  return { from, to, packed: entry.method !== 0 };
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

/** A data descriptor's length: with ZIP64 its sizes have eight bytes. */
async function descriptorAt(file, at, { crc, packed, size }) {
  const view = await viewAt(file, at, at + 24);
  if (view.byteLength < 16 || u32(view, 0) !== DESCRIPTOR || u32(view, 4) !== crc) return NaN;
  if (u32(view, 8) === packed && u32(view, 12) === size) return 16;
  return view.byteLength === 24 && u64(view, 8) === packed && u64(view, 16) === size ? 24 : NaN;
}
