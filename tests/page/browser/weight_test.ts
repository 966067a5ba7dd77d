import { equal, ok } from "node:assert/strict";
import { until } from "../../support/until.ts";
import { Visits } from "./support/visits.ts";

const visits = new Visits();

/** A request of the page. */
interface Asked {
  url(): string;
}

/** A CPU that is four times as slow as this one. */
const SLOW = 4;

visits.test("the page is one document, and asks nobody else for anything", async ({ page, open }) => {
  const asked: string[] = [];
  page.on("request", (request: Asked) => asked.push(new URL(request.url()).pathname));
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOW });
  await open("/streams/");
  await page.getByText("Healthy").waitFor();
  const paintMs: number = await page.evaluate(
    `performance.getEntriesByName("first-contentful-paint")[0]?.startTime`,
  );
  console.log(`first contentful paint at a CPU ${SLOW} times as slow: ${Math.round(paintMs)} ms`);
  equal(asked.filter((path) => !path.includes("/__ds/")).join(), "/ui");
});

/** A network on which the page takes about a second. */
const BYTES_A_SECOND = 80_000;

visits.test("the page is painted before what draws its charts is there", async ({ page, open }) => {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: BYTES_A_SECOND,
    uploadThroughput: -1,
  });
  await open("/server");
  await page.locator(".plot canvas").first().waitFor();
  const [paintMs, wholeMs]: number[] = await page.evaluate(`[
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
    performance.getEntriesByType("navigation")[0]?.responseEnd,
  ]`);
  console.log(
    `painted after ${Math.round(paintMs ?? 0)} ms, whole after ${Math.round(wholeMs ?? 0)} ms`,
  );
  ok((paintMs ?? Infinity) < (wholeMs ?? 0));
});

/** Each view, and what is read in it once it is there. */
const PLACES = [
  ["/streams/", /^quiet$/],
  ["/stream/quiet", /^Live$/],
  ["/server", "All is well"],
  ["/subscriptions", "No subscriptions yet"],
] as const;

visits.test("an open page holds one connection that streams, and doesn't poll", async ({ page, open, send }) => {
  await send("quiet", { method: "PUT", headers: { "content-type": "text/plain" }, body: "x" });
  const underWay = new Set<Asked>();
  let finished = 0;
  await page.clock.install();
  page.on("request", (request: Asked) => underWay.add(request));
  page.on("requestfailed", (request: Asked) => underWay.delete(request));
  page.on("requestfinished", (request: Asked) => {
    underWay.delete(request);
    finished++;
  });
  const urls = () => [...underWay].map((request) => request.url()).join(" ");
  for (const [place, sign] of PLACES) {
    await open(place);
    // Only once the new place is there: before it, the last one's connection is.
    await page.getByText(sign).first().waitFor();
    await until(() => underWay.size === 1, () => `${place}: ${urls()}`);
    const before = finished;
    // A minute of the page's own time, in which whoever polls would ask.
    await page.clock.runFor(60_000);
    await until(() => underWay.size === 1, () => `${place}: ${urls()}`);
    // The stream that was made just now may be told of, and then is asked for once.
    ok(finished <= before + 1, `${place} asked ${finished - before} times`);
  }
});
