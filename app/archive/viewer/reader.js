// An opened file: reads it from the front and answers, meanwhile too, for rows, filters, the timeline and CSV.

import { Growing, NOTHING, Room } from "./bytes.js";
import { wanted } from "./filter.js";
import { dayNamed, monthsOf, Zone } from "./moments.js";
import { described, included } from "./described.js";
import { DOCUMENT, known, manifestText, parsedManifest, piecesOf, readHead, zipIn } from "./open.js";
import { Pieces } from "./pieces.js";
import { Problem } from "./problem.js";
import { cellsOf } from "./row.js";
import { saved } from "./saved.js";
import { rowTexts, Scanner } from "./scanner.js";
import { Section } from "./index.js";

const BLOCK = 1 << 19;
const BREATH = 1 << 20;
const LONGEST_CELL = 2000;
const BETWEEN_EVENTS = 100;
const FIRST_LOOK = 400;
const PAUSE = 20;

export class Reader {
  constructor(tell) {
    Object.assign(this, { tell, sections: new Map(), views: new Map(), told: {}, over: false, waiting: [], busy: 0 });
  }

  async open({ file }) {
    const zip = await zipIn(file);
    const manifest = zip && parsedManifest(await manifestText(zip));
    known(manifest?.schema_version);
    this.manifest = manifest;
    this.pieces = zip ? await piecesOf(zip, DOCUMENT) : new Pieces(file, { from: 0, to: file.size, packed: false }, DOCUMENT);
    const reading = this.pieces.read();
    const start = await readHead(reading).catch((error) => {
      throw zip || error.told?.key === "newer" ? error : new Problem("other-json");
    });
    const done = this.readOn(reading, start);
    // The sections of a document alone are known only as it is read; a small one is by then.
    await Promise.race([done, zip ? this.more() : new Promise((resolve) => setTimeout(resolve, FIRST_LOOK))]);
    return described(start.head, manifest, this.sections);
  }

  async readOn(reading, { at, rest }) {
    const scanner = new Scanner(this.listener(), at);
    try {
      scanner.feed(rest);
      let since = BREATH;
      for await (const bytes of reading) {
        if (since >= BREATH) {
          this.woken();
          await breath();
          since = 0;
        }
        if (this.over) return;
        scanner.feed(bytes);
        since += bytes.length;
        this.progress(false);
      }
      scanner.finish();
      this.tell({ event: "read" });
    } catch (error) {
      this.tell({ event: "broken", problem: error.told ?? { key: "damaged", what: DOCUMENT } });
    } finally {
      for (const section of this.sections.values()) section.end();
      this.over = true;
      this.woken();
    }
  }

  listener() {
    const zone = new Zone(this.manifest?.export?.time_zone);
    let section = null;
    return {
      begin: (name) => {
        section = this.current = new Section(name, included(this.manifest).find((one) => one.name === name)?.time, zone);
        this.sections.set(name, section);
      },
      row: (...found) => section.row(...found),
      end: () => {
        section.end();
        this.progress(true);
      },
    };
  }

  progress(always) {
    if (!this.current) return;
    const { name, rows, done, time } = this.current;
    this.tellSometimes({ event: "indexed", section: name, rows, done, time }, always);
  }

  tellSometimes(message, always) {
    const now = Date.now();
    if (!always && now - (this.told[message.event] ?? 0) < BETWEEN_EVENTS) return;
    this.told[message.event] = now;
    this.tell(message);
  }

  /** Another file takes its place. */
  stop() {
    for (const view of [...this.views.keys()]) this.forget({ view });
    Object.assign(this, { over: true, tell() {} });
  }

  /** Resolves when more has been read. */
  more() {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  woken() {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  async rows({ section, view, from, count }) {
    const one = this.sections.get(section);
    const numbers = view == null ? null : this.views.get(view)?.found ?? NOTHING;
    const all = numbers ? numbers.length : one?.rows ?? 0;
    const rows = [];
    for (let place = from; place < Math.min(all, from + count); ) {
      const number = numbers ? numbers.items[place] : place;
      let run = 1;
      while (place + run < Math.min(all, from + count) && (!numbers || numbers.items[place + run] === number + run)) run++;
      for (const [at, text] of (await this.texts(one, number, run)).entries()) rows.push({ number: number + at, cells: cellsOf(text).map(cut) });
      place += run;
    }
    return { rows };
  }

  /** The raw text of rows that stand one behind the other. */
  async texts(section, number, count) {
    const { markRows, markPlaces } = section;
    const mark = markRows.lastUpTo(number);
    let end = mark + 1;
    while (end < markRows.length && markRows.items[end] < number + count) end++;
    const to = end < markRows.length ? markPlaces.items[end] : section.reach;
    const bytes = await this.pieces.bytes(markPlaces.items[mark], to);
    const skipped = number - markRows.items[mark];
    return rowTexts(bytes).slice(skipped, skipped + count);
  }

  async cell({ section, number, column }) {
    const one = this.sections.get(section);
    const [text = ""] = number < one?.rows ? await this.texts(one, number, 1) : [];
    return { text: cellsOf(text).find(([name]) => name === column)?.[2] ?? "" };
  }

  columns({ section }) {
    return { columns: [...(this.sections.get(section)?.columns ?? [])] };
  }

  timeline({ section }) {
    const chosen = section ? [this.sections.get(section)] : [...this.sections.values()].filter((one) => this.shows(one));
    return monthsOf(chosen.flatMap((one) => [...(one?.byDay ?? [])]));
  }

  shows({ name }) {
    const told = included(this.manifest).find((one) => one.name === name);
    return !told || told.category === "interaction";
  }

  filter({ section, ...asked }) {
    for (const view of this.views.values()) if (view.section === section) this.forget({ view: view.id });
    const view = { id: (this.lastView = (this.lastView ?? 0) + 1), section, found: new Growing(Uint32Array), seen: 0, done: false, room: new Room() };
    this.views.set(view.id, view);
    view.ended = this.search(view, asked);
    return { view: view.id };
  }

  forget({ view }) {
    const one = this.views.get(view);
    // What is being saved is searched to its end, or the file would lack what was not yet found.
    if (one) one.stopped = !one.saving;
    this.views.delete(view);
    return {};
  }

  async search(view, asked) {
    const want = wanted(asked);
    const inTime = timeTest(asked);
    for await (const { section, block } of this.blocks(view.section, () => view.stopped)) {
      await this.look(view, section, block, want, inTime);
      view.seen = block.end;
      this.found(view);
    }
    view.done = true;
    this.found(view);
  }

  found({ id, found, seen, done, stopped }) {
    if (!stopped) this.tellSometimes({ event: "found", view: id, matches: found.length, seen, done }, done);
  }

  async look(view, section, { row, end, from, to }, want, inTime) {
    const dated = [];
    for (let one = row; one < end; one++) if (inTime(section.days.items[one])) dated.push(one);
    const bytes = want && dated.length ? await this.pieces.bytes(from, to, view.room) : null;
    if (bytes && !want.near(bytes)) return;
    const texts = bytes && rowTexts(bytes);
    for (const one of dated) {
      const text = texts?.[one - row];
      if (!texts || (want.may(text) && want.is(text))) view.found.push(one);
    }
  }

  /** A section's blocks of rows, as far as it is read and then as it goes on. */
  async *blocks(name, stopped) {
    this.busy++;
    try {
      for (let mark = 0; !stopped(); await breath()) {
        const section = this.sections.get(name);
        const block = section?.block(mark, BLOCK);
        if (block) {
          yield { section, block };
          mark = block.next;
        } else if (this.over || section?.done) return;
        else await this.more();
      }
    } finally {
      this.busy--;
      this.woken();
    }
  }

  /** Resolves after a pause, in which browsers collect memory, and when nobody waits for a search or a file. */
  async quiet() {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    while (this.busy) await this.more();
  }

  csv(asked) {
    return saved(this, asked);
  }
}

function cut([column, kind, text]) {
  return text.length > LONGEST_CELL ? [column, kind, text.slice(0, LONGEST_CELL), text.length] : [column, kind, text];
}

function timeTest({ since, until }) {
  if (!since && !until) return () => true;
  const [first, last] = [since ? dayNamed(since) : -1e9, until ? dayNamed(until) : 1e9];
  return (day) => day >= first && day <= last;
}

/** Lets what came in meanwhile be answered: a timer would wait longer each time. */
function breath() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
