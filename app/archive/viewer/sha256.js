// SHA-256 of bytes as they come (FIPS 180-4), because the browser's own wants all of them at once.

const PRIMES = [2];
for (let one = 3; PRIMES.length < 64; one++) if (PRIMES.every((prime) => one % prime)) PRIMES.push(one);
// Each begins with the first 32 bits behind the point of a root.
const fraction = (root) => (root % 1) * 2 ** 32;
const INITIAL = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
const K = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const W = new Int32Array(64);

export class Sha256 {
  constructor() {
    Object.assign(this, { state: INITIAL.slice(), block: new Uint8Array(64), size: 0 });
  }

  update(bytes) {
    const held = this.size % 64;
    this.size += bytes.length;
    let at = 0;
    if (held) {
      at = Math.min(64 - held, bytes.length);
      this.block.set(bytes.subarray(0, at), held);
      if (held + at < 64) return;
      compress(this.state, this.block, 0, 64);
    }
    const whole = bytes.length - ((bytes.length - at) % 64);
    compress(this.state, bytes, at, whole);
    this.block.set(bytes.subarray(whole));
  }

  /** Lower-case hex; nothing may follow. */
  hex() {
    const end = new Uint8Array(((119 - (this.size % 64)) % 64) + 9);
    end[0] = 0x80;
    new DataView(end.buffer).setBigUint64(end.length - 8, BigInt(this.size) * 8n);
    this.update(end);
    return Array.from(this.state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

/** Plain numbers in local variables: a check spends most of its time here. */
function compress(state, bytes, from, to) {
  const [w, k] = [W, K];
  for (let at = from; at < to; at += 64) {
    for (let t = 0, p = at; t < 16; t++, p += 4) w[t] = (bytes[p] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3];
    for (let t = 16; t < 64; t++) {
      const x = w[t - 15], y = w[t - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
    }
    let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (let t = 0; t < 64; t++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + (g ^ (e & (f ^ g))) + k[t] + w[t]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0;
      d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e; state[5] += f; state[6] += g; state[7] += h;
  }
}
