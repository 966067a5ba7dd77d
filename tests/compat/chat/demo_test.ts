import { equal, match, ok } from "node:assert/strict";
import { type BrowserContext, demoTests } from "./browser_kit.ts";

type Page = Awaited<ReturnType<BrowserContext["newPage"]>>;

const test = demoTests();
const HALF = /Reload this page now/;
const WHOLE = /You said "hi"\..*That is all I know\.$/s;

const answer = (page: Page) => page.locator("li.assistant");
const status = (page: Page, text: string) =>
  page.locator("output").filter({ hasText: new RegExp(`^${text}$`) }).waitFor();
const says = (page: Page, text: RegExp) => answer(page).filter({ hasText: text }).waitFor();

/** Opens a chat of its own and asks something. */
async function ask(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.getByLabel("Message").fill("hi");
  await page.getByRole("button", { name: "Send" }).click();
  return page;
}

/** The whole answer, once, and nothing amiss. */
async function isWhole(page: Page): Promise<void> {
  await says(page, WHOLE);
  await status(page, "ready");
  equal(await answer(page).count(), 1);
  equal(await page.locator("li.user").count(), 1);
  equal(await page.getByRole("alert").count(), 0);
  const text = await answer(page).innerText();
  equal(text.split("You said").length, 2, text);
}

test("an answer goes on over a reload in its middle, and in a second tab", async ({ demo, context }) => {
  const page = await ask(context, demo.url);
  await says(page, /I am no model/);
  await page.reload();
  const second = await context.newPage();
  await second.goto(page.url());
  await says(second, /You said/);
  await isWhole(page);
  await isWhole(second);
  await page.reload();
  await isWhole(page);
});

test("a tab that is open already shows what is asked in another one", async ({ demo, context }) => {
  const first = await context.newPage();
  await first.goto(demo.url);
  await status(first, "ready");
  const page = await context.newPage();
  await page.goto(first.url());
  await page.getByLabel("Message").fill("hi");
  await page.getByRole("button", { name: "Send" }).click();
  await isWhole(page);
  await isWhole(first);
});

test("a stop in one tab ends the answer in all, and no reload revives it", async ({ demo, context }) => {
  const page = await ask(context, demo.url);
  const second = await context.newPage();
  await says(page, /I am no/);
  await second.goto(page.url());
  await says(second, /I am no/);
  await second.getByRole("button", { name: "Stop" }).click();
  await status(page, "ready");
  await status(second, "ready");
  const stopped = await answer(page).innerText();
  ok(!WHOLE.test(stopped), stopped);
  await page.reload();
  await status(page, "ready");
  await says(page, /I am no/);
  equal(await answer(page).innerText(), stopped);
  equal(await page.getByRole("alert").count(), 0);
});

test("a server that is killed in the middle of an answer costs nothing of it", async ({ demo, context }) => {
  const page = await ask(context, demo.url);
  await says(page, /I am no model/);
  await demo.server.kill();
  await demo.server.start();
  await isWhole(page);
});

test("a worker that is killed leaves an error on the page, and the next one answers again", async ({ demo, context }) => {
  const page = await ask(context, demo.url);
  await says(page, /I am no model/);
  await demo.killWorker();
  await page.getByRole("alert").filter({ hasText: "broke off" }).waitFor();
  await status(page, "error");
  await demo.startWorker();
  await page.reload();
  await says(page, /I am no model/);
  await page.getByRole("alert").filter({ hasText: "broke off" }).waitFor();
  await page.getByLabel("Message").fill("again");
  await page.getByRole("button", { name: "Send" }).click();
  await answer(page).last().filter({ hasText: /You said "again".*That is all I know\.$/s })
    .waitFor();
  equal(await answer(page).count(), 2);
  match(await answer(page).first().innerText(), /^You said "hi"/);
});

test("a phone that was offline goes on where it was", async ({ demo, context }) => {
  const page = await ask(context, demo.url);
  await says(page, /I am no model/);
  await context.setOffline(true);
  const half = await answer(page).innerText();
  await page.waitForTimeout(1_000);
  await context.setOffline(false);
  await says(page, HALF);
  await isWhole(page);
  ok((await answer(page).innerText()).startsWith(half));
});

test("a phone that was offline for an hour has the answer as soon as it is back", async ({ demo, context }) => {
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(demo.url);
  await page.getByLabel("Message").fill("hi");
  await page.getByRole("button", { name: "Send" }).click();
  await says(page, /I am no model/);
  await context.setOffline(true);
  // By then it has said that it gave up.
  while (await page.getByRole("alert").count() === 0) {
    await page.clock.fastForward("10:00");
    await page.waitForTimeout(20);
  }
  await status(page, "error");
  await context.setOffline(false);
  await isWhole(page);
});
