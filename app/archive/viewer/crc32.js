// CRC-32 as ZIP has it (APPNOTE.TXT, 4.4.7), four bytes at a time: one byte at a time would cost as much as SHA-256.

const TABLES = new Int32Array(1024);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  TABLES[n] = c;
}
for (let n = 256; n < 1024; n++) TABLES[n] = (TABLES[n - 256] >>> 8) ^ TABLES[TABLES[n - 256] & 255];

/** The CRC of what had the first one, and of these bytes behind it. */
export function crc32(before, bytes) {
  let c = ~before;
  let at = 0;
  for (const whole = bytes.length - (bytes.length % 4); at < whole; at += 4) {
    c ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    c = TABLES[768 + (c & 255)] ^ TABLES[512 + ((c >>> 8) & 255)] ^ TABLES[256 + ((c >>> 16) & 255)] ^ TABLES[c >>> 24];
  }
  for (; at < bytes.length; at++) c = (c >>> 8) ^ TABLES[(c ^ bytes[at]) & 255];
  return ~c >>> 0;
}
