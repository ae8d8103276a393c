// The worker: takes requests from the page, and answers each under its number.

import { check } from "./checker.js";
import { Reader } from "./reader.js";

const tell = (message) => self.postMessage(message);
let reader = new Reader(tell);

self.onmessage = async ({ data: { id, ask, ...asked } }) => {
  try {
    tell({ id, answer: await answered(ask, asked) });
  } catch (error) {
    tell({ id, problem: error.told ?? { key: "stopped" } });
  }
};

function answered(ask, asked) {
  if (ask === "check") return check(asked.file, tell, () => reader.quiet());
  if (ask === "open") {
    reader.stop();
    reader = new Reader(tell);
  }
  return reader[ask](asked);
}
