// An archive in German; files that are dropped, printed, cut or tampered with; a browser that is too old.
import { writeFileSync, readFileSync } from "node:fs";
import { body, calm, check, env, fail, shot, texts, until } from "./browser.mjs";
import { choose, drop, FIREFOX, opened, says, section, sentences, SIZES, start } from "./walk.mjs";

const plain = (text) => text.replace(/[\u2068\u2069]/g, "");

/** The archive's language, the source's names for columns and its time zone are what is seen. */
export async function german(browser) {
  const page = await start(browser);
  await opened(page, env("GERMAN"));
  check((await page.evaluate(() => document.documentElement.lang)) === "de", "the page does not speak the archive's language");
  await until(page, "Jede Größe und Prüfsumme stimmt", 60);
  await until(page, "Europe/Berlin");
  await shot(page, "viewer-german-overview");
  const told = JSON.parse(env("GERMAN_SECTION"));
  await section(page, told.title);
  await page.waitForSelector(".bars button");
  await shot(page, "viewer-german-section");
  await page.focus(".list");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog dd");
  const names = await texts(page, "dialog dt");
  for (const label of Object.values(told.labels)) check(names.includes(label), `${label} is not among ${names}`);
  await page.screenshot({ path: `${env("SHOTS")}/viewer-german-card.png` });
  await page.keyboard.press("Escape");
  // What is shown of a month lies in it, by the clocks of the source.
  const month = await page.$$eval(".bars button", (all) => {
    const chosen = all.filter((one) => one.querySelector(".bar").style.height !== "0%").at(-2);
    chosen.click();
    return chosen.dataset.month;
  });
  await page.waitForFunction(() => /von/.test(document.querySelector(".state").textContent));
  await page.waitForSelector("[role=option] .when");
  for (const end of ["Home", "End"]) {
    await page.focus(".list");
    await page.keyboard.press(end);
    await page.waitForSelector("[aria-selected=true] .when");
    const days = await page.$$eval(".when", (all) => all.map((one) => one.textContent));
    check(days.every((day) => day.includes(`.${month.slice(5)}.${month.slice(0, 4)}`)), `in ${month} stand ${days}`);
  }
  calm(page);
}

export async function dropped(browser) {
  const page = await start(browser);
  await drop(page, env("ARCHIVE"));
  await page.waitForSelector(".sections a");
  await until(page, "Every size and check sum is right", 60);
  await drop(page, env("OTHER_ZIP"));
  await until(page, "This is another ZIP file");
  calm(page);
}

/** What is printed of an open card is the card. */
export async function printed(browser) {
  const page = await start(browser);
  await opened(page, env("GERMAN"));
  writeFileSync(`${env("DOWNLOADS")}/overview.pdf`, await page.pdf({ format: "A4" }));
  await section(page, JSON.parse(env("GERMAN_SECTION")).title);
  writeFileSync(`${env("DOWNLOADS")}/section.pdf`, await page.pdf({ format: "A4" }));
  await page.focus(".list");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog dd");
  writeFileSync(`${env("DOWNLOADS")}/card.txt`, (await texts(page, "dialog dt, dialog .exact")).join("\n"));
  writeFileSync(`${env("DOWNLOADS")}/card.pdf`, await page.pdf({ format: "A4" }));
  calm(page);
}

export async function too_old(browser) {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(() => { delete globalThis.DecompressionStream; });
  await page.goto(env("PAGE"));
  await until(page, "This browser is too old");
}

/** The document alone, cut within a row. */
export async function cut_midway(browser) {
  const page = await start(browser);
  await opened(page, env("CUT_DOCUMENT"));
  await until(page, "cannot be read to the end");
  await until(page, "What stands before that is shown");
  await section(page, "rows");
  await says(page, "entries$");
  await page.waitForSelector("#row-0 bdi");
  calm(page);
}

/** An archive of which some bytes within the data are others. */
export async function damaged_midway(browser) {
  const page = await start(browser);
  await opened(page, env("DAMAGED"));
  await until(page, "cannot be read to the end", 60);
  await until(page, "wrong with this file", 60);
  await page.$eval(".sections a", (one) => one.click());
  await page.waitForSelector("#row-0 bdi");
  calm(page);
}

export async function tamperings(browser) {
  const page = await start(browser, SIZES.wide), words = await sentences(page);
  const all = JSON.parse(readFileSync(env("TAMPERINGS"), "utf8"));
  check(all.length > 30, "there are too few of them");
  for (const { path, what, said, unopened } of FIREFOX ? all.filter((_, n) => n % 6 === 0) : all) {
    await choose(page, path);
    if (unopened) {
      await page.waitForSelector("[role=alert]");
      check((await body(page)).includes(words[unopened].split("{")[0]), `${what}: ${await body(page)}`);
      continue;
    }
    await page.waitForSelector(".notice.error > ul > li");
    const found = (await page.$$eval(".notice.error > ul > li", (items) => items.map((one) => one.firstChild.textContent))).map(plain);
    const wanted = said.map((one) => sentenceOf(words, one));
    for (const [begin, end] of wanted) check(found.some((one) => one.startsWith(begin) && one.endsWith(end)), `${what}: not "${begin}…${end}" but ${found.join(" | ")}`);
    check(found.length === wanted.length, `${what}: ${found.join(" | ")}`);
    await page.evaluate(() => [...document.querySelectorAll("#top button")].at(-1).click());
    await page.waitForSelector(".drop");
  }
  calm(page);
}

/** Its beginning and end; of a section there are three kinds of sentence. */
function sentenceOf(words, said) {
  const [key, name] = said.split(" ");
  const kinds = key === "section" ? ["wrong-section", "section-missing", "section-extra"].map((one) => words[one]) : [words[`wrong-${key}`]];
  if (!kinds[0]) fail(`${said} has no sentence`);
  const [begin, end] = kinds[0].split("{name}");
  return kinds.length > 1 ? [begin, "."] : [name ? `${begin}${name}` : begin, end ?? ""];
}
