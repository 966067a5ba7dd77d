/**
 * Compaction of one stream on disk, of which most messages are superseded: how long it takes, how much is
 * left, what it does to appends meanwhile, and to memory.
 *
 *     deno run -A bench/compaction.ts --mib 1024 --keys 1000000
 *
 * `--dir` says where (not on tmpfs); `--share` is `--compaction-share`; `--rate` appends a second go on
 * beside it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openFileStorage } from "../src/storage/file/open.ts";
import type { Storage } from "../src/storage/storage.ts";

const MIB = 1024 * 1024;
const JSON_TYPE = "application/json";
const MESSAGE_BYTES = 256;
const BATCH_MESSAGES = 1024;

const { values } = parseArgs({
  options: {
    mib: { type: "string", default: "1024" },
    keys: { type: "string", default: "1000000" },
    share: { type: "string", default: "25" },
    rate: { type: "string", default: "1000" },
    dir: { type: "string", default: tmpdir() },
  },
});
const keys = Number(values.keys);
const dir = mkdtempSync(join(values.dir, "compaction-"));

try {
  const storage = await open();
  await storage.create("s", { contentType: JSON_TYPE });
  await storage.create("other", { contentType: JSON_TYPE });
  await fill(storage, Number(values.mib) * MIB);
  await measure(storage);
  await storage.close();
} finally {
  rmSync(dir, { recursive: true });
}

function open(): Promise<Storage> {
  return openFileStorage({
    dir: join(dir, "data"),
    compactionShare: Number(values.share) / 100,
    checkpointIntervalMs: 1000,
  });
}

async function fill(storage: Storage, bytes: number): Promise<void> {
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
  console.log(`${next} messages of ${keys} keys`);
}

async function measure(storage: Storage): Promise<void> {
  const before = await appendFor(storage, () => false, 10);
  const rssBefore = process.memoryUsage().rss;
  const startMs = performance.now();
  let cpu = process.cpuUsage();
  await storage.update?.("s", { compaction: { key: "/id" } });
  let isOver = false;
  let rssMax = 0;
  const over = isCompacted(storage, () => {
    rssMax = Math.max(rssMax, process.memoryUsage().rss);
  }).then(() => isOver = true);
  const during = await appendFor(storage, () => isOver, Infinity);
  await over;
  cpu = process.cpuUsage(cpu);
  const seconds = (performance.now() - startMs) / 1000;
  const figures = {
    seconds: seconds.toFixed(1),
    cpuSeconds: ((cpu.user + cpu.system) / 1e6).toFixed(1),
    memoryMib: ((rssMax - rssBefore) / MIB).toFixed(0),
    appendMsBefore: before,
    appendMsDuring: during,
    compactedUpTo: (await storage.head("s")).compactedUpTo,
  };
  console.log(JSON.stringify(figures, null, 2));
}

/** Until it goes no further for a while. */
async function isCompacted(storage: Storage, onLook: () => void): Promise<void> {
  let last: number | undefined;
  for (let same = 0; same < 100;) {
    await sleep(100);
    onLook();
    const { compactedUpTo } = await storage.head("s");
    same = compactedUpTo === last && last !== undefined ? same + 1 : 0;
    last = compactedUpTo;
  }
}

/** What appends to another stream take, in ms. */
async function appendFor(
  storage: Storage,
  isOver: () => boolean,
  limitSeconds: number,
): Promise<{ p50: number; p99: number; max: number }> {
  const body = new TextEncoder().encode('{"a":1}');
  const rate = Number(values.rate);
  const took: number[] = [];
  const startMs = performance.now();
  const pending: Promise<unknown>[] = [];
  while (!isOver() && performance.now() - startMs < limitSeconds * 1000) {
    while (took.length + pending.length < (performance.now() - startMs) * rate / 1000) {
      const askedMs = performance.now();
      const answer = storage.append("other", { contentType: JSON_TYPE, body });
      pending.push(answer.then(() => took.push(performance.now() - askedMs)));
    }
    await Promise.all(pending.splice(0));
    await sleep(1);
  }
  took.sort((a, b) => a - b);
  const at = (share: number) => Number((took[Math.floor(took.length * share)] ?? 0).toFixed(2));
  return { p50: at(0.5), p99: at(0.99), max: at(0.99999) };
}
