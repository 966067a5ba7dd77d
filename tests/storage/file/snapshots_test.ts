import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { isFileSlice } from "../../../src/env/file_body.ts";
import { nodeFileSystem } from "../../../src/env/node_file_system.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { backUpToFolder } from "../../../src/storage/file/backup/generations.ts";
import { restoreBackup } from "../../../src/storage/file/backup/restore.ts";
import { openDatabase } from "../../../src/storage/file/directory/sqlite.ts";
import { directoryPaths } from "../../../src/storage/file/directory/paths.ts";
import { checkDirectory } from "../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../src/storage/file/maintenance/check/finding.ts";
import { inspectFile } from "../../../src/storage/file/maintenance/inspect/inspect.ts";
import { repairDirectory } from "../../../src/storage/file/maintenance/repair/repair.ts";
import { directoryUsage, streamUsages } from "../../../src/storage/file/maintenance/usage/usage.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import { sqliteDriver } from "../../../src/storage/file/sqlite_driver.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { snapshotsOf } from "../../contract/stepped_storage.ts";
import { FileKit } from "../../support/file_kit.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";

const TEXT = "text/plain";
const AT_ONCE = { spend: () => Promise.resolve() };

async function put(storage: Storage, name: string, text: string): Promise<void> {
  await snapshotsOf(storage).put(name, { offset: 0, contentType: TEXT, body: encodeUtf8(text) });
}

async function get(storage: Storage, name: string): Promise<string> {
  return decodeUtf8((await snapshotsOf(storage).get(name)).body);
}

/** The bodies in a directory. */
function bodiesIn(dir: string): string[] {
  const folder = join(dir, "snapshots");
  return (nodeFileSystem.list(folder) ?? [])
    .flatMap((name) =>
      (nodeFileSystem.list(join(folder, name)) ?? []).map((file) => join(folder, name, file))
    )
    .sort();
}

Deno.test("bodies that took the place of others, and those of deleted streams, go with a checkpoint", () =>
  withTempDir(async (dir) => {
    const kit = new FileKit(dir);
    const storage = await kit.open();
    for (const name of ["a", "b"]) await storage.create(name, { contentType: TEXT });
    await put(storage, "a", "one");
    await put(storage, "b", "other");
    await kit.checkpoint();
    equal(bodiesIn(kit.dir).length, 2);
    await put(storage, "a", "two");
    await put(storage, "a", "three");
    // What a crash would need is there as long as the row names it.
    equal(bodiesIn(kit.dir).length, 4);
    await kit.checkpoint();
    equal(bodiesIn(kit.dir).length, 2);
    await storage.delete("b");
    await kit.checkpoint();
    equal(bodiesIn(kit.dir).length, 1);
    await snapshotsOf(storage).delete("a");
    await kit.checkpoint();
    deepEqual(bodiesIn(kit.dir), []);
    await kit.close();
  }));

Deno.test("a body that no record names, as a crash leaves one, goes with the next start", () =>
  withTempDir(async (dir) => {
    const kit = new FileKit(dir);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    await put(storage, "a", "kept");
    const [kept = ""] = bodiesIn(kit.dir);
    await kit.close();
    // Of an earlier number: a later one may be one that is being written.
    Deno.copyFileSync(kept, kept.replace(/[0-9a-f]\.snap$/, "0.snap"));
    Deno.copyFileSync(kept, kept.replace(/[0-9a-f]{16}-/, "00000000000000ff-"));
    equal(bodiesIn(kit.dir).length, 3);
    const again = await kit.open();
    await until(() => bodiesIn(kit.dir).length === 1, () => "they stay");
    equal(await get(again, "a"), "kept");
    await kit.close();
  }));

Deno.test("a body that is damaged or missing is told from one that isn't there", () =>
  withTempDir(async (dir) => {
    const kit = new FileKit(dir);
    const storage = await kit.open();
    for (const name of ["a", "b"]) await storage.create(name, { contentType: TEXT });
    await put(storage, "a", "state");
    await put(storage, "b", "state");
    const [first = "", second = ""] = bodiesIn(kit.dir);
    Deno.writeTextFileSync(first, "stale");
    Deno.removeSync(second);
    await rejects(snapshotsOf(storage).get("a"), { code: "damaged", message: /CRC-32/ });
    await rejects(snapshotsOf(storage).get("b"), { code: "damaged", message: /is missing/ });
    await put(storage, "a", "new");
    equal(await get(storage, "a"), "new");
    await kit.close();
  }));

Deno.test("a long body comes as a part of its file where that is wanted, and stays readable", () =>
  withTempDir(async (dir) => {
    const kit = new FileKit(dir);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    const text = "0123456789".repeat(100_000);
    await put(storage, "a", text);
    const { body } = await snapshotsOf(storage).get("a", true);
    ok(isFileSlice(body));
    await put(storage, "a", "short");
    await kit.checkpoint();
    equal(bodiesIn(kit.dir).length, 1);
    const bytes = new Uint8Array(body.end - body.start);
    equal(body.file.readSync(bytes, body.start), bytes.length);
    equal(decodeUtf8(bytes), text);
    body.release();
    body.release();
    ok(!isFileSlice((await snapshotsOf(storage).get("a", true)).body));
    await kit.close();
  }));

Deno.test("quotas count the snapshots that are there when a directory is opened", () =>
  withTempDir(async (dir) => {
    const quotas = [{ pattern: "**", bytes: 100 }];
    const kit = new FileKit(dir, { quotas });
    const storage = await kit.open();
    for (const name of ["a", "b"]) await storage.create(name, { contentType: TEXT });
    await put(storage, "a", "x".repeat(60));
    await put(storage, "b", "x".repeat(10));
    for (const open of [() => kit.reopen(), () => kit.crash()]) {
      const again = await open();
      await until(() => again.status().quotas?.isCounted === true, () => "no count");
      await rejects(put(again, "b", "x".repeat(41)), { code: "quota_exceeded" });
      await put(again, "b", "x".repeat(40));
      await put(again, "b", "x".repeat(10));
    }
    await kit.close();
  }));

Deno.test("a backup has the snapshots of its moment, whether in rows or in the log", () =>
  withTempDir(async (dir) => {
    const clock = new ManualClock();
    const kit = new FileKit(join(dir, "data"), {}, clock);
    const storage = await kit.open();
    for (const name of ["row", "log", "both", "gone", "left"]) {
      await storage.create(name, { contentType: TEXT });
    }
    for (const name of ["row", "both", "gone", "left"]) await put(storage, name, `${name} 1`);
    await kit.checkpoint();
    await put(storage, "log", "log 1");
    await put(storage, "both", "both 2");
    await snapshotsOf(storage).delete("gone");
    await storage.delete("left");
    const folder = join(dir, "backups");
    const options = {
      fileSystem: nodeFileSystem,
      database: sqliteDriver,
      clock,
      dir: kit.dir,
      throttle: AT_ONCE,
    };
    const first = await backUpToFolder(folder, options);
    equal(first.manifest.snapshots, 3);
    deepEqual(first.manifest.damaged, []);
    await put(storage, "row", "row 2");
    await kit.checkpoint();
    clock.advance(1000);
    const second = await backUpToFolder(folder, options);
    await kit.close();
    const expected = [
      [first.root, { row: "row 1", log: "log 1", both: "both 2" }],
      [second.root, { row: "row 2", log: "log 1", both: "both 2" }],
    ] as const;
    for (const [i, [root, texts]] of expected.entries()) {
      const target = join(dir, `restored${i}`);
      const restore = { ...options, dir: target, mayBeDamaged: false };
      await restoreBackup(root, restore);
      const restored = await openFileStorage({ dir: target });
      for (const [name, text] of Object.entries(texts)) equal(await get(restored, name), text);
      await rejects(snapshotsOf(restored).get("gone"), { code: "snapshot_not_found" });
      await restored.close();
    }
    const [body = ""] = bodiesIn(second.root);
    Deno.removeSync(body);
    const restore = { ...options, dir: join(dir, "not"), mayBeDamaged: false };
    await rejects(restoreBackup(second.root, restore), /isn't whole.*missing/);
  }));

Deno.test("a check names what is wrong with snapshots, and a repair lets go of them", () =>
  withTempDir(async (dir) => {
    const kit = new FileKit(dir);
    const storage = await kit.open();
    const names = ["right", "damaged", "missing", "late"];
    for (const name of names) {
      await storage.create(name, { contentType: TEXT });
      await put(storage, name, `of ${name}`);
    }
    await kit.close();
    const check = () => checkDirectory({ fileSystem: nodeFileSystem, dir: kit.dir }).found;
    deepEqual(check(), []);
    const [right = "", damaged = "", missing = ""] = bodiesIn(kit.dir);
    Deno.writeTextFileSync(damaged, "of damageD");
    Deno.removeSync(missing);
    Deno.copyFileSync(right, right.replace(/[0-9a-f]\.snap$/, "0.snap"));
    const database = openDatabase(join(kit.dir, "catalog.sqlite"));
    database.exec(
      "UPDATE snapshot SET bytes = 8 WHERE number = (SELECT max(number) FROM snapshot)",
    );
    database.close();
    const kinds = check().map(({ kind }) => kind).sort();
    deepEqual(kinds, ["left_over", "snapshot_body", "snapshot_missing", "snapshot_row"]);
    const options = { fileSystem: nodeFileSystem, dir: kit.dir, nowMs: 0 };
    const { before, left } = await repairDirectory({ ...options, isDryRun: false });
    deepEqual([before.length, left], [3, []]);
    const again = await kit.open();
    equal(await get(again, "right"), "of right");
    for (const name of names.slice(1)) {
      await rejects(snapshotsOf(again).get(name), { code: "snapshot_not_found" });
      await put(again, name, "new");
    }
    await kit.close();
    deepEqual(check(), []);
  }));

Deno.test("a check follows snapshots through the log, and inspect shows them", () =>
  withTempDir(async (dir) => {
    const kit = new FileKit(dir);
    const storage = await kit.open();
    for (const name of ["a", "b", "c"]) {
      await storage.create(name, { contentType: TEXT });
      await put(storage, name, "one");
    }
    await kit.checkpoint();
    await put(storage, "a", "two");
    await storage.delete("b");
    await snapshotsOf(storage).delete("c");
    await kit.crash();
    await kit.close();
    const check = () => checkDirectory({ fileSystem: nodeFileSystem, dir: kit.dir }).found;
    deepEqual(check().filter(isFinding), []);
    const [body = ""] = bodiesIn(kit.dir);
    const [item] = inspectFile(nodeFileSystem, body);
    deepEqual([item?.kind, item?.fields.bytes, item?.fields.data], ["snapshot", 3, "two"]);
  }));

Deno.test("what a stream takes on the disk has its snapshot", () =>
  withTempDir(async (dir) => {
    const kit = new FileKit(dir);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT, body: encodeUtf8("hello") });
    await put(storage, "a", "x".repeat(100));
    await kit.checkpoint();
    const scope = { fileSystem: nodeFileSystem, paths: directoryPaths(kit.dir) };
    const [usage] = streamUsages(scope, "a");
    deepEqual([usage?.bytes, usage?.snapshotBytes], [105, 100]);
    equal(directoryUsage(scope).unnamedBytes, 0);
    await put(storage, "a", "y");
    equal(directoryUsage(scope).unnamedBytes, 1);
    await kit.close();
  }));
