// Arrays of numbers that grow, and bytes: read, joined, and turned into text.

// Latin-1 gives each byte a character, so that what is found in the text is found at that byte.
const latin = new TextDecoder("latin1");
const utf8 = new TextDecoder();

export const asLatin = (bytes) => latin.decode(bytes);
export const asText = (bytes) => utf8.decode(bytes);

export async function sliceOf(file, from, to) {
  return new Uint8Array(await file.slice(from, to).arrayBuffer());
}

export function joined(parts) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// Handed over to nobody, bytes are gone at once; browsers that collect them later collect them much later.
const nobody = new MessageChannel().port1;
nobody.close();

export function release(chunks) {
  // Others may hold a part of the same buffer.
  for (const { buffer, length } of chunks) if (length && length === buffer.byteLength) nobody.postMessage(0, [buffer]);
}

export class Growing {
  constructor(Kind) {
    this.items = new Kind(256);
    this.length = 0;
  }

  push(item) {
    if (this.length === this.items.length) {
      const more = new this.items.constructor(this.length * 2);
      more.set(this.items);
      this.items = more;
    }
    this.items[this.length++] = item;
  }

  /** The place of the last item that is not above the limit; the items rise. */
  lastUpTo(limit) {
    let [low, high] = [0, this.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.items[middle] <= limit) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Bytes that are used again and again, because the browser is slow to give up what is no longer needed. */
export class Room {
  constructor() {
    this.bytes = new Uint8Array();
  }

  of(size) {
    if (size > this.bytes.length) this.bytes = new Uint8Array(size * 1.25);
    return this.bytes.subarray(0, size);
  }
}

// What a view that is gone holds: no rows, rather than all of them.
export const NOTHING = new Growing(Uint32Array);
