import { deepEqual, equal } from "node:assert/strict";
import { accessibilityFaults } from "./support/accessibility.ts";
import type { BrowserPage } from "./support/browser_page.ts";
import { dark, DESKTOP, PHONE, SCREENS } from "./support/screen.ts";
import { type Visit, Visits } from "./support/visits.ts";

const visits = new Visits();
const JSON_TYPE = { "content-type": "application/json" };

/** Places, and what stands there once they are shown. */
const PLACES: readonly (readonly [place: string, heading: string | RegExp])[] = [
  ["/streams/", "Streams"],
  ["/streams/shop/", /Streams|shop/],
  ["/stream/shop/orders", /orders/],
  ["/stream/missing", /missing/],
  ["/subscriptions", "Subscriptions"],
  ["/subscriptions/mailer", "mailer"],
  ["/server?a=shop%2Forders", "Server"],
];

async function fill({ url, send }: Visit): Promise<void> {
  const body = '[{"id":1,"item":"tea","price":3.5,"gift":null},{"id":2,"tags":["a","b"]}]';
  await send("shop/orders", { method: "PUT", headers: JSON_TYPE });
  await send("shop/orders", { method: "POST", headers: JSON_TYPE, body });
  await send("shop/log", { method: "PUT", headers: { "content-type": "text/plain" } });
  await fetch(`${url}/__ds/subscriptions/mailer`, {
    method: "PUT",
    body: JSON.stringify({
      type: "webhook",
      pattern: "shop/*",
      webhook: { url: "http://localhost:9/hook" },
    }),
  });
}

for (const screen of SCREENS) {
  visits.test("every view is accessible by WCAG AA", async (visit) => {
    const { page, open, problems } = visit;
    problems.allow(/Failed to load resource.*404/);
    await fill(visit);
    const faults: string[] = [];
    for (const [place, heading] of PLACES) {
      await open(place);
      await page.getByRole("heading", { name: heading }).first().waitFor();
      await page.getByText(/Healthy|Server/).first().waitFor();
      faults.push(...(await accessibilityFaults(page)).map((fault) => `${place}: ${fault}`));
    }
    deepEqual(faults, []);
  }, { screen });
}

/** Buttons of a stream's view, and the dialogs that they open. */
const DIALOGS: readonly (readonly [button: string, title: string])[] = [
  ["Append", "Append"],
  ["Fork", "Fork stream"],
  ["Close", "Close stream"],
  ["Delete", "Delete stream"],
];

async function faultsOfDialog(page: BrowserPage, button: string, title: string) {
  const opener = page.locator("main").getByRole("button", { name: button, exact: true });
  await opener.click();
  const dialog = page.getByRole("dialog", { name: title });
  await dialog.waitFor();
  const faults = await accessibilityFaults(page);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  equal(await opener.evaluate((element: Element) => element === document.activeElement), true);
  return faults.map((fault) => `${title}: ${fault}`);
}

for (const screen of [DESKTOP, dark(PHONE)]) {
  visits.test("dialogs are accessible, and give the keyboard back", async (visit) => {
    const { page, open } = visit;
    await fill(visit);
    await open("/streams/shop/");
    const faults = await faultsOfDialog(page, "New stream", "Create stream");
    await open("/stream/shop/orders");
    for (const [button, title] of DIALOGS) {
      faults.push(...await faultsOfDialog(page, button, title));
    }
    deepEqual(faults, []);
  }, { screen });
}
