// What the person does whose data it is, with viewer.html opened from disk and no network at all.
import { audit, body, calm, check, env, fail, press, run, shot, texts, until } from "./browser.mjs";
import { very_long } from "./long.mjs";
import { cut_midway, damaged_midway, dropped, german, printed, tamperings, too_old } from "./more.mjs";
import { choose, lines, opened, says, section, SIZES, start } from "./walk.mjs";

const EVENTS = "What you did on our site", VISITS = "Your visits, from arrival to leaving";
const RIGHT = "Every size and check sum is right";

async function main_job(browser) {
  const page = await start(browser);
  await until(page, "Nothing leaves your computer");
  await opened(page);
  await until(page, "Acme Outdoor");
  await until(page, RIGHT, 60);
  await section(page, EVENTS);
  await says(page, "^200,000 entries$");
  // The last of all lines, by the bar and then by the keyboard.
  await page.$eval(".list", (list) => { list.scrollTop = list.scrollHeight; });
  await page.waitForSelector("#row-199999 bdi");
  await page.focus(".list");
  await page.keyboard.press("Home");
  await page.waitForSelector("#row-0[aria-selected=true] bdi");
  await page.type("input[type=search]", env("NEEDLE"));
  await says(page, "^[1-9][\\d,]* of 200,000 entries$");
  const [first] = await lines(page);
  check(first, "no line is shown of what was found");
  await press(page, "Show all");
  await says(page, "^200,000 entries$");
  await page.$$eval(".bars button", (all) => all.at(-1).click());
  await says(page, "^[1-9][\\d,]* of 200,000 entries$");
  check((await texts(page, "[aria-pressed=true]")).length === 1, "no month is pressed");
  await page.$eval("[aria-pressed=true]", (one) => one.click());
  await says(page, "^200,000 entries$");
  calm(page);
}

async function by_keyboard(browser) {
  const page = await start(browser);
  await opened(page);
  await until(page, RIGHT, 60);
  const tabTo = async (selector) => {
    for (let presses = 0; presses < 60; presses += 1) {
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
      await page.keyboard.press("Tab");
    }
    fail(`${selector} cannot be reached`);
  };
  await tabTo(".sections li:nth-child(2) a");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=option] bdi");
  await tabTo(".bars button");
  await tabTo(".list");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog dd");
  check((await texts(page, "#card-title"))[0].replace(/[\u2068\u2069]/g, "") === "Entry 2 of 12", "another entry is shown");
  await tabTo("dialog button:nth-of-type(2)");
  await page.keyboard.press("Enter");
  await until(page, "Entry 3 of 12");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector("dialog") && document.activeElement.matches(".list"));
  check(await page.$("#row-2[aria-selected=true]"), "the list is not where the card was");
  calm(page);
}

async function a_csv(browser) {
  const page = await start(browser);
  await opened(page);
  await section(page, VISITS);
  await says(page, "^1,500 entries$");
  await press(page, "Save as CSV");
  await until(page, "Saved as", 60);
  calm(page);
}

async function tampered(browser) {
  const page = await start(browser);
  await opened(page, env("TAMPERED"));
  await until(page, "wrong with this file", 60);
  const wrong = await texts(page, ".notice.error > ul > li");
  check(wrong.length === 1 && wrong[0].includes("report.html"), `named was ${wrong.join(", ")}`);
  await page.$eval(".notice.error li summary", (one) => one.click());
  await until(page, "SHA-256");
  await shot(page, "viewer-tampered");
  calm(page);
}

async function other_files(browser) {
  const page = await start(browser);
  const sentences = {
    CUT: "The end of this file is missing", OTHER_ZIP: "This is another ZIP file", OTHER_JSON: "This is another JSON file",
    NO_ARCHIVE: "This is not the file", NEWER: "This file is of a newer kind", EMPTY: "This is not the file",
  };
  for (const [name, sentence] of Object.entries(sentences)) {
    await choose(page, env(name));
    await until(page, sentence);
  }
  await opened(page, env("DOCUMENT"));
  await until(page, "Only the ZIP file can be checked", 60);
  calm(page);
}

async function awkward(browser) {
  const page = await start(browser);
  await opened(page, env("AWKWARD"));
  check(!(await texts(page, "main a")).some((one) => one.includes("alert")), "data became a link");
  await section(page, "hostile");
  const shown = (await lines(page)).join("\n");
  for (const one of ["</script><script>", "javascript:alert(1)", "=cmd()", "שלום", "👩‍👩‍👧"]) check(shown.includes(one), `${one} is not shown`);
  await section(page, "wide");
  await page.focus(".list");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll("dialog dt").length === 300);
  await page.keyboard.press("Escape");
  await section(page, "long");
  await page.focus(".list");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog dd button");
  await press(page, "Show more");
  await page.waitForFunction(() => document.querySelector("dialog .text").textContent.length > 20_000);
  check((await body(page)).includes("more characters"), "what is left is not said");
  await page.keyboard.press("Escape");
  await section(page, "deep");
  await page.focus(".list");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("dialog pre")?.textContent.includes("12345678901234567890.10"));
  await page.keyboard.press("Escape");
  check(!(await page.evaluate(() => globalThis.hurt || document.querySelector("main img, main a[href^=java]"))), "something ran");
  await section(page, "empty_rows");
  calm(page);
}

async function nothing_included(browser) {
  const page = await start(browser);
  await choose(page, env("NOTHING"));
  await until(page, "No part of your data is in this file");
  calm(page);
}

const barriers = (size, scheme) => async (browser) => {
  const name = `viewer-${size}-${scheme}`, page = await start(browser, SIZES[size], scheme);
  await audit(page, "before a file");
  await shot(page, `${name}-start`);
  await choose(page, env("NO_ARCHIVE"));
  await until(page, "This is not the file");
  await audit(page, "with a problem");
  await opened(page);
  await until(page, RIGHT, 60);
  await audit(page, "the overview");
  await shot(page, `${name}-overview`);
  await section(page, EVENTS);
  await page.waitForSelector(".bars button");
  await audit(page, "a section");
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wider <= 0, `the page is ${wider} px wider than its window`);
  await shot(page, `${name}-section`);
  await page.focus(".list");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog dd");
  await audit(page, "a card");
  await page.screenshot({ path: `${env("SHOTS")}/${name}-card.png` });
  await page.keyboard.press("Escape");
  for (const language of ["de", "fr", "es", "it"]) {
    await page.select("#top select", language);
    await page.waitForFunction((wanted) => document.documentElement.lang === wanted, {}, language);
    check(!(await body(page)).includes("undefined"), `a word is missing in ${language}`);
  }
  calm(page);
};

await run({
  main_job, by_keyboard, a_csv, tampered, other_files, awkward, nothing_included, very_long,
  cut_midway, damaged_midway, dropped, german, printed, tamperings, too_old,
  no_barrier_wide: barriers("wide", "light"), no_barrier_wide_dark: barriers("wide", "dark"),
  no_barrier_middle: barriers("middle", "light"), no_barrier_narrow: barriers("narrow", "light"),
  no_barrier_narrow_dark: barriers("narrow", "dark"),
});
