import process from "node:process";
import type { Measurement, Watched } from "../generator/commands.ts";
import { clusterFigures, quantiles, sleep } from "../generator/figures.ts";
import { Histogram } from "../generator/histogram.ts";
import { Window } from "../generator/window.ts";
import { processMemoryBytes } from "../system/process_figures.ts";
import type { ListLoad } from "./load.ts";
import { forEach, openStorage } from "./storage_appender.ts";

const AT_ONCE = 256;
const PAGE = 1000;
const HEADS = 1000;
const SETTLE_MILLIS = 150;
const MIB = 2 ** 20;

// Declared for this module only: each runtime has one of them, Deno where it is told to.
declare const gc: (() => void) | undefined;
declare const Bun: { gc(isForced: boolean): void } | undefined;

/**
 * Makes streams, and sees what they take in memory; then opens the storage anew and lists them in pages: the unit
 * is a stream in a page, the latency a page's.
 */
export async function measureListing(
  urls: readonly string[],
  { streams, bodyBytes }: ListLoad,
  watched: Watched,
): Promise<Measurement> {
  const folderOf = (index: number) => `many/${String(Math.floor(index / PAGE)).padStart(5, "0")}/`;
  const nameOf = (index: number) => `${folderOf(index)}${index}`;
  const body = new Uint8Array(bodyBytes);
  let storage = await openStorage(urls);
  const emptyBytes = await heldBytes();
  const makingMillis = await timed(() =>
    forEach(streams, AT_ONCE, (index) => storage.create(nameOf(index), { body }))
  );
  const loadedBytes = await heldBytes() - emptyBytes;
  await storage.close();
  const openMillis = await timed(async () => {
    storage = await openStorage(urls);
  });
  const openedBytes = await heldBytes();
  const firstMillis = await timed(() => storage.list({ limit: 1 }));
  const indexBytes = await heldBytes() - openedBytes;
  const listed = await listAll(watched, (after) => storage.list({ limit: PAGE, after }));
  const folderMillis = await timed(() =>
    storage.list({ limit: PAGE, prefix: folderOf(streams / 2) })
  );
  const cold = new Histogram();
  await forEach(Math.min(HEADS, streams), 1, async (count) => {
    const index = (count * 7919) % streams;
    cold.record(await timed(() => storage.head(nameOf(index))) * 1e6);
  });
  await storage.close();
  return {
    ...listed,
    errors: listed.units === streams ? 0 : 1,
    firstError: listed.units === streams ? undefined : `${listed.units} streams were listed`,
    figures: {
      "streams made/s": streams / makingMillis * 1000,
      "B of memory a loaded stream": loadedBytes / streams,
      "ms to open": openMillis,
      "ms until the first page, the names unknown": firstMillis,
      "B of memory a listed name": indexBytes / streams,
      "ms of a page by prefix": folderMillis,
      "ms p50 of the first look at a stream": cold.quantileMillis(0.5) ?? NaN,
      "ms p99": cold.quantileMillis(0.99) ?? NaN,
      ...clusterFigures(listed, listed.units),
    },
  };
}

async function listAll(
  watched: Watched,
  page: (
    after: string | undefined,
  ) => Promise<{ streams: readonly unknown[]; next: string | undefined }>,
): Promise<Omit<Measurement, "errors" | "firstError">> {
  const histogram = new Histogram();
  const window = new Window(watched);
  let units = 0;
  let after: string | undefined;
  do {
    const begun = performance.now();
    const { streams, next } = await page(after);
    histogram.record((performance.now() - begun) * 1e6);
    units += streams.length;
    after = next;
  } while (after !== undefined);
  return { ...window.end(), generatorBusy: 0, units, ...quantiles(histogram) };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await run();
  return performance.now() - begun;
}

/** What the process holds once its garbage is collected. */
async function heldBytes(): Promise<number> {
  for (let times = 0; times < 2; times++) {
    if (typeof Bun !== "undefined") Bun.gc(true);
    else if (typeof gc !== "undefined") gc();
    await sleep(SETTLE_MILLIS);
  }
  // The heap where the runtime gives pages back late, the process where it doesn't count what is beside the heap.
  const { heapUsed, external } = process.memoryUsage();
  return typeof Bun === "undefined" ? heapUsed + external : processMemoryBytes(process.pid) ?? MIB;
}
