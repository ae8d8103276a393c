// The unpacked text of a member or a file: once from the front, then any part of it, with a few pieces in memory.

import { Growing, release, sliceOf } from "./bytes.js";
import { damaged } from "./problem.js";

const PIECE = 1 << 20;
const LARGEST_PIECE = 8 << 20;
const KEPT = 3 << 20;
// A full flush ends with 00 00 ff ff (RFC 1951, 3.2.4); a piece that ends there lacks but a last block, which may be empty.
const LAST_BLOCK = new Uint8Array([3, 0]);
const PACKED_CHUNK = 1 << 18;
const FARTHEST_MARK = 4 << 20;

export class Pieces {
  /** `once`: it is only read through, and nothing is kept of it. */
  constructor(file, { from, to, packed }, name, once = false) {
    Object.assign(this, { file, from, to, packed, name, once, size: 0 });
    this.begins = new Growing(Float64Array);
    this.again = [];
    this.cache = new Map();
  }

  /** All of it in turn, in chunks that are gone when the next is asked for; `bytes` gives what has been read. */
  async *read() {
    for await (const chunks of this.packed ? this.marked() : this.plain()) {
      yield* chunks;
      release(chunks);
    }
  }

  async *plain() {
    for (let at = this.from; at < this.to; at += PIECE) {
      const part = this.file.slice(at, Math.min(this.to, at + PIECE));
      const again = async () => [await sliceOf(part, 0, part.size)];
      yield this.add(await again(), again);
    }
  }

  /** A mark may also be data by chance, and is none of ours where what stands before it does not inflate. */
  async *marked() {
    let [from, after] = [this.from, this.from];
    while (from < this.to) {
      const limit = Math.min(this.to, from + FARTHEST_MARK);
      const to = await nextMark(this.file, after, limit);
      const part = new Blob(to < this.to ? [this.file.slice(from, to), LAST_BLOCK] : [this.file.slice(from, to)]);
      const chunks = to === limit && to < this.to ? null : await inflated(part).catch(() => null);
      if (chunks) {
        yield this.add(chunks, () => inflated(part));
        from = to;
      } else if (to === limit) return yield* this.repacked();
      after = to;
    }
  }

  /** Without marks nothing can be read but from the front, so that each piece is packed again by itself. */
  async *repacked() {
    let skipped = this.size;
    let [held, size] = [[], 0];
    for await (const chunk of unpacked(this.file.slice(this.from, this.to), this.name)) {
      const rest = chunk.subarray(Math.min(skipped, chunk.length));
      skipped -= chunk.length - rest.length;
      held.push(rest);
      size += rest.length;
      if (size < PIECE) continue;
      yield await this.addPacked(held);
      [held, size] = [[], 0];
    }
    if (size) yield await this.addPacked(held);
  }

  async addPacked(chunks) {
    if (this.once) return chunks;
    const packing = new Blob(chunks).stream().pipeThrough(new CompressionStream("deflate-raw"));
    // A Blob, because browsers keep those outside of the page's own memory.
    const part = await new Response(packing).blob();
    return this.add(chunks, () => inflated(part));
  }

  add(chunks, again) {
    const size = sizeOf(chunks);
    if (size && !this.once) {
      this.begins.push(this.size);
      this.again.push(again);
    }
    this.size += size;
    return chunks;
  }

  /** The text from one place to another, both already read; in a room that is used again and again, if one is given. */
  async bytes(from, to, room) {
    const whole = room ? room.of(to - from) : new Uint8Array(to - from);
    for (let number = this.begins.lastUpTo(from); number < this.again.length; number++) {
      let at = this.begins.items[number];
      if (at >= to) break;
      let chunks = await this.piece(number);
      // Somebody else's may have taken its place meanwhile.
      while (chunks.some((one) => !one.length)) chunks = await this.piece(number);
      for (const chunk of chunks) {
        if (at < to && at + chunk.length > from) whole.set(chunk.subarray(Math.max(0, from - at), to - at), Math.max(0, at - from));
        at += chunk.length;
      }
    }
    return whole;
  }

  piece(number) {
    const kept = this.cache.get(number);
    const next = number + 1 < this.again.length ? this.begins.items[number + 1] : this.size;
    const size = next - this.begins.items[number];
    this.cache.delete(number);
    return this.keep(number, kept?.bytes ?? this.again[number](), size);
  }

  /** The latest asked for stay, as many as there is room for. */
  keep(number, bytes, size) {
    this.cache.set(number, { bytes, size });
    let room = KEPT;
    for (const [one, kept] of [...this.cache].reverse()) {
      room -= kept.size;
      if (room >= 0 || one === number) continue;
      this.cache.delete(one);
      kept.bytes.then(release, () => {});
    }
    return bytes;
  }
}

/** Where the next mark ends, or the limit where there is none before it. */
async function nextMark(file, from, limit) {
  for (let at = from; at < limit; at += PACKED_CHUNK) {
    const chunk = await sliceOf(file, at, Math.min(limit, at + PACKED_CHUNK + 3));
    const found = endOfMark(chunk);
    release([chunk]);
    if (found > 0) return at + found;
  }
  return limit;
}

function endOfMark(bytes) {
  for (let at = bytes.indexOf(255, 2); at > 0; at = bytes.indexOf(255, at + 1)) {
    if (bytes[at + 1] === 255 && bytes[at - 1] === 0 && bytes[at - 2] === 0) return at + 2;
  }
  return 0;
}

async function inflated(blob) {
  const parts = [];
  let size = 0;
  for await (const chunk of unpacked(blob)) {
    if (chunk.length) parts.push(chunk);
    size += chunk.length;
    if (size > LARGEST_PIECE) throw new RangeError();
  }
  return parts;
}

function sizeOf(chunks) {
  return chunks.reduce((sum, one) => sum + one.length, 0);
}

/** What the compressed bytes unpack to, chunk by chunk; there must be neither more nor fewer than one stream of them. */
async function* unpacked(blob, name) {
  const stream = new DecompressionStream("deflate-raw"), reader = stream.readable.getReader();
  const packed = blob.size > FARTHEST_MARK * 2 ? null : [];
  fed(stream.writable.getWriter(), blob, packed);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        release(packed ?? []);
        return;
      }
      yield value;
    }
  } catch {
    throw damaged(name);
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** What is fed is noted in `given`, to be released once nothing can still read it. */
async function fed(writer, blob, given) {
  try {
    for (let at = 0; at < blob.size; at += PACKED_CHUNK) {
      const chunk = await sliceOf(blob, at, at + PACKED_CHUNK);
      given?.push(chunk);
      await writer.write(chunk);
    }
    await writer.close();
  } catch (error) {
    writer.abort(error).catch(() => {});
  }
}
