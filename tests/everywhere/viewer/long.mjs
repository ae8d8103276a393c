// A list that is longer than browsers lay out, to its end and back by keys, wheel and bar.
import { readFileSync } from "node:fs";
import { calm, check, env, fail } from "./browser.mjs";
import { opened, says, section, start } from "./walk.mjs";

const ROWS = 300_000;

const active = (page) => page.$eval("[aria-selected=true]", (one) => Number(one.id.slice(4)));

/** The numbers of the lines that can be seen. They stand one behind the other, whatever was done before. */
async function seen(page) {
  await page.waitForFunction(() => document.querySelector("[role=option] bdi"));
  const all = await page.evaluate(() => {
    const { top, bottom } = document.querySelector(".list").getBoundingClientRect();
    return [...document.querySelectorAll("[role=option]")].map((one) => [Number(one.id.slice(4)), one.getBoundingClientRect()])
      .filter(([, box]) => box.bottom > top + 1 && box.top < bottom - 1).map(([number, box]) => [number, Math.round(box.top)]);
  });
  all.slice(1).forEach(([number, y], n) => check(number === all[n][0] + 1 && y > all[n][1], `lines stand as ${JSON.stringify(all)}`));
  check(all.length > 5, `only ${all.length} lines are in sight`);
  return all.map(([number]) => number);
}

async function bar(page, share) {
  await page.$eval(".list", (list, part) => { list.scrollTop = part * (list.scrollHeight - list.clientHeight); }, share);
  await new Promise((resolve) => setTimeout(resolve, 400));
}

async function wheel(page, distance, until, most = 40) {
  for (let turns = 0; turns < most; turns += 1) {
    await page.mouse.wheel({ deltaY: distance });
    await new Promise((resolve) => setTimeout(resolve, 120));
    if (until(await seen(page))) return;
  }
  fail(`the wheel came no farther than ${await seen(page)}`);
}

export async function very_long(browser) {
  check(JSON.parse(readFileSync(env("LONG"), "utf8")).sections.rows.length === ROWS, "the list is not as long as it should be");
  const page = await start(browser);
  await opened(page, env("LONG"));
  await section(page, "rows");
  await says(page, "^300,000 entries$");
  const lower = await page.$eval(".list", (list) => list.scrollHeight);
  check(lower < 300_000 * 40, `the list is laid out ${lower} px high, so nothing is scaled`);
  const list = await (await page.$(".list")).boundingBox();
  await page.mouse.move(list.x + 100, list.y + 100);
  // The wheel moves by lines, not by shares of the whole, at both ends and between.
  await wheel(page, 300, (all) => all[0] >= 20);
  check((await seen(page))[0] < 200, "the wheel jumped");
  await bar(page, 1);
  check((await seen(page)).at(-1) === ROWS - 1, "the bar's end is not the list's");
  await wheel(page, -300, (all) => all[0] <= ROWS - 60);
  check((await seen(page))[0] > ROWS - 400, "the wheel jumped back");
  await wheel(page, 300, (all) => all.at(-1) === ROWS - 1);
  await bar(page, 0.5);
  const [middle] = await seen(page);
  check(Math.abs(middle - ROWS / 2) < ROWS / 100, `the bar's middle is ${middle}`);
  await wheel(page, 300, (all) => all[0] > middle + 15);
  check((await seen(page))[0] < middle + 200, "the wheel jumped in the middle");
  await page.focus(".list");
  await page.keyboard.press("End");
  check((await seen(page)).at(-1) === ROWS - 1 && (await active(page)) === ROWS - 1, "End is not the end");
  for (let presses = 0; presses < 30; presses += 1) await page.keyboard.press("ArrowUp");
  check((await active(page)) === ROWS - 31, "an arrow missed a line");
  await page.keyboard.press("PageUp");
  const paged = await active(page);
  check(paged < ROWS - 36 && (await seen(page)).includes(paged), `a page up led to ${paged}`);
  await page.keyboard.press("Home");
  check((await seen(page))[0] === 0 && (await active(page)) === 0, "Home is not the beginning");
  for (let presses = 0; presses < 30; presses += 1) await page.keyboard.press("ArrowDown");
  check((await active(page)) === 30 && (await seen(page)).includes(30), "an arrow missed a line at the beginning");
  await bar(page, 1);
  await bar(page, 0);
  check((await seen(page))[0] === 0, "the bar's beginning is not the list's");
  calm(page);
}
