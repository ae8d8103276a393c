// report.html from disk: what it looks like, whom it would keep out, and what is left of it on paper.
import { WIDE, audit, calm, check, env, run, shot, tab } from "./browser.mjs";

const SIZES = { wide: WIDE, middle: { width: 768, height: 1024 }, narrow: { width: 375, height: 812 } };
// A4 without the page's margins of 15 mm, in CSS pixels of 1/96 inch.
const PAPER = { width: 680, height: 1009 };

async function opened(browser, size = WIDE, scheme = "light") {
  const page = await tab(browser, size, scheme);
  page.asked = [];
  page.on("request", (request) => page.asked.push(request.url()));
  await page.goto(env("REPORT"), { waitUntil: "load" });
  return page;
}

function quiet(page) {
  calm(page);
  check(page.asked.length === 1, `it asks for ${page.asked.join(", ")}`);
}

const seen = (size, scheme) => async (browser) => {
  const page = await opened(browser, SIZES[size], scheme);
  await audit(page, `${size}, ${scheme}`);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wider <= 0, `the page is ${wider} px wider than its window`);
  await shot(page, `report-${size}-${scheme}`);
  quiet(page);
};

async function paper(browser) {
  const page = await opened(browser, PAPER);
  await page.emulateMediaType("print");
  await audit(page, "print");
  const cards = await page.$$eval("#section-ten .entry", (found) => found.map((one) => one.getBoundingClientRect().height));
  check(cards.length === 40, `${cards.length} entries of ten short lines`);
  check(Math.max(...cards) < PAPER.height / 2, `an entry of ten short lines is ${Math.max(...cards)} px high`);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wider <= 0, `the page is ${wider} px wider than the paper`);
  await page.pdf({ path: env("PDF"), format: "A4", preferCSSPageSize: true });
  quiet(page);
}

await run({
  wide: seen("wide", "light"), wide_dark: seen("wide", "dark"), middle: seen("middle", "light"),
  narrow: seen("narrow", "light"), narrow_dark: seen("narrow", "dark"), paper,
});
