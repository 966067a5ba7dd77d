import { equal, ok } from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { PHONE } from "./support/screen.ts";
import { type Visit, Visits } from "./support/visits.ts";

const visits = new Visits();
const JSON_TYPE = { "content-type": "application/json" };

async function subscribe({ url }: Visit, id: string, spec: Readonly<Record<string, unknown>>) {
  const response = await fetch(`${url}/__ds/subscriptions/${encodeURIComponent(id)}`, {
    method: "PUT",
    body: JSON.stringify(spec),
  });
  ok(response.ok, await response.text());
}

visits.test("without subscriptions the page says what they are for, and how to make one", async ({ page, open, url }) => {
  await open("/subscriptions");
  await page.getByRole("heading", { name: "No subscriptions yet" }).waitFor();
  await page.getByText(`curl -X PUT ${url}/__ds/subscriptions/`, { exact: false }).waitFor();
});

for (const screen of [undefined, PHONE]) {
  const name = screen?.name ?? "desktop";
  visits.test(
    "a failed webhook says why and how far behind it is, and is tried now",
    async (visit) => {
      const { page, open, send } = visit;
      let status = 500;
      let requests = 0;
      const hook = createServer((request, response) => {
        requests++;
        request.resume();
        response.writeHead(status, { "content-type": "application/json" }).end('{"done":true}');
      });
      hook.listen(0, "127.0.0.1");
      await once(hook, "listening");
      const address = hook.address();
      if (address === null || typeof address === "string") throw new Error("It doesn't listen.");
      try {
        const url = `http://127.0.0.1:${address.port}/hook`;
        await subscribe(visit, name, { type: "webhook", pattern: `${name}/*`, webhook: { url } });
        await send(`${name}/a`, { method: "PUT", headers: JSON_TYPE, body: "1" });
        await open("/subscriptions");
        const card = page.getByRole("listitem").filter({ hasText: url });
        const retry = card.getByRole("button", { name: "Try now" });
        while (!await retry.isVisible()) {
          await page.getByRole("button", { name: "Refresh" }).click();
        }
        await card.getByText("Failed", { exact: true }).waitFor();
        await card.getByText("1 stream", { exact: true }).waitFor();
        await card.getByText(/500/).waitFor();
        status = 200;
        const before = requests;
        await retry.click();
        while (await retry.isVisible()) await page.getByRole("button", { name: "Refresh" }).click();
        ok(requests > before);
        await card.getByText("None", { exact: true }).first().waitFor();
      } finally {
        hook.close();
        hook.closeAllConnections();
      }
    },
    screen && { screen },
  );
}

visits.test("more of them are shown once, however often one clicks", async (visit) => {
  const { page, open } = visit;
  for (let n = 0; n < 120; n++) {
    await subscribe(visit, `z-${n}`, { type: "pull-wake", pattern: `m/${n}`, wake_stream: "w" });
  }
  await open("/subscriptions");
  const cards = page.locator(".subscriptions > li");
  await page.getByRole("button", { name: "Show more" }).dblclick();
  await page.getByRole("button", { name: "Show more" }).waitFor({ state: "detached" });
  const ids = await cards.getByRole("link").allTextContents();
  equal(new Set(ids).size, ids.length);
  ok(ids.length >= 120);
});

visits.test("a worker that holds a subscription is named, and its streams are links", async (visit) => {
  const { page, open, send, url } = visit;
  await send("wakes", { method: "PUT", headers: JSON_TYPE });
  await subscribe(visit, "pool", { type: "pull-wake", pattern: "jobs/*", wake_stream: "wakes" });
  await send("jobs/1", { method: "PUT", headers: JSON_TYPE, body: "1" });
  const claim = () =>
    fetch(`${url}/__ds/subscriptions/pool/claim`, {
      method: "POST",
      body: '{"worker":"worker <7>"}',
    });
  let response = await claim();
  while (response.status !== 200) {
    await response.body?.cancel();
    response = await claim();
  }
  await response.body?.cancel();
  await open("/subscriptions");
  await page.getByRole("link", { name: "pool" }).click();
  await page.getByText("worker <7>", { exact: false }).waitFor();
  await page.getByText("Leased", { exact: true }).waitFor();
  await page.getByRole("link", { name: "jobs/1" }).click();
  equal(new URL(page.url()).hash, "#/stream/jobs/1");
});
