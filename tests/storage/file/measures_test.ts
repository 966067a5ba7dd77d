import { equal, ok } from "node:assert/strict";
import { FileKit } from "../../support/file_kit.ts";
import { withTempDir } from "../../support/temp_dir.ts";

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
