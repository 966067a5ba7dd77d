import { ok } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { inRepo } from "../../tools/repo.ts";
import { makeSampleStreams } from "./support/sample_streams.ts";
import { dark, DESKTOP, PHONE, type Screen } from "./support/screen.ts";
import { type Visit, Visits } from "./support/visits.ts";

/**
 * The pictures of docs/PAGE.md and of README. Each run takes them, and only `deno task page:screenshots`
 * writes them, so that a run of the tests leaves the tree as it was.
 */

const IS_WRITING = process.env["PAGE_SCREENSHOTS"] === "write";
const LIMIT_BYTES = 120 * 1024;

const visits = new Visits();
let made: Promise<void> | undefined;

/** Registers a picture of a place, once it looks as `ready` waits for. */
function picture(
  name: string,
  screen: Screen,
  place: string,
  ready: (visit: Visit) => Promise<void>,
): void {
  visits.test(`the picture ${name} can be taken`, async (visit) => {
    made ??= makeSampleStreams(visit);
    await made;
    await visit.open(place);
    await ready(visit);
    const bytes = await visit.page.screenshot({ animations: "disabled", caret: "hide" });
    ok(bytes.length > 5_000, `${bytes.length} bytes: there is nothing on it`);
    if (!IS_WRITING) return;
    ok(bytes.length <= LIMIT_BYTES, `${bytes.length} bytes, more than ${LIMIT_BYTES}`);
    mkdirSync(inRepo("docs", "page"), { recursive: true });
    writeFileSync(inRepo("docs", "page", `${name}.png`), bytes);
  }, { screen });
}

const lookReady = async ({ page }: Visit) => {
  await page.getByRole("option", { name: /o-1006/ }).first().click();
  await page.getByText("Ends at").waitFor();
};

const serverReady = async ({ page, send }: Visit) => {
  const chart = page.getByRole("img", { name: /^Appends per second/ });
  await chart.waitFor();
  // Pictures are of a server that works: some seconds of appends, unevenly.
  const seconds = IS_WRITING ? 40 : 1;
  const until = Date.now() + seconds * 1000;
  for (let n = 0; Date.now() < until; n++) {
    const headers = { "content-type": "text/plain" };
    const count = 2 + Math.round(6 * (1 + Math.sin(n / 12)));
    await Promise.all(
      Array.from(
        { length: count },
        () => send("builds/119", { method: "POST", headers, body: "line of a build's log\n" }),
      ),
    );
  }
};

picture("streams", DESKTOP, "/streams/?q=%2F", async ({ page }) => {
  await page.getByText("orders/us", { exact: false }).first().waitFor();
});
picture("stream", DESKTOP, "/stream/orders/eu?offset=-1", lookReady);
picture("stream-dark", dark(DESKTOP), "/stream/orders/eu?offset=-1", lookReady);
picture("stream-phone", PHONE, "/stream/chats/2041?offset=-1", async ({ page }) => {
  await page.getByRole("option").nth(2).waitFor();
});
picture("append", DESKTOP, "/stream/orders/eu", async ({ page }) => {
  await page.locator("main").getByRole("button", { name: "Append", exact: true }).click();
  await page.getByLabel("JSON", { exact: true }).fill(
    '[\n  { "id": "o-2001", "item": "tea", "count": 2 },\n  { "id": "o-2002" "item": "cocoa" }\n]',
  );
  await page.getByText("is not expected in line 3").waitFor();
});
picture("subscriptions", DESKTOP, "/subscriptions", async ({ page }) => {
  await page.getByText("Failed", { exact: true }).waitFor();
});
picture("server", DESKTOP, "/server", serverReady);
picture("server-phone", dark(PHONE), "/server", serverReady);
