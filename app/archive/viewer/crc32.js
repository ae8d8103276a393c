// CRC-32 as ZIP has it (APPNOTE.TXT, 4.4.7).

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** The CRC of what had the first one, and of these bytes behind it. */
export function crc32(before, bytes) {
  let c = ~before;
  for (let at = 0; at < bytes.length; at++) c = (c >>> 8) ^ TABLE[(c ^ bytes[at]) & 255];
  return ~c >>> 0;
}
