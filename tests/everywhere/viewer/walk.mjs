// How the journeys through viewer.html begin, and what they all look at.
import { env, fail, tab, texts } from "./browser.mjs";

export const SIZES = { wide: { width: 1280, height: 900 }, middle: { width: 768, height: 900 }, narrow: { width: 375, height: 740 } };
export const FIREFOX = env("BROWSER") === "firefox";
/** The page, and whatever it asks for: nothing that is not on this machine already. */
export async function start(browser, size = SIZES.wide, scheme = "light") {
  const page = await tab(browser, size, scheme);
  page.on("request", (request) => {
    if (!/^(file|blob|data|about):/.test(request.url())) page.wrongs.push(`asked for ${request.url()}`);
  });
  if (!FIREFOX) await page.setOfflineMode(true);
  await page.goto(env("PAGE"));
  await page.waitForSelector("main h1");
  return page;
}

export async function choose(page, file) {
  const input = await page.waitForSelector("input[type=file]");
  await input.uploadFile(file);
}

export async function opened(page, file = env("ARCHIVE")) {
  await choose(page, file);
  await page.waitForSelector(".sections a");
}

export async function section(page, title) {
  await page.evaluate((wanted) => [...document.querySelectorAll(".sections a, nav a")].find((one) => one.textContent === wanted).click(), title);
  await page.waitForFunction((wanted) => document.querySelector("h1").textContent === wanted, {}, title);
  await page.waitForSelector("[role=option] .at");
}

export const lines = (page) => texts(page, "[role=option]");
export const state = (page) => page.$eval(".state", (one) => one.textContent);

export async function says(page, pattern) {
  try {
    await page.waitForFunction((wanted) => new RegExp(wanted).test(document.querySelector(".state").textContent), { timeout: 30_000 }, pattern);
  } catch {
    fail(`${pattern} did not come, but: ${await state(page)}`);
  }
}

/** As if somebody let go of the file over the page. */
export async function drop(page, file) {
  await page.evaluate(() => {
    const input = Object.assign(document.createElement("input"), { type: "file", id: "test-drop" });
    document.body.append(input);
  });
  await (await page.$("#test-drop")).uploadFile(file);
  await page.evaluate(() => {
    const input = document.getElementById("test-drop"), transfer = new DataTransfer();
    transfer.items.add(input.files[0]);
    input.remove();
    document.querySelector("main").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  });
}

/** The viewer's own sentences in one language, with nothing filled in. */
export function sentences(page, language = "en") {
  return page.evaluate((wanted) => {
    const all = JSON.parse(document.getElementById("words").textContent);
    return Object.fromEntries(all.keys.map((key, n) => [key, all[wanted][n]]));
  }, language);
}
