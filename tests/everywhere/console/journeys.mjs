// What administrators do at the console, journey by journey; each is walked by a process of its own.
import { readdirSync } from "node:fs";
import {
  NARROW, WIDE, ask, audit, body, calm, check, choose, env, press, run, search, shot, signIn, tab, texts, until, visit,
} from "./browser.mjs";
import { a_failed_erasure, a_plan_that_runs_out, an_erasure, four_eyes } from "./erasures.mjs";

const MARIA = "maria.keller@example.com", FAMILY = "family@example.com", NOBODY = "nobody@example.com";
const READY = "The archive is for the data subject alone.";
const SUBMIT = ".order button.main", CHECKED = "input[name=combination]:checked";

async function exported(page, { identifier = MARIA, source = "Website", name = "MacBook · Chrome" } = {}) {
  await search(page, identifier);
  await choose(page, source, name);
  await page.locator(SUBMIT).click();
  await page.waitForFunction(() => location.pathname.startsWith("/console/exports/"));
}

async function ready(page, wanted) {
  await exported(page, wanted);
  await until(page, READY, 60);
}

async function downloaded(page) {
  const before = readdirSync(env("DOWNLOADS")).length;
  await press(page, "Download");
  for (let tries = 0; tries < 200; tries += 1) {
    const now = readdirSync(env("DOWNLOADS"));
    if (now.length > before && !now.some((name) => /\.(crdownload|part)$/.test(name))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  check(false, "no archive came");
}

async function the_main_job(browser) {
  const page = await tab(browser);
  await signIn(page);
  await search(page, MARIA);
  check((await page.$(CHECKED)) === null, "something is chosen beforehand");
  check((await texts(page, "section.source h3")).length === 2, "not every data source is shown");
  check((await page.$eval(SUBMIT, (one) => one.ariaDisabled)) === "true", "the button works without a choice");
  await page.locator(SUBMIT).click();
  await page.waitForFunction(() => document.querySelector("#alarm").textContent === "Choose a combination above first.");
  await choose(page, "Website", "iPhone · Safari");
  check((await texts(page, SUBMIT))[0] === "Export data of iPhone · Safari from Website", (await texts(page, SUBMIT))[0]);
  await page.locator(SUBMIT).click();
  await until(page, "since the request");
  const address = page.url();
  await press(page, "History");
  await until(page, "iPhone · Safari");
  await page.goto(address);
  await until(page, READY, 60);
  check((await texts(page, "#sha256"))[0].length === 64, "no digest");
  check(/UTC/.test(await body(page)), "no UTC");
  await downloaded(page);
  await ask("read the archive");
  await until(page, "Downloaded once");
  calm(page);
}

async function a_source_is_down(browser) {
  const page = await tab(browser);
  await signIn(page);
  await ask("take the shop away");
  try {
    await search(page, MARIA);
    await until(page, "Did not answer. What it holds is not shown.");
    await looked(page, "a-source-is-down");
    await search(page, NOBODY);
    await until(page, "Nobody was found yet, but not every data source answered.");
  } finally {
    await ask("bring the shop back");
  }
  await press(page, "Try again");
  await until(page, "That, too, is an answer to give");
  calm(page);
}

async function a_shared_browser(browser) {
  const page = await tab(browser);
  await signIn(page);
  await search(page, FAMILY);
  await until(page, "Several people used this browser: ask which of them is asking.");
  calm(page);
}

async function an_auditor(browser) {
  const page = await tab(browser);
  await signIn(page, "/console", env("AUDITOR"));
  await until(page, "History of exported and deleted data");
  check(!(await texts(page, "nav a")).includes("Export personal data"), "an auditor is offered exports");
  await visit(page, "/console");
  check(!(await page.$("#identifier")), "an auditor may search");
  check(!(await page.$("[data-deed=revoke]")), "an auditor may revoke");
  await looked(page, "auditor");
  await press(page, "Audit");
  await until(page, "sample");
  calm(page);
}

async function an_expiry(browser) {
  const page = await tab(browser);
  await signIn(page);
  await ready(page);
  await ask("let it expire soon");
  await until(page, "Search and request it again if it is still wanted.", 40);
  await looked(page, "expired");
  check(!(await page.$("[data-deed=download]")), "an expired archive is offered");
  calm(page);
}

async function a_revocation_elsewhere(browser) {
  const page = await tab(browser);
  await signIn(page);
  await ready(page);
  await ask("revoke it elsewhere");
  await until(page, "The export was revoked.", 40);
  calm(page);
}

async function a_session_that_ends(browser) {
  const page = await tab(browser);
  await signIn(page);
  await press(page, "History");
  await until(page, "that is all.");
  await ask("let the session rest");
  await press(page, "Refresh");
  await until(page, "You were signed out, because nothing happened for a while");
  await looked(page, "signed-out");
  await page.locator("#key").fill(env("KEY"));
  await page.locator("button.main").click();
  await until(page, "Save as CSV");
  check(new URL(page.url()).pathname === "/console/history", "it does not go on where it was");
  await press(page, "Sign out");
  await until(page, "You are signed out.");
  await visit(page, "/console/history");
  await page.waitForSelector("#key");
  calm(page);
}

async function two_tabs(browser) {
  const [first, second] = [await tab(browser), await tab(browser)];
  await first.bringToFront();
  await signIn(first);
  await exported(first, { name: "iPhone · Safari" });
  await visit(second, new URL(first.url()).pathname + new URL(first.url()).search);
  await until(second, READY, 60);
  await second.bringToFront();
  await press(second, "Revoke");
  await press(second, "No, leave it");
  await press(second, "Revoke");
  await press(second, "Yes, revoke it");
  await until(second, "The export was revoked.");
  await first.bringToFront();
  await until(first, "The export was revoked.", 40);
  calm(first);
  calm(second);
}

async function a_dashboards_link(browser) {
  const page = await tab(browser), asked = [];
  page.on("request", (one) => asked.push(one.url()));
  await signIn(page);
  await page.goto("about:blank");
  await visit(page, `/console?data_center=acme#${MARIA}`);
  await page.waitForSelector(".found h2");
  check((await page.$eval("#identifier", (one) => one.value)) === MARIA, "the identifier is not in the field");
  const sent = asked.map((one) => one.split("#")[0]);
  check(!sent.some((one) => one.includes("maria")), `an address holds the identifier: ${sent}`);
  calm(page);
}

async function nothing_runs_that_is_data(browser) {
  const page = await tab(browser);
  await signIn(page, "/console", env("KEY"));
  await search(page, env("HOSTILE"));
  const shown = await body(page);
  check(shown.includes("<img src=x onerror=alert(1)>"), `the hostile device is not shown as text:\n${shown}`);
  await page.$eval("label.offer input", (one) => one.click());
  await page.locator("#case").fill("<script>alert(2)</script>");
  await page.locator(SUBMIT).click();
  await until(page, READY, 60);
  await press(page, "History");
  await until(page, "<script>alert(2)</script>");
  await press(page, "Audit");
  await until(page, "Searched for a visitor");
  calm(page);
}

async function by_keyboard(browser) {
  const page = await tab(browser);
  await visit(page, "/console");
  await page.keyboard.type(env("KEY"));
  await page.keyboard.press("Enter");
  await page.waitForSelector("#identifier");
  await reach(page, "#identifier");
  await page.keyboard.type(MARIA);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".found h2");
  await reach(page, "input[name=combination]");
  await page.keyboard.press("Space");
  await reach(page, SUBMIT);
  await page.keyboard.press("Enter");
  await until(page, READY, 60);
  await reach(page, "[data-deed=download]");
  await page.keyboard.press("Enter");
  await until(page, "Downloaded once");
  calm(page);
}

/** By Tab alone, as far as it takes; whatever has the focus must be seen to have it. */
async function reach(page, selector) {
  for (let presses = 0; presses < 60; presses += 1) {
    const { there, seen, what } = await page.evaluate((wanted) => {
      const at = document.activeElement, styles = [at, at.closest("label") ?? at].map((one) => getComputedStyle(one));
      const seen = at === document.body || styles.some((one) => one.outlineStyle !== "none" || one.boxShadow !== "none");
      return { there: at.matches(wanted), seen, what: at.outerHTML.slice(0, 200) };
    }, selector);
    check(seen || presses === 0, `the focus is not seen on ${what}`);
    if (there) return;
    await page.keyboard.press("Tab");
  }
  check(false, `${selector} cannot be reached by Tab`);
}

async function the_history(browser) {
  const page = await tab(browser);
  await signIn(page);
  await ready(page);
  await visit(page, "/console/history?data_center=acme&status=ready");
  await until(page, "MacBook · Chrome");
  check((await texts(page, "details summary")).includes("Filters (1 in use)"), "the filter is not shown");
  await press(page, "Find what was done for one person");
  await page.locator("#history-identifier").fill(NOBODY);
  await page.locator("details form button").click();
  await until(page, "Nothing was exported or deleted for this identifier");
  await press(page, "Show everything");
  await until(page, "MacBook · Chrome");
  await press(page, "Save as CSV");
  await ask("read the list");
  calm(page);
}

async function a_failure(browser) {
  const page = await tab(browser);
  await signIn(page);
  await search(page, MARIA);
  await choose(page, "Shop", "iPhone · Safari");
  await ask("spoil the shop");
  try {
    await page.locator(SUBMIT).click();
    await until(page, "mapping does not fit its database", 60);
    await looked(page, "failed");
  } finally {
    await ask("mend the shop");
  }
  await press(page, "Retry");
  await until(page, READY, 60);
  calm(page);
}

async function german_and_dark(browser) {
  const page = await tab(browser, NARROW, "dark");
  await signIn(page);
  await page.select("#language", "de");
  await page.waitForFunction(() => document.documentElement.lang === "de");
  await search(page, MARIA);
  await audit(page, "German, dark, narrow");
  await until(page, "Personenbezogene Daten");
  const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
  check(Math.max(...dark.slice(0, 3)) < 80, `the background is ${dark}`);
  calm(page);
}

async function an_identity_provider(browser) {
  const page = await tab(browser);
  const wanted = "/console/history?status=ready";
  await visit(page, wanted);
  await looked(page, "an-identity-provider");
  await page.locator("#oidc").click();
  await page.waitForSelector("input[name=sub]");
  await page.locator("button[value=deny]").click();
  await until(page, "Your organisation's sign-in was not accepted here.");
  await audit(page, "refused");
  await page.locator("#oidc").click();
  await page.waitForSelector("input[name=sub]");
  await page.type("input[name=sub]", "maria");
  await page.keyboard.press("Enter");
  await until(page, "oidc:maria");
  check(page.url() === env("URL") + wanted, page.url());
  await page.reload();
  await until(page, "oidc:maria");
  await press(page, "Sign out");
  await until(page, "You are signed out.");
  check((await page.evaluate(() => document.activeElement.tagName)) === "H1", "whoever has this read aloud is elsewhere");
  await visit(page, "/console?anew#oidc=away");
  await until(page, "Your organisation's sign-in does not answer.");
  check(!page.url().includes("#"), page.url());
  calm(page);
}

async function first_view(browser) {
  const page = await tab(browser);
  const session = await page.createCDPSession();
  await session.send("Network.enable");
  await session.send("Emulation.setCPUThrottlingRate", { rate: 6 });
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => { bytes += encodedDataLength; });
  await page.evaluateOnNewDocument(() => {
    globalThis.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((one) => { globalThis.shift += one.value; })).observe({ type: "layout-shift", buffered: true });
  });
  const begun = Date.now();
  await page.goto(`${env("URL")}/console`);
  await page.waitForSelector("#key");
  const interactive = Date.now() - begun;
  await page.waitForNetworkIdle();
  const shift = await page.evaluate(() => globalThis.shift);
  console.error(`first view: ${bytes} bytes, interactive after ${interactive} ms on a processor 6 times as slow, layout shift ${shift}`);
  check(bytes <= 100_000, `${bytes} bytes at first view`);
  check(shift === 0, `layout shift ${shift}`);
}

/** Looked at by axe, in the light and in the dark, and kept as a picture of both. */
async function looked(page, what) {
  if (env("BROWSER") === "firefox") return;
  for (const value of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
    await audit(page, `${what}, ${value}`);
    await shot(page, `${what}-wide-${value}`);
  }
}

/** Every view, and every state that a single person meets. */
async function everywhere(browser, size, scheme, name) {
  const page = await tab(browser, size, scheme);
  const look = async (what) => { await audit(page, what); await shot(page, `${what}-${name}`); };
  await visit(page, "/console");
  await look("sign-in");
  await signIn(page);
  await look("export-empty");
  await search(page, MARIA);
  await look("export-found");
  await choose(page, "Website", "iPhone · Safari");
  await look("export-chosen");
  await search(page, NOBODY);
  await look("export-nobody");
  await search(page, FAMILY);
  await look("export-shared");
  await exported(page, { name: "iPhone · Safari" });
  await until(page, "of about");
  await look("progress");
  await until(page, READY, 60);
  await look("ready");
  await press(page, "Revoke");
  await page.waitForSelector("dialog[open]");
  await look("dialog");
  await press(page, "Yes, revoke it");
  await until(page, "The export was revoked.");
  await look("revoked");
  await press(page, "History");
  await until(page, "iPhone · Safari");
  await look("history");
  await visit(page, "/console/audit");
  await until(page, "Searched for a visitor");
  await look("audit");
  await visit(page, "/console/exports/none?data_center=acme");
  await look("missing");
  calm(page);
}

const no_barrier_wide = (browser) => everywhere(browser, WIDE, "light", "wide-light");
const no_barrier_wide_dark = (browser) => everywhere(browser, WIDE, "dark", "wide-dark");
const no_barrier_narrow_light = (browser) => everywhere(browser, NARROW, "light", "narrow-light");
const no_barrier_narrow = (browser) => everywhere(browser, NARROW, "dark", "narrow-dark");

await run({
  the_main_job, a_source_is_down, a_shared_browser, an_auditor, an_expiry, a_revocation_elsewhere, a_session_that_ends,
  two_tabs, a_dashboards_link, nothing_runs_that_is_data, by_keyboard, the_history, a_failure, german_and_dark,
  an_identity_provider, first_view, no_barrier_wide, no_barrier_narrow, no_barrier_wide_dark, no_barrier_narrow_light,
  an_erasure, four_eyes, a_failed_erasure, a_plan_that_runs_out,
});
