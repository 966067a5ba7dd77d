import { equal, ok } from "node:assert/strict";
import { Visits } from "./support/visits.ts";

const visits = new Visits();

const JSON_TYPE = { "content-type": "application/json" };
/** Requests and messages in each. */
const BATCHES = 100;
const BATCH_MESSAGES = 250;
const SENT = BATCHES * BATCH_MESSAGES;

/** In the page: collects how long tasks took that kept it from drawing, in ms. */
const OBSERVE = `globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(Math.round(duration));
  }).observe({ type: "longtask" });
  globalThis.frames = 0;
  (function count() { frames++; requestAnimationFrame(count); })();`;

function batch(first: number): string {
  const messages = Array.from({ length: BATCH_MESSAGES }, (_, index) => ({
    id: first + index,
    user: { name: index % 2 === 0 ? "ada" : "grace" },
    text: "Some words as they are in a message, and then some more of them",
  }));
  return JSON.stringify(messages);
}

visits.test("thousands of messages a second are followed to the last one without a freeze", async ({ page, open, send }) => {
  await send("fast", { method: "PUT", headers: JSON_TYPE });
  await open("/stream/fast");
  await page.getByText("Live", { exact: true }).waitFor();
  await page.evaluate(OBSERVE);
  const startedAt = performance.now();
  for (let n = 0; n < BATCHES; n++) {
    await send("fast", { method: "POST", headers: JSON_TYPE, body: batch(n * BATCH_MESSAGES) });
  }
  await page.getByText(`${SENT.toLocaleString("en")} arrived`).waitFor();
  const seconds = (performance.now() - startedAt) / 1000;
  await page.getByRole("option", { name: `"id":${SENT - 1},` }).waitFor();
  const longTasks: number[] = await page.evaluate("longTasks");
  const frames: number = await page.evaluate("frames");
  console.log(
    `${Math.round(SENT / seconds)} messages a second for ${seconds.toFixed(1)} s: ` +
      `${Math.round(frames / seconds)} frames a second, ${longTasks.length} long tasks` +
      (longTasks.length === 0 ? "" : `, the longest ${Math.max(...longTasks)} ms`),
  );
  ok(Math.max(0, ...longTasks) < 1_000, `a task took ${Math.max(...longTasks)} ms`);
});

visits.test("what has left the view is counted, and memory stays as it is", async ({ page, open, send }) => {
  const body = batch(0);
  await send("much", { method: "PUT", headers: JSON_TYPE });
  await open("/stream/much");
  await page.getByText("Live", { exact: true }).waitFor();
  const session = await page.context().newCDPSession(page);
  const usedAfter = async (messages: number) => {
    for (let sent = 0; sent < messages; sent += BATCH_MESSAGES) {
      await send("much", { method: "POST", headers: JSON_TYPE, body });
    }
    total += messages;
    await page.getByText(`${total.toLocaleString("en")} arrived`).waitFor();
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    return Math.round(usedSize / 1024);
  };
  let total = 0;
  const full = await usedAfter(55_000);
  const later = await usedAfter(55_000);
  console.log(`heap after 55,000 messages: ${full} KiB; after 110,000: ${later} KiB`);
  ok(later < full * 1.25, `${full} KiB became ${later} KiB`);
  await page.getByText("50,000 loaded").waitFor();
  equal(await page.getByText("60,000 dropped from view").count(), 1);
  equal(await page.getByRole("option").count() < 60, true);
});
