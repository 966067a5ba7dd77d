import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { FileStorageOptions } from "../../../../src/storage/file/options.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { flipBit } from "../../../support/wal_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const TEXT = "text/plain";
const MESSAGE = encodeUtf8("x".repeat(4096));
const STEP_MS = 1000;

/** A stream of blocks of one message each, one a second, and what it takes to look into it. */
function withBlocks(
  count: number,
  options: Omit<FileStorageOptions, "dir">,
  run: (kit: FileKit, disk: HookedFileSystem, startMs: number) => Promise<void>,
): () => Promise<void> {
  return () =>
    withTempDir(async (root) => {
      const disk = new HookedFileSystem();
      const kit = new FileKit(root, { fileSystem: disk, walBytes: 16 * 1024 * 1024, ...options });
      await kit.open();
      try {
        const startMs = kit.clock.nowMs();
        await kit.storage.create("s", { contentType: TEXT });
        for (let i = 0; i < count; i++) {
          await kit.storage.append("s", { contentType: TEXT, body: MESSAGE });
          kit.clock.advance(STEP_MS);
        }
        await run(kit, disk, startMs);
      } finally {
        disk.before = () => {};
        await kit.close();
      }
    });
}

async function startSince(kit: FileKit, sinceMs: number): Promise<number> {
  return (await kit.storage.read("s", { sinceMs }, 4096)).start;
}

/** Counts reads of segments' files while `run` runs. */
async function countReads(
  disk: HookedFileSystem,
  run: () => Promise<unknown>,
): Promise<{ log: number; idx: number }> {
  const counted = { log: 0, idx: 0 };
  disk.before = ({ call, path }) => {
    if (call !== "read") return;
    if (path.endsWith(".log")) counted.log++;
    if (path.endsWith(".idx")) counted.idx++;
  };
  await run();
  disk.before = () => {};
  return counted;
}

Deno.test(
  "times survive a checkpoint, a reopen and a kill",
  withBlocks(12, { segmentBytes: 3 * 4096 }, async (kit, _disk, startMs) => {
    await kit.storage.append("s", { contentType: TEXT, body: encodeUtf8("unfinished") });
    const lastMs = kit.clock.nowMs();
    const check = async () => {
      for (let i = 0; i < 12; i++) {
        equal(await startSince(kit, startMs + i * STEP_MS), i * 4096);
        equal(await startSince(kit, startMs + i * STEP_MS - 1), i * 4096);
      }
      equal(await startSince(kit, lastMs), 12 * 4096);
      equal(await startSince(kit, lastMs + 1), 12 * 4096 + "unfinished".length);
    };
    await check();
    await kit.checkpoint();
    await check();
    await kit.reopen();
    await check();
    await kit.crash();
    await check();
    kit.clock.advance(STEP_MS);
    await kit.storage.append("s", { contentType: TEXT, body: MESSAGE });
    const { tail } = await kit.storage.head("s");
    equal(await startSince(kit, kit.clock.nowMs()), tail - 4096);
    await kit.crash();
    equal(await startSince(kit, kit.clock.nowMs()), tail - 4096);
  }),
);

Deno.test(
  "the position of a time is found in the index with few look-ups",
  withBlocks(600, { segmentBytes: 20 * 4096 }, async (kit, disk, startMs) => {
    await kit.reopen();
    equal(kit.catalog.segments(1).length, 30);
    for (const block of [0, 1, 19, 20, 299, 300, 598, 599]) {
      const counted = await countReads(disk, async () => {
        equal(await startSince(kit, startMs + block * STEP_MS), block * 4096);
      });
      ok(
        counted.log <= 1,
        "only the chunk itself is read, if it isn't in a piece read for another",
      );
      ok(counted.idx <= 8, `${counted.idx} looks into indexes of 30 segments`);
    }
  }),
);

Deno.test(
  "the position of a time in one long index is found with few look-ups",
  withBlocks(1500, {}, async (kit, disk, startMs) => {
    await kit.reopen();
    equal(kit.catalog.segments(1).map(({ blocks }) => blocks), [1500]);
    for (const block of [0, 127, 128, 1000, 1499]) {
      const counted = await countReads(disk, async () => {
        equal(await startSince(kit, startMs + block * STEP_MS), block * 4096);
      });
      ok(counted.idx <= 8, `${counted.idx} looks into an index of 12 pages`);
    }
  }),
);

Deno.test(
  "a time after the last message needs no look-up at all",
  withBlocks(40, { segmentBytes: 8 * 4096 }, async (kit, disk) => {
    await kit.reopen();
    const counted = await countReads(disk, async () => {
      equal(await startSince(kit, kit.clock.nowMs()), 40 * 4096);
    });
    equal(counted, { log: 0, idx: 0 });
  }),
);

Deno.test(
  "the tail of JSON is found without reading what comes before",
  () =>
    withTempDir(async (root) => {
      const disk = new HookedFileSystem();
      const kit = new FileKit(root, { fileSystem: disk });
      await kit.open();
      const contentType = "application/json";
      await kit.storage.create("s", { contentType });
      const body = encodeUtf8(JSON.stringify(Array.from({ length: 20_000 }, (_, i) => i)));
      await kit.storage.append("s", { contentType, body });
      await kit.reopen();
      const read: number[] = [];
      const counted = await countReads(disk, async () => {
        const { start, data } = await kit.storage.read("s", { lastBytes: 50 }, 4096);
        read.push(start, data.length);
        equal(new TextDecoder().decode(data).split(",\n")[0], "19992");
      });
      ok((read[1] ?? 0) < 60);
      ok(counted.log <= 2 && counted.idx <= 4, JSON.stringify(counted));
      await kit.close();
    }),
);

Deno.test(
  "a damaged index is an error that says where",
  withBlocks(10, {}, async (kit, _disk, startMs) => {
    await kit.close();
    flipBit(`${kit.dir}/segments/01/0000000000000001-00000000000000000000.idx`, 48 + 3 * 40 + 16);
    await kit.open();
    await rejectsWith(startSince(kit, startMs), "damaged", /\.idx is damaged at byte 168/);
  }),
);
