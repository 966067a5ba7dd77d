import { deepEqual, equal, ok } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { contextOf, RecordingTracer } from "../../tracing/recording_tracer.ts";

const TEXT = { contentType: "text/plain" };

function append(number: number, isSampled = true) {
  return { ...TEXT, body: encodeUtf8("x"), trace: contextOf(number, isSampled) };
}

Deno.test("a batch that was synced is told of once, linked to all recorded appends in it", async () => {
  await withTempDir(async (dir) => {
    const tracer = new RecordingTracer();
    const storage = await openFileStorage({ dir: `${dir}/data`, tracer });
    await storage.create("a", { ...TEXT, trace: contextOf(1) });
    await Promise.all([
      storage.append("a", append(2)),
      storage.append("a", append(3, false)),
      storage.append("a", append(4)),
      storage.append("a", { ...TEXT, body: encodeUtf8("x") }),
    ]);
    await storage.append("a", append(5, false));
    await storage.close();
    deepEqual(tracer.batches.map(({ links }) => links), [
      [contextOf(1)],
      [contextOf(2), contextOf(4)],
    ]);
    deepEqual(tracer.batches.map(({ records }) => records), [1, 4]);
    ok(tracer.batches.every(({ startMs, endMs, bytes }) => startMs <= endMs && bytes > 0));
  });
});

Deno.test("a tracer that fails fails no append", async () => {
  await withTempDir(async (dir) => {
    const tracer = {
      batch() {
        throw new Error("out of order");
      },
    };
    const storage = await openFileStorage({ dir: `${dir}/data`, tracer });
    await storage.create("a", TEXT);
    await storage.append("a", append(1));
    equal((await storage.head("a")).tail, 1);
    await storage.append("a", append(2));
    await storage.close();
  });
});
