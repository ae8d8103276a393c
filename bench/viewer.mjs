// Opens an archive in the viewer, and says how many seconds each thing took from there on.
import { env, run, tab } from "./browser.mjs";

const LONG = { timeout: 600_000, polling: 50 };
const ROWS = Number(env("ROWS"));

async function measured(browser) {
  const page = await tab(browser);
  if (env("BROWSER") !== "firefox") await page.setOfflineMode(true);
  await page.goto(env("PAGE"));
  const input = await page.waitForSelector("input[type=file]");
  const told = {};
  let began = performance.now();
  const took = (what) => { told[what] = (performance.now() - began) / 1000; };
  const says = (selector, pattern) => page.waitForFunction(
    (one, wanted) => new RegExp(wanted).test(document.querySelector(one)?.textContent), LONG, selector, pattern);
  await input.uploadFile(env("ARCHIVE"));
  await page.waitForSelector(".sections a", LONG);
  await page.click(".sections a");
  await page.waitForSelector("[role=option] bdi", LONG);
  took("first rows");
  await says("#top", "all read");
  took("all read");
  for (let part = 0; part <= 40; part += 1) {
    await page.$eval(".list", (list, share) => { list.scrollTop = share * (list.scrollHeight - list.clientHeight); }, part / 40);
    await page.waitForFunction(() => document.querySelector("[role=option] bdi"), LONG);
  }
  await page.waitForSelector(`#row-${ROWS - 1} bdi`, LONG);
  began = performance.now();
  await page.type("input[type=search]", env("NEEDLE"));
  await page.waitForFunction((all) => document.querySelector("[role=option]")?.textContent.startsWith(all), LONG, (ROWS - 1).toLocaleString("en"));
  took("one row found by text");
  began = performance.now();
  await page.evaluate(() => { location.hash = ""; });
  await says("main", "Every size and check sum is right");
  took("checked, after that");
  console.log(JSON.stringify(told));
}

await run({ measured });
