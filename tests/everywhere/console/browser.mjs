// A real browser for the journeys: what a person does there, and complaints of what no person would see.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

export const env = (name) => process.env[name] ?? fail(`${name} is not set`);
export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 360, height: 740 };
const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const FIREFOX = env("BROWSER") === "firefox";
const SECONDS = 20_000;

export function fail(said) {
  throw new Error(said);
}

export function check(true_, said) {
  if (!true_) fail(said);
}

export async function launch() {
  const common = { executablePath: env("EXECUTABLE"), headless: true };
  if (FIREFOX) {
    const prefs = { "browser.download.folderList": 2, "browser.download.dir": env("DOWNLOADS"),
      "browser.download.useDownloadDir": true, "browser.download.always_ask_before_handling_new_types": false,
      "intl.accept_languages": "en" };
    return puppeteer.launch({ ...common, browser: "firefox", extraPrefsFirefox: prefs });
  }
  const browser = await puppeteer.launch({ ...common, args: ["--no-sandbox", "--disable-dev-shm-usage", "--lang=en"] });
  const session = await browser.target().createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: env("DOWNLOADS") });
  return browser;
}

/** A tab that remembers what went wrong in it. */
export async function tab(browser, size = WIDE, scheme = "light") {
  const page = await browser.newPage();
  page.setDefaultTimeout(SECONDS);
  await page.setViewport(size);
  if (!FIREFOX) await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  page.wrongs = [];
  page.on("pageerror", (error) => page.wrongs.push(`error: ${error.message}`));
  page.on("dialog", async (dialog) => { page.wrongs.push(`dialog: ${dialog.message()}`); await dialog.dismiss(); });
  page.on("console", (line) => { if (/Content.Security|Refused to/i.test(line.text())) page.wrongs.push(line.text()); });
  return page;
}

export async function visit(page, path) {
  await page.goto(env("URL") + path, { waitUntil: "load" });
  await page.waitForSelector("main h1");
}

export async function signIn(page, path = "/console", key = env("KEY")) {
  await visit(page, path);
  await page.locator("#key").fill(key);
  await page.locator("button.main").click();
  await page.waitForFunction(() => !document.querySelector("#key"));
}

export async function search(page, identifier) {
  await page.locator("#identifier").fill(identifier);
  await page.locator("form button.main").click();
  await page.waitForSelector(".found h2");
}

/** The offer of this device and browser, within a data source. */
export async function choose(page, source, name) {
  const chosen = await page.evaluate((title, words) => {
    const section = [...document.querySelectorAll("section.source")].find((one) => one.querySelector("h3").textContent.includes(title));
    const offer = [...section.querySelectorAll("label.offer")].find((one) => one.querySelector("strong").textContent === words);
    offer?.querySelector("input").click();
    return Boolean(offer);
  }, source, name);
  check(chosen, `${name} is not offered by ${source}`);
}

export const texts = (page, selector) => page.$$eval(selector, (found) => found.map((one) => one.textContent.trim()));
export const body = (page) => page.evaluate(() => document.body.innerText);

export async function until(page, words, seconds = 20) {
  try {
    await page.waitForFunction((said) => document.body.innerText.includes(said), { timeout: seconds * 1000, polling: 100 }, words);
  } catch {
    fail(`"${words}" did not come; the page says:\n${await body(page)}`);
  }
}

export async function press(page, words) {
  const path = `//*[self::button or self::a or self::summary][contains(normalize-space(.), "${words}")]`;
  // Found anew at each try: a view that is drawn again takes its buttons along.
  try {
    await page.locator(`::-p-xpath(${path})`).click();
  } catch (error) {
    fail(`"${words}" cannot be pressed (${error.message}); the page says:\n${await body(page)}`);
  }
}

/** Asks whoever started this for something that a browser cannot do, and waits until it is done. */
export async function ask(deed) {
  console.log(`ask ${deed}`);
  await new Promise((resolve) => lines.once("line", resolve));
}

export async function audit(page, what) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  const said = violations.map((one) => `${one.id}: ${one.help}\n${one.nodes.map((node) => `    ${node.html}\n    ${node.failureSummary}`).join("\n")}`);
  check(!said.length, `${what}:\n${said.join("\n")}`);
}

/** All of the page, in a window as high as that, so that what sticks to its edge lies where it belongs. */
export async function shot(page, name) {
  const before = page.viewport();
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewport({ ...before, height: Math.max(before.height, height) });
  await page.screenshot({ path: `${env("SHOTS")}/${name}.png` });
  await page.setViewport(before);
}

export function calm(page) {
  check(!page.wrongs.length, page.wrongs.join("\n"));
}

const lines = createInterface({ input: process.stdin });

export async function run(journeys) {
  const browser = await launch();
  try {
    await journeys[env("JOURNEY")](browser);
  } finally {
    await browser.close();
    lines.close();
  }
}
