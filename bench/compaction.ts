/**
 * Compaction of one stream on disk, of which most messages are superseded: how long it takes, how much is
 * left, what it does to appends meanwhile, and to memory. Progress goes to stderr, the figures are JSON.
 *
 *     deno run -A -c deno.json bench/compaction.ts --help
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openFileStorage } from "../src/storage/file/open.ts";
import type { Storage } from "../src/storage/storage.ts";
import { withTempDir } from "./temp_dir.ts";
import { PacedAppends } from "./in_process/paced_appends.ts";

const HELP = `deno run -A -c deno.json bench/compaction.ts [flags]      (or bun bench/compaction.ts)

  --mib N           of messages of 256 B in the stream (512)
  --keys N          that they have (500000)
  --segment-mib N   of a segment file; the newest one isn't compacted (an eighth of --mib, 64 at most)
  --share N         percent of the time that it may work, --compaction-share (25)
  --rate N          appends a second to another stream meanwhile (1000)
  --seconds N       how long these are measured before (10)
  --limit N         seconds after which it isn't waited for any more (90)
  --dir PATH        where it is kept (the system's temporary directory, which may not be tmpfs)

For a first look: --mib 8 --keys 1000 --seconds 2
`;

const MIB = 1024 * 1024;
const JSON_TYPE = "application/json";
const MESSAGE_BYTES = 256;
const BATCH_MESSAGES = 1024;
const MOST_SEGMENT_MIB = 64;
const COUNTS = ["mib", "keys", "share", "rate", "seconds", "limit"] as const;
const LOOK_MS = 100;
/** It is over once it has ended and nothing came of it for so long. */
const QUIET_MS = 3000;

const { values } = parseArgs({
  options: {
    mib: { type: "string", default: "512" },
    keys: { type: "string", default: "500000" },
    "segment-mib": { type: "string" },
    share: { type: "string", default: "25" },
    rate: { type: "string", default: "1000" },
    seconds: { type: "string", default: "10" },
    limit: { type: "string", default: "90" },
    dir: { type: "string", default: tmpdir() },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else await run();

async function run(): Promise<void> {
  // A wrong one is told before anything is made.
  for (const name of COUNTS) count(name);
  await withTempDir(values.dir, "compaction", async (dir) => {
    const storage = await openFileStorage({
      dir: join(dir, "data"),
      segmentBytes: segmentMib() * MIB,
      compactionShare: count("share") / 100,
      checkpointIntervalMs: 1000,
    });
    try {
      await storage.create("s", { contentType: JSON_TYPE });
      await storage.create("other", { contentType: JSON_TYPE });
      await fill(storage);
      console.log(JSON.stringify(await measure(storage), null, 2));
    } finally {
      await storage.close();
    }
  });
}

async function fill(storage: Storage): Promise<void> {
  const startMs = performance.now();
  const [bytes, keys] = [count("mib") * MIB, count("keys")];
  const encoder = new TextEncoder();
  let next = 0;
  for (let written = 0; written < bytes; written += BATCH_MESSAGES * MESSAGE_BYTES) {
    const messages = Array.from({ length: BATCH_MESSAGES }, () => {
      const head = `{"id":"key-${(next++ * 7919) % keys}","pad":"`;
      return `${head.padEnd(MESSAGE_BYTES - 4, "x")}"}`;
    });
    const body = encoder.encode(`[${messages.join(",")}]`);
    await storage.append("s", { contentType: JSON_TYPE, body });
  }
  console.error(`${next} messages of ${keys} keys in ${secondsSince(startMs)} s`);
}

async function measure(storage: Storage) {
  const body = new TextEncoder().encode('{"a":1}');
  const appends = new PacedAppends(
    () => storage.append("other", { contentType: JSON_TYPE, body }),
    count("rate"),
  );
  try {
    await sleep(count("seconds") * 1000);
    const before = appends.take();
    const rssBefore = process.memoryUsage().rss;
    await storage.update?.("s", { compaction: { key: "/id" } });
    const compaction = await compacted(storage);
    const { rssMax, ...figures } = compaction;
    return {
      runtime: process.versions["bun"] === undefined ? "deno" : "bun",
      ...figures,
      memoryMib: Math.round((rssMax - rssBefore) / MIB),
      appendsBefore: before,
      appendsDuring: appends.take(),
    };
  } finally {
    await appends.stop();
  }
}

/**
 * Waits for the end of it.
 *
 * @throws {Error} where that doesn't come in time
 */
async function compacted(storage: Storage) {
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  let rssMax = 0;
  let last = await progress(storage);
  let [seconds, cpuSeconds, lastMs] = [0, 0, startMs];
  while (last.compactions === 0 || performance.now() - lastMs < QUIET_MS) {
    if (performance.now() - startMs > count("limit") * 1000) {
      throw new Error(`Compaction isn't over after ${values.limit} s: ${JSON.stringify(last)}`);
    }
    await sleep(LOOK_MS);
    rssMax = Math.max(rssMax, process.memoryUsage().rss);
    const now = await progress(storage);
    if (now.compactions === last.compactions && now.compactedUpTo === last.compactedUpTo) continue;
    last = now;
    lastMs = performance.now();
    seconds = secondsSince(startMs);
    const { user, system } = process.cpuUsage(cpu);
    // That of the appends, too.
    cpuSeconds = (user + system) / 1e6;
  }
  return { seconds, cpuSeconds, rssMax, ...last };
}

async function progress(storage: Storage) {
  const { compactions = 0, bytesBefore = 0, bytesAfter = 0 } = storage.measure?.().compaction ?? {};
  const { compactedUpTo } = await storage.head("s");
  return { compactions, bytesBefore, bytesAfter, compactedUpTo };
}

function segmentMib(): number {
  const all = count("mib");
  const mib = values["segment-mib"] === undefined
    ? Math.max(1, Math.min(MOST_SEGMENT_MIB, Math.floor(all / 8)))
    : count("segment-mib");
  if (all >= 2 * mib) return mib;
  throw new Error(
    `--mib is ${values.mib}, with segments of ${mib} MiB; accepted: at least two segments' worth, ` +
      "or there is none that is full and followed by another",
  );
}

function secondsSince(startMs: number): number {
  return Number(((performance.now() - startMs) / 1000).toFixed(1));
}

function count(name: (typeof COUNTS)[number] | "segment-mib"): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${name} is ${JSON.stringify(values[name])}; accepted: a whole number from 1`);
}
