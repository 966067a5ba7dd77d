import { deepEqual } from "node:assert/strict";
import { encodeName } from "../../../src/page/api/encode_name.ts";
import type { BrowserPage } from "./support/browser_page.ts";
import {
  HOSTILE_JSON,
  HOSTILE_STREAMS,
  longLine,
  millionKeys,
} from "./support/hostile_messages.ts";
import { HOSTILE_NAMES, IMPOSSIBLE_NAMES } from "./support/hostile_names.ts";
import { Visits } from "./support/visits.ts";

/**
 * What is stored can't run. Each visit fails where a dialog, an error in the console, a violation of the
 * page's policy or a request elsewhere came of it (`support/problems.ts`).
 */

const visits = new Visits({ flags: () => ["--max-append-bytes", "32MiB"] });
const JSON_TYPE = { "content-type": "application/json" };
const MODES = ["list", "text", "hex", "media"];

/** In the page: what only a script, or markup that was taken for the page's own, would have left. */
const TRACES = `({
  scripts: document.scripts.length,
  foreign: document.querySelectorAll("#app svg, #app iframe, #app object, #app embed, #app script").length,
  handlers: document.querySelectorAll("[onerror], [onload], [onmouseover]").length,
  links: [...document.links].filter(({ href }) => !href.startsWith(location.href.split("#")[0])).length,
  polluted: ({}).polluted ?? null,
})`;

async function expectNoTraces(page: BrowserPage): Promise<void> {
  deepEqual(await page.evaluate(TRACES), {
    scripts: 3,
    foreign: 0,
    handlers: 0,
    links: 0,
    polluted: null,
  });
}

visits.test("streams are found, opened and left whatever their names hold", async ({ page, open, send }) => {
  for (const [index, name] of HOSTILE_NAMES.entries()) {
    await send(name, { method: "PUT", headers: JSON_TYPE, body: `"message ${index}"` });
  }
  await open("/streams/");
  await page.getByText("<script>alert(1)", { exact: false }).first().waitFor();
  await expectNoTraces(page);
  for (const [index, name] of HOSTILE_NAMES.entries()) {
    await open(`/stream/${encodeName(name)}`);
    // It is the right stream that was opened, by its address and by its rights.
    await page.getByRole("option", { name: `"message ${index}"` }).waitFor();
    await page.locator(".look-head").getByRole("button", { name: "Append", exact: true }).waitFor();
    await expectNoTraces(page);
    await open("/streams/");
  }
});

visits.test("names that no stream can have are told as the server tells them", async ({ page, open, problems }) => {
  problems.allow(/Failed to load resource.*40[045]/);
  for (const name of IMPOSSIBLE_NAMES) {
    await open(`/stream/${encodeName(name)}`);
    await page.getByRole("heading", { name: /The stream can't be read|There is no stream/ })
      .waitFor();
    await expectNoTraces(page);
  }
});

visits.test("JSON messages are shown as text, in the list and as a tree", async ({ page, open, send }) => {
  await send("json", { method: "PUT", headers: JSON_TYPE, body: `[${HOSTILE_JSON.join()}]` });
  for (const mode of ["list", "text"]) {
    await open(`/stream/json?view=${mode}&offset=-1`);
    await page.getByText("<script>alert(1)", { exact: false }).first().waitFor();
    await expectNoTraces(page);
  }
  await open("/stream/json?offset=-1");
  const options = page.getByRole("option");
  await options.first().click();
  for (const _ of HOSTILE_JSON) {
    await page.getByText("Ends at").waitFor();
    await expectNoTraces(page);
    await page.keyboard.press("j");
  }
});

visits.test("markup, scripts and broken text are shown as they are, whatever type they claim", async ({ page, open, send }) => {
  for (const { name, contentType, body } of HOSTILE_STREAMS) {
    await send(name, { method: "PUT", headers: { "content-type": contentType }, body });
    for (const mode of MODES) {
      await open(`/stream/${encodeName(name)}?view=${mode}&offset=-1`);
      await page.getByText(contentType, { exact: false }).first().waitFor();
      await expectNoTraces(page);
    }
  }
});

visits.test("a line of 10 MiB and a million keys are shown in part, and the page goes on", async ({ page, open, send }) => {
  await send("long", {
    method: "PUT",
    headers: { "content-type": "text/plain" },
    body: longLine(),
  });
  await send("keys", { method: "PUT", headers: JSON_TYPE, body: millionKeys() });
  for (const name of ["long", "keys"]) {
    for (const mode of MODES) {
      await open(`/stream/${name}?view=${mode}&offset=-1`);
      await page.getByText(/MiB/).first().waitFor();
      await expectNoTraces(page);
    }
  }
  await open("/stream/keys?offset=-1");
  await page.getByRole("option").first().click();
  await page.getByText("<b>0", { exact: false }).first().waitFor();
  await page.getByText("<b>50", { exact: false }).first().waitFor();
  await expectNoTraces(page);
});

visits.test("dialogs, subscriptions and comparisons take hostile names as text", async (visit) => {
  const { page, open, send, url, problems } = visit;
  problems.allow(/Failed to load resource.*404/);
  const name = "<img src=x onerror=alert(1)>\u202e";
  await send(name, { method: "PUT", headers: JSON_TYPE });
  await open(`/stream/${encodeName(name)}`);
  for (const button of ["Append", "Fork", "Close", "Delete"]) {
    await page.locator(".look-head").getByRole("button", { name: button, exact: true }).click();
    await page.getByRole("dialog").getByText("<img src=x", { exact: false }).first().waitFor();
    await expectNoTraces(page);
    await page.keyboard.press("Escape");
  }
  await fetch(`${url}/__ds/subscriptions/${encodeURIComponent("<svg onload=alert(1)>")}`, {
    method: "PUT",
    body: JSON.stringify({
      type: "pull-wake",
      pattern: "<b>*</b>".replaceAll("*", "x"),
      wake_stream: "<script>alert(1)</script>",
      description: "<script>alert(1)</script>\u202e",
    }),
  });
  await open("/subscriptions");
  const link = page.getByRole("link", { name: "<svg onload=alert(1)>" });
  await link.click();
  await page.getByRole("heading", { name: "<svg onload=alert(1)>" }).waitFor();
  await expectNoTraces(page);
  await open(`/server?a=${encodeURIComponent(name)}&b=__proto__`);
  await page.getByText("<img src=x", { exact: false }).first().waitFor();
  await expectNoTraces(page);
});
