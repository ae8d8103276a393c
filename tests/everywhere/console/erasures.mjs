// How administrators delete personal data at the console, on a data center that was described for it.
import { readdirSync } from "node:fs";
import {
  NARROW, ask, audit, body, calm, check, choose, env, press, search, shot, signIn, tab, texts, until,
} from "./browser.mjs";

const JANE = "jane@example.com";
const OFFER = "[data-deed=erase]", DELETE = ".erasure .deed button.danger", GONE = "nothing was left of what had to go";

async function previewed(page, name = "iPhone · Safari") {
  await search(page, JANE);
  await choose(page, "Website", name);
  await page.locator(OFFER).click();
  await page.waitForSelector("#confirm");
}

async function confirmed(page) {
  const handle = await page.$eval("label[for=confirm] code", (one) => one.textContent);
  await page.locator("#confirm").fill(handle);
  await page.locator(DELETE).click();
}

async function erased(page) {
  await previewed(page);
  await confirmed(page);
  await page.waitForFunction(() => location.pathname.startsWith("/console/erasures/"));
}

async function saved(page, words, ending) {
  await press(page, words);
  for (let tries = 0; tries < 200; tries += 1) {
    if (readdirSync(env("DOWNLOADS")).some((name) => name.startsWith("receipt-") && name.endsWith(ending))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  check(false, `no receipt came as ${ending}`);
}

/** Judged by axe, and kept as a picture, in each scheme and in a narrow window too. */
async function looked(page, what) {
  if (env("BROWSER") === "firefox") return;
  const wide = page.viewport();
  for (const [name, size, value] of [["wide-light", wide, "light"], ["narrow-dark", NARROW, "dark"]]) {
    await page.setViewport(size);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
    await audit(page, `${what}, ${name}`);
    await shot(page, `${what}-${name}`);
  }
  await page.setViewport(wide);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
}

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);

export async function an_erasure(browser) {
  const page = await tab(browser);
  await signIn(page);
  await search(page, JANE);
  check(await page.$eval(OFFER, (one) => one.hidden), "deleting is offered before anybody is chosen");
  await choose(page, "Website", "iPhone · Safari");
  await looked(page, "erase-offered");
  await page.locator(".order button.main").click();
  await until(page, "The archive is for the data subject alone.", 60);
  await press(page, "Export or delete data");
  await page.waitForSelector("#identifier");
  await previewed(page);
  await until(page, "All of the visitor J•••@example.com");
  const cells = await texts(page, ".erasure tbody td");
  check(cells.slice(0, 4).join() === "What you did,Delete,5,–", cells.join());
  check(cells.slice(8).join() === "What you were billed,Keep,3,the law wants invoices for eight years", cells.join());
  await until(page, "1 export of this visitor");
  await looked(page, "erase-preview");
  await press(page, "Back, delete nothing");
  check(await page.$eval(OFFER, (one) => one === document.activeElement), "the focus is lost on the way back");
  await page.locator(OFFER).click();
  await page.waitForSelector("#confirm");
  await page.locator(DELETE).click();
  await until(page, "Type the visitor's handle here first.");
  await page.locator("#confirm").fill("000000000000");
  await page.locator(DELETE).click();
  await until(page, "That is not the visitor's handle. Nothing was deleted");
  check((await focused(page)) === "confirm", "the focus is not where to type again");
  await looked(page, "erase-mistyped");
  await page.locator("#erase-case").fill("DSAR-17");
  await confirmed(page);
  await until(page, GONE, 60);
  check((await texts(page, "section table tbody td")).slice(0, 4).join() === "What you did,Deleted,5,0", await body(page));
  await until(page, "1 ready archive was revoked with it.");
  await looked(page, "erase-done");
  await saved(page, "Save receipt", ".html");
  await saved(page, "Receipt as JSON", ".json");
  await ask("read the receipts");
  await page.reload();
  await until(page, GONE);
  await its_history(page);
  await found_again(page);
  calm(page);
}

async function its_history(page) {
  await press(page, "History");
  await until(page, "2 entries; that is all.");
  await until(page, "Deletion: The whole visitor");
  await until(page, "In backups until");
  check((await texts(page, ".badge")).join() === "Deleted,Revoked", (await texts(page, ".badge")).join());
  await looked(page, "erase-history");
  await page.select("#filter-kind", "erasure");
  await press(page, "Apply");
  await until(page, "1 entry; that is all.");
  check((await texts(page, ".badge")).join() === "Deleted", "the filter by kind does not hold");
  await press(page, "Details");
  await until(page, GONE);
  await page.select("#language", "de");
  await until(page, "von dem, was wegmusste, war nichts mehr da");
  await looked(page, "erase-done-german");
  await page.select("#language", "en");
  await until(page, GONE);
}

async function found_again(page) {
  await press(page, "Export or delete data");
  await page.waitForSelector("#identifier");
  await search(page, JANE);
  const website = (await texts(page, "section.source")).find((one) => one.startsWith("Website"));
  check(website && !website.includes("iPhone"), `the visitor is found after it was deleted: ${website}`);
  await ask("bring her back");
  await search(page, JANE);
  await until(page, "Deleted before, on");
  await until(page, "This was deleted before; what is held came in later.");
  await looked(page, "erase-found-again");
}

export async function four_eyes(browser) {
  const maria = await tab(browser), otto = await tab(await browser.createBrowserContext());
  await signIn(maria);
  await previewed(maria);
  await until(maria, "Another administrator has to approve it before it begins.");
  await confirmed(maria);
  await until(maria, "You requested it, so another administrator has to approve it.");
  check(!(await maria.$("[data-deed=approve]")), "who requested it may approve it");
  await looked(maria, "erase-requested");
  await press(maria, "Cancel deletion");
  await press(maria, "Yes, cancel it");
  await until(maria, "Nothing was deleted.");
  await looked(maria, "erase-cancelled");
  await press(maria, "Export or delete data");
  await maria.waitForSelector("#identifier");
  await erased(maria);
  await until(maria, "Waits for approval");
  await otto.bringToFront();
  await signIn(otto, "/console/history?status=requested", env("OTHER"));
  await until(otto, "1 entry; that is all.");
  check(!(await otto.$("[data-deed=cancel]")), "who may not delete may cancel");
  await press(otto, "Watch");
  await until(otto, "It waits for another administrator to approve it.");
  await looked(otto, "erase-to-approve");
  await press(otto, "Approve");
  await looked(otto, "erase-approve-dialog");
  await press(otto, "No, leave it");
  await press(otto, "Approve");
  await press(otto, "Yes, approve it");
  await until(otto, "Approved by otto", 60);
  await maria.bringToFront();
  await until(maria, "Approved by otto", 60);
  calm(maria);
  calm(otto);
}

export async function a_failed_erasure(browser) {
  const page = await tab(browser);
  await signIn(page);
  await ask("refer to her");
  await erased(page);
  await until(page, "other rows refer to those that were to go", 60);
  await looked(page, "erase-failed");
  await ask("refer to her no more");
  await press(page, "Retry");
  await until(page, GONE, 60);
  await page.goto(`${env("URL")}/console/audit`);
  await until(page, "Retried a deletion");
  calm(page);
}

async function counted_anew(page, rows) {
  await press(page, "Count anew");
  await page.waitForFunction((wanted) => {
    const cell = document.querySelector(".erasure tbody td:nth-child(3)");
    return cell?.textContent === wanted && !document.querySelector(".erasure .trouble > *");
  }, {}, rows);
}

/** The plan's quarter of an hour is shortened on its way to the page. */
export async function a_plan_that_runs_out(browser) {
  const page = await tab(browser);
  await page.evaluateOnNewDocument(() => {
    const fetched = globalThis.fetch;
    let left = 1;
    globalThis.fetch = async (path, options) => {
      const answer = await fetched(path, options);
      if (!String(path).endsWith("/preview") || left-- < 1) return answer;
      const expires = new Date(Date.now() + 1500).toISOString();
      return Response.json({ ...(await answer.json()), expires_at: expires }, { headers: answer.headers });
    };
  });
  await signIn(page);
  await previewed(page);
  await until(page, "This was counted more than 15 minutes ago");
  await looked(page, "erase-lapsed");
  await page.locator(DELETE).click();
  check(new URL(page.url()).pathname === "/console", "a plan that has run out is sent");
  await counted_anew(page, "5");
  await ask("let more come in");
  await confirmed(page);
  await until(page, "More came in since it was counted");
  await counted_anew(page, "6");
  await confirmed(page);
  await until(page, GONE, 60);
  calm(page);
}
