/**
 * An hour of a page that follows a stream of a thousand messages a second: what the page's heap and
 * the browser's process hold each minute, once garbage is collected. Of the process's memory 200 MB are
 * what the debugger, by which the browser is driven, keeps of all responses.
 *
 *     deno run -A -c tests/deno.json tests/page/browser/soak.ts --minutes 60 --rate 1000
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { launchChromium } from "../../compat/browser/chromium.ts";
import { CompatServer } from "../../compat/compat_server.ts";
import { RUNTIME_TARGETS } from "../../runtime/targets.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    rate: { type: "string", default: "1000" },
  },
});
const MINUTES = Number(values.minutes);
const RATE = Number(values.rate);
const REQUESTS_A_SECOND = 5;
const NAME = "soak/messages";

const JSON_TYPE = { "content-type": "application/json" };
const [target] = RUNTIME_TARGETS;
if (target === undefined) throw new Error("There is no runtime to try it on.");

await using server = await CompatServer.start(await target.command());
const streamUrl = `${server.url}/${encodeURIComponent(NAME)}`;
await post("PUT");
const browser = await launchChromium();
const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
page.on("pageerror", (error: Error) => console.log(`uncaught: ${error.message}`));
await page.goto(new URL(`/ui#/stream/${NAME}`, server.url).href);
await page.getByText("Live", { exact: true }).waitFor();
await page.evaluate(`globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(Math.round(duration));
  }).observe({ type: "longtask" });`);

const session = await page.context().newCDPSession(page);
await session.send("Performance.enable");
let sent = 0;
const startedAt = performance.now();
const sending = send();
console.log(
  "| minute | sent | arrived | heap MiB | DOM nodes | listeners | long tasks | longest ms | CPU s | browser RSS MiB |",
);
for (let minute = 0; minute <= MINUTES; minute++) {
  await untilMs(minute * 60_000 + 5_000);
  console.log(`| ${[minute, ...await measure()].join(" | ")} |`);
}
await sending;
await page.getByText(`${sent.toLocaleString("en")} arrived`).waitFor({ timeout: 120_000 });
console.log(`All ${sent} have arrived.`);
await browser.close();

async function send(): Promise<void> {
  const every = 1000 / REQUESTS_A_SECOND;
  const size = RATE / REQUESTS_A_SECOND;
  for (let n = 0; n * every < MINUTES * 60_000; n++) {
    await untilMs(n * every);
    const messages = Array.from({ length: size }, (_, index) => ({
      id: sent + index,
      user: { name: index % 2 === 0 ? "ada" : "grace" },
      text: "Some words as they are in a message",
    }));
    await post("POST", JSON.stringify(messages));
    sent += size;
  }
}

async function post(method: string, body?: string): Promise<void> {
  const response = await fetch(streamUrl, { method, headers: JSON_TYPE, body: body ?? null });
  if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
}

async function untilMs(afterStartMs: number): Promise<void> {
  const waitMs = startedAt + afterStartMs - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}

async function measure(): Promise<readonly (string | number)[]> {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await session.send("Memory.getDOMCounters");
  const { metrics } = await session.send("Performance.getMetrics");
  const taskSeconds = metrics.find(({ name }: { name: string }) => name === "TaskDuration")?.value;
  const longTasks: number[] = await page.evaluate("longTasks.splice(0)");
  const arrived: string = await page.evaluate(
    `/[\\d,]+ arrived/.exec(document.body.innerText)?.[0] ?? "?"`,
  );
  return [
    sent,
    arrived.replaceAll(/[^\d?]/g, ""),
    (usedSize / 2 ** 20).toFixed(1),
    nodes,
    jsEventListeners,
    longTasks.length,
    Math.max(0, ...longTasks),
    Math.round(taskSeconds ?? 0),
    rendererMiB(),
  ];
}

/** What the largest of the browser's processes that show pages has in memory; for this run's alone. */
function rendererMiB(): string {
  try {
    const sizes = childrenOf(process.pid).map((pid) => {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--type=renderer")
        ? Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0)
        : 0;
    });
    return (Math.max(0, ...sizes) / 1024).toFixed(0);
  } catch {
    return "?";
  }
}

function childrenOf(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    for (const thread of Deno.readDirSync(`/proc/${parent}/task`)) {
      const path = `/proc/${parent}/task/${thread.name}/children`;
      found.push(...readFileSync(path, "utf8").split(" ").filter(Boolean).map(Number));
    }
  }
  return found.slice(1);
}
