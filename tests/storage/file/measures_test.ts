import { deepEqual, equal, ok } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { FileKit } from "../../support/file_kit.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";

const count = (counts: readonly number[] = []) => counts.reduce((sum, each) => sum + each, 0);

Deno.test("a storage counts its batches, syncs and checkpoints, and what waits for one", async () => {
  await withTempDir(async (dir) => {
    const kit = new FileKit(dir);
    const storage = await kit.open();
    const before = storage.measure?.();
    equal(before?.dirtyStreams, 0);
    equal(before.log.ageSeconds, 0);

    await Promise.all(["a", "b", "c"].map((name) => storage.create(name, {})));
    kit.clock.advance(5);
    const dirty = storage.measure?.();
    equal(dirty?.dirtyStreams, 3);
    equal(dirty.log.ageSeconds, 0.005);
    equal(dirty.commands.created, 3);
    const { batchRecords, syncDurationSeconds, writtenBytes, limitBytes } = dirty.log;
    equal(batchRecords.sum, 3);
    const batches = count(batchRecords.counts);
    ok(batches >= 1 && batches <= 3);
    equal(count(syncDurationSeconds.counts), batches);
    ok(syncDurationSeconds.sum > 0 && writtenBytes > 0 && limitBytes > writtenBytes);

    await kit.checkpoint();
    await kit.reopen();
    await kit.storage.create("d", {});
    await kit.checkpoint();
    const after = kit.storage.measure?.();
    ok(count(after?.checkpointDurationSeconds.counts) >= 1);
    equal(after?.log.ageSeconds, 0);
    await kit.close();
  });
});

Deno.test("a storage counts its compactions, and the bytes before and after", async () => {
  await withTempDir(async (dir) => {
    const kit = new FileKit(dir, { fsync: "never", segmentBytes: 16 * 1024 });
    const storage = await kit.open();
    const measured = () => storage.measure?.().compaction;
    deepEqual(measured(), { compactions: 0, bytesBefore: 0, bytesAfter: 0 });
    const contentType = "application/json";
    await storage.create("s", { contentType, policies: { compaction: { key: "/id" } } });
    for (let n = 0; n < 600; n++) {
      const body = encodeUtf8(`{"id":${n % 10},"pad":"${"x".repeat(100)}"}`);
      await storage.append("s", { contentType, body });
    }
    await kit.checkpoint();
    await until(() => measured()?.compactions === 1, () => "nothing was compacted");
    const { bytesBefore = 0, bytesAfter = 0 } = measured() ?? {};
    ok(bytesBefore >= 16 * 1024 && bytesAfter > 0, `${bytesBefore} to ${bytesAfter} bytes`);
    ok(bytesAfter < bytesBefore / 5, `${bytesBefore} to ${bytesAfter} bytes`);
    await kit.close();
  });
});
