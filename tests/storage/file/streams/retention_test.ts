import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { StreamError } from "../../../../src/protocol/errors.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { copyKilled, withTempDir } from "../../../support/temp_dir.ts";
import { until } from "../../../support/until.ts";

const TEXT = "text/plain";
const OPTIONS = { segmentBytes: 8192 };
const LENGTH = 40_000;

/** A stream whose fork alone keeps what was trimmed of it. */
async function makeForked(kit: FileKit): Promise<Storage> {
  const storage = await kit.open();
  await storage.create("a", { contentType: TEXT });
  for (let i = 0; i < 10; i++) await append(storage, LENGTH / 10);
  await storage.create("b", { fork: { source: "a" } });
  await kit.checkpoint();
  await storage.update?.("a", { trimBefore: LENGTH });
  await kit.checkpoint();
  ok(segmentBytesOf(kit) > LENGTH / 2, "its fork needs them");
  return storage;
}

async function append(storage: Storage, bytes: number): Promise<void> {
  await storage.append("a", { contentType: TEXT, body: encodeUtf8("x".repeat(bytes)) });
}

/** What the catalogue has of the first stream's segments. */
function segmentBytesOf({ catalog }: FileKit): number {
  const row = catalog.byName("a");
  return catalog.segments(row?.id ?? 0).reduce((sum, { bytes }) => sum + bytes, 0);
}

Deno.test("what a fork kept goes, also where it is deleted while its source is stored", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await makeForked(kit);
    const { catalog } = kit;
    const store = catalog.store.bind(catalog);
    let isDeleted = false;
    catalog.store = async (changes) => {
      if (!isDeleted && changes.updates.some(({ id }) => id === catalog.byName("a")?.id)) {
        isDeleted = true;
        await storage.delete("b");
      }
      await store(changes);
    };
    await append(storage, 1);
    await kit.checkpoint();
    ok(isDeleted);
    await kit.checkpoint();
    equal(segmentBytesOf(kit), 0);
    await kit.close();
  }));

Deno.test("what a fork kept goes, also where a crash comes between its end and the checkpoint", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await makeForked(kit);
    await storage.delete("b");
    await kit.crash();
    await kit.checkpoint();
    equal(segmentBytesOf(kit), 0);
    equal((await kit.storage.read("a", 0, 10)).start, LENGTH);
    await kit.close();
  }));

Deno.test("what was trimmed goes, also where a crash comes once its row alone is stored", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    for (let i = 0; i < 10; i++) await append(storage, LENGTH / 10);
    await kit.checkpoint();
    await storage.update?.("a", { trimBefore: LENGTH });
    const segments = kit.catalog.segments.bind(kit.catalog);
    kit.catalog.segments = () => {
      throw new StreamError({ code: "overloaded" }, "No file can be opened now.");
    };
    kit.beforeState = () => {
      kit.beforeState = () => Promise.resolve();
      kit.catalog.segments = segments;
      copyKilled(kit.dir, `${root}/killed/0`);
      return Promise.resolve();
    };
    await kit.checkpoint();
    await kit.checkpoint();
    equal(segmentBytesOf(kit), 0, "what can't be looked up is looked up by the next checkpoint");
    await kit.close();
    const killed = new FileKit(`${root}/killed`, OPTIONS);
    await killed.open();
    equal((await killed.storage.head("a")).earliest, LENGTH);
    await killed.checkpoint();
    equal(segmentBytesOf(killed), 0);
    await killed.close();
  }));

/** Lets looks and checkpoints run, as time goes on by and by. */
async function untilEarliest({ clock, storage }: FileKit, position: number): Promise<void> {
  let earliest = 0;
  await until(async () => {
    clock.advance(1000);
    ({ earliest } = await storage.head("a"));
    return earliest === position;
  }, () => `${earliest} instead of ${position}`);
}

Deno.test("what only the log knows after a crash grows old, too", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { ...OPTIONS, checkpointIntervalMs: 1e12 });
    const storage = await kit.open();
    const policies = { retention: { ageMs: 60_000 } };
    await storage.create("a", { contentType: TEXT, policies });
    await append(storage, LENGTH);
    await kit.crash();
    kit.clock.advance(100_000);
    await untilEarliest(kit, LENGTH);
    await kit.close();
  }));

Deno.test("what was written while the clock was ahead grows old once it is set back", () =>
  withTempDir(async (root) => {
    const ahead = new FileKit(root, OPTIONS, new ManualClock(Date.UTC(2050, 0)));
    const storage = await ahead.open();
    const policies = { retention: { ageMs: 60_000 } };
    await storage.create("a", { contentType: TEXT, policies });
    await append(storage, LENGTH);
    // All of it is in its row.
    await storage.create("short", { contentType: TEXT, policies, body: encodeUtf8("short") });
    await ahead.close();
    const kit = new FileKit(root, OPTIONS);
    const later = await kit.open();
    const passTime = async (ms: number) => {
      for (let i = 0; i < 4; i++) {
        kit.clock.advance(ms / 4);
        await kit.checkpoint();
      }
    };
    await passTime(40_000);
    await append(later, 5000);
    equal((await later.head("a")).earliest, 0, "it is known for less than its age");
    await passTime(40_000);
    // What came since is of that time, too, but not as old.
    await untilEarliest(kit, LENGTH);
    await passTime(100_000);
    await untilEarliest(kit, LENGTH + 5000);
    equal((await later.head("short")).earliest, 5);
    await kit.close();
  }));

Deno.test("what a crash left too long is cut, also where nothing more comes", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { ...OPTIONS, checkpointIntervalMs: 1e12 });
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    for (let i = 0; i < 10; i++) await append(storage, 4096);
    const update = storage.update?.("a", { retention: { bytes: 4096 } });
    // As soon as it is durable, before its first look has come to anything.
    await update;
    await kit.crash();
    await untilEarliest(kit, 9 * 4096);
    await kit.close();
  }));

Deno.test("what nothing is due of any more isn't looked at after each checkpoint", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await kit.open();
    const policies = { retention: { ageMs: 60_000 } };
    await storage.create("a", { contentType: TEXT, policies });
    await append(storage, LENGTH);
    await kit.checkpoint();
    await storage.update?.("a", { trimBefore: LENGTH });
    await kit.reopen();
    kit.clock.advance(100_000);
    await until(async () => {
      await kit.checkpoint();
      return kit.catalog.dueForTrim(kit.clock.nowMs(), undefined, 1).length === 0;
    }, () => "it is due still");
    await kit.close();
  }));

Deno.test("a policy given just before the end is looked at by the next start", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    for (let i = 0; i < 10; i++) await append(storage, 4096);
    const updated = storage.update?.("a", { retention: { bytes: 4096 } });
    await Promise.all([updated, kit.close()]);
    await kit.open();
    await untilEarliest(kit, 9 * 4096);
    await kit.close();
  }));

Deno.test("of very many streams that are due at once no more are in memory than may be", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { ...OPTIONS, fsync: "never", checkpointStreams: 10 });
    const storage = await kit.open();
    const policies = { retention: { ageMs: 60_000 } };
    const body = encodeUtf8("x");
    for (let i = 0; i < 4000; i += 500) {
      await Promise.all(
        Array.from(
          { length: 500 },
          (_, j) => storage.create(`s${i + j}`, { contentType: TEXT, policies, body }),
        ),
      );
    }
    await kit.close();
    kit.clock.advance(100_000);
    const again = await kit.open();
    let most = 0;
    let looks = 0;
    const dueForTrim = kit.catalog.dueForTrim.bind(kit.catalog);
    kit.catalog.dueForTrim = (...range) => {
      looks++;
      most = Math.max(most, again.measure?.().dirtyStreams ?? 0);
      return dueForTrim(...range);
    };
    await until(async () => {
      kit.clock.advance(1000);
      return (await again.head("s3999")).earliest === 1;
    }, () => "not all are trimmed");
    ok(looks > 10 && most <= 1500, `${most} at once`);
    await kit.close();
  }));
