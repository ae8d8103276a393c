// What the page has a sentence for: a key, and the values that go into it.

export class Problem extends Error {
  constructor(key, values = {}) {
    super(key);
    this.told = { key, ...values };
  }
}

export function damaged(what) {
  return new Problem("damaged", { what });
}
