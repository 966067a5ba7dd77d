import { DatabaseSync } from "node:sqlite";
import assert from "node:assert/strict";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { StreamError } from "../../../../src/protocol/errors.ts";
import { messageEnds } from "../../../../src/protocol/json.ts";
import { nodeFileSystem } from "../../../../src/env/node_file_system.ts";
import { backUpToFolder } from "../../../../src/storage/file/backup/generations.ts";
import { restoreBackup } from "../../../../src/storage/file/backup/restore.ts";
import { checkDirectory } from "../../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../../src/storage/file/maintenance/check/finding.ts";
import { repairDirectory } from "../../../../src/storage/file/maintenance/repair/repair.ts";
import { openFileStorage } from "../../../../src/storage/file/open.ts";
import { INDEX_ENTRY_BYTES } from "../../../../src/storage/file/segments/index_format.ts";
import { sqliteDriver } from "../../../../src/storage/file/sqlite_driver.ts";
import { flipBit } from "../../../support/wal_kit.ts";
import type { FileStorageOptions } from "../../../../src/storage/file/options.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { copyKilled, withTempDir } from "../../../support/temp_dir.ts";
import { until } from "../../../support/until.ts";

const JSON_TYPE = "application/json";
const POLICIES = { compaction: { key: "/id" } };
const OPTIONS: Omit<FileStorageOptions, "dir"> = {
  fsync: "never",
  segmentBytes: 16 * 1024,
  walBytes: 256 * 1024,
};

/** A message as a stream holds it: of 100 bytes with what follows it. */
function messageOf(id: number, value: number): string {
  const head = `{"id":${id},"value":${value},"pad":"`;
  return `${head.padEnd(96, "x")}"}`;
}

/** All messages of a stream with where each begins, read in chunks of so many bytes. */
async function readAll(
  storage: Storage,
  name: string,
  from = 0,
  limitBytes = 64 * 1024,
): Promise<{ id: number; value: number }[]> {
  const found: { id: number; value: number }[] = [];
  for (let at = from;;) {
    const { data, next, tail } = await storage.read(name, at, limitBytes);
    let start = 0;
    for (const end of messageEnds(data)) {
      found.push(JSON.parse(new TextDecoder().decode(data.subarray(start, end - 2))));
      start = end;
    }
    assert.ok(next > at || next === tail, `${next} after ${at}`);
    if (next === tail) return found;
    at = next;
  }
}

function newestOf(messages: readonly { id: number; value: number }[]): Map<number, number> {
  return new Map(messages.map(({ id, value }) => [id, value]));
}

function segmentsOf(kit: FileKit): string[] {
  return segmentsIn(kit.dir);
}

function segmentsIn(dir: string): string[] {
  return Array.from(Deno.readDirSync(`${dir}/segments/01`), ({ name }) => name).sort();
}

/** Damages a catalogue: all segments but the newest one lose their rows. */
function dropSegmentRows(dir: string): void {
  const database = new DatabaseSync(`${dir}/catalog.sqlite`);
  const newest = "SELECT max(base) FROM segment WHERE stream_id = 1";
  const { changes } = database.prepare(
    `DELETE FROM segment WHERE stream_id = 1 AND base < (${newest})`,
  ).run();
  database.close();
  assert.ok(changes > 0);
}

/** Makes a stream of so many messages of 40 keys, and compacts it. */
async function makeCompacted(kit: FileKit, messages = 1000): Promise<Storage> {
  const storage = await kit.open();
  await storage.create("s", { contentType: JSON_TYPE, policies: POLICIES });
  await append(storage, 0, messages);
  await compact(kit);
  return storage;
}

async function append(storage: Storage, from: number, to: number): Promise<void> {
  for (let value = from; value < to; value++) {
    const body = encodeUtf8(messageOf((value * 7) % 40, value));
    await storage.append("s", { contentType: JSON_TYPE, body });
  }
}

/** Until only two files aren't of a compaction: those of the newest segment. */
async function compact(kit: FileKit): Promise<void> {
  await until(async () => {
    await kit.checkpoint();
    return segmentsOf(kit).filter((name) => !name.includes(".g")).length === 2;
  }, () => `${segmentsOf(kit)} are left`);
}

/** Forks a stream at the earliest point that can be forked, which a compaction that goes on moves meanwhile. */
async function forkAtCompacted(storage: Storage, fork: string): Promise<number> {
  let point = 0;
  await until(async () => {
    point = (await storage.head("s")).compactedUpTo ?? 0;
    try {
      await storage.create(fork, { fork: { source: "s", offset: point } });
      return true;
    } catch (error) {
      if (error instanceof StreamError && error.code === "offset_compacted") return false;
      throw error;
    }
  }, () => `${point} can't be forked`);
  return point;
}

/** Compacts a stream, with a record that no checkpoint has stored yet. */
async function compactUnstored(kit: FileKit): Promise<Storage> {
  const storage = await kit.open();
  await storage.create("s", { contentType: JSON_TYPE });
  await append(storage, 0, 1000);
  for (let i = 0; i < 2; i++) await kit.checkpoint();
  await storage.update?.("s", POLICIES);
  await kit.checkpoint();
  await until(
    async () => (await storage.head("s")).compactedUpTo !== undefined,
    () => "nothing was compacted",
  );
  // The compaction's record goes to the log with it.
  await append(storage, 1000, 1001);
  const { id } = await storage.head("s");
  assert.ok(kit.catalog.segments(id).every(({ generation }) => generation === 0));
  return storage;
}

Deno.test("a compacted stream has each key's newest message, in order, at valid offsets", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    let storage = await kit.open();
    await storage.create("s", { contentType: JSON_TYPE, policies: POLICIES });
    const written: { id: number; value: number }[] = [];
    const tails: number[] = [];
    for (let value = 0; value < 1000; value++) {
      const id = (value * 7) % 40;
      written.push({ id, value });
      const body = encodeUtf8(messageOf(id, value));
      tails.push((await storage.append("s", { contentType: JSON_TYPE, body })).tail);
    }
    await compact(kit);
    const check = async () => {
      const all = await readAll(storage, "s");
      assert.ok(all.length < 400, `${all.length} messages are left`);
      assert.deepEqual(newestOf(all), newestOf(written));
      assert.deepEqual(
        all.map(({ value }) => value),
        all.map(({ value }) => value).toSorted((a, b) => a - b),
      );
      for (const limitBytes of [1, 100, 5000]) {
        assert.deepEqual(await readAll(storage, "s", 0, limitBytes), all);
      }
      // Each old offset is one from which the rest can be read, in order.
      for (let i = 0; i < tails.length; i += 17) {
        const rest = await readAll(storage, "s", tails[i]);
        assert.deepEqual(rest, all.filter(({ value }) => value > i), `from ${tails[i]}`);
      }
      const { messages } = await storage.head("s");
      assert.equal(messages, 1000);
    };
    await check();
    storage = await kit.reopen();
    await check();
    storage = await kit.crash();
    await check();
    const old = segmentsOf(kit).filter((name) => !name.includes(".g"));
    assert.equal(old.length, 2, `only the newest segment is as it was: ${old}`);
    await kit.close();
  }));

Deno.test("a check finds nothing wrong with what was compacted, a backup holds it, and a repair leaves it", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await makeCompacted(kit);
    const before = await readAll(storage, "s");
    await kit.close();
    const scope = { fileSystem: nodeFileSystem, dir: kit.dir };
    assert.deepEqual(checkDirectory(scope).found.filter(isFinding), []);
    const { actions } = await repairDirectory({ ...scope, isDryRun: false, nowMs: 1 });
    assert.deepEqual(actions, []);
    const throttle = { spend: () => Promise.resolve() };
    const parts = { fileSystem: nodeFileSystem, database: sqliteDriver, throttle };
    const backup = await backUpToFolder(`${root}/backups`, {
      ...parts,
      dir: kit.dir,
      clock: kit.clock,
    });
    const restored = { ...parts, dir: `${root}/restored`, mayBeDamaged: false };
    await restoreBackup(backup.root, restored);
    const again = await openFileStorage({ dir: restored.dir });
    assert.deepEqual(await readAll(again, "s"), before);
    await again.close();
  }));

Deno.test("a backup between a compaction and the next checkpoint holds what was compacted", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await compactUnstored(kit);
    const before = await readAll(storage, "s");
    const throttle = { spend: () => Promise.resolve() };
    const parts = { fileSystem: nodeFileSystem, database: sqliteDriver, throttle };
    const backup = await backUpToFolder(`${root}/backups`, {
      ...parts,
      dir: kit.dir,
      clock: kit.clock,
    });
    await kit.close();
    const restored = { ...parts, dir: `${root}/restored`, mayBeDamaged: false };
    await restoreBackup(backup.root, restored);
    const scope = { fileSystem: nodeFileSystem, dir: restored.dir };
    assert.deepEqual(checkDirectory(scope).found.filter(isFinding), []);
    const again = await openFileStorage({ dir: restored.dir });
    assert.deepEqual(newestOf(await readAll(again, "s")), newestOf(before));
    await again.close();
  }));

Deno.test("a check and a repair know what a compaction has made since the last checkpoint", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await compactUnstored(kit);
    const before = await readAll(storage, "s");
    const dir = `${root}/killed`;
    copyKilled(kit.dir, dir);
    await kit.close();
    const scope = { fileSystem: nodeFileSystem, dir };
    assert.deepEqual(checkDirectory(scope).found, []);
    const [log = ""] = segmentsIn(dir).filter((name) => name.endsWith(".g1.log"));
    const path = `${dir}/segments/01/${log}`;
    flipBit(path, 50);
    assert.deepEqual(checkDirectory(scope).found.map(({ kind }) => kind), ["segment_block"]);
    flipBit(path, 50);
    // Anything that is to be repaired.
    await Deno.remove(`${dir}/FORMAT`);
    const { left } = await repairDirectory({ ...scope, isDryRun: false, nowMs: 1 });
    assert.deepEqual(left, []);
    const again = await openFileStorage({ dir });
    assert.deepEqual(newestOf(await readAll(again, "s")), newestOf(before));
    await again.close();
  }));

Deno.test("a repair makes the row of a compacted segment anew from its files", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    let storage = await makeCompacted(kit);
    const before = await readAll(storage, "s");
    await kit.close();
    // What a compaction leaves that a kill cut short: its index ends in the middle.
    const folder = `${kit.dir}/segments/01`;
    const [first = ""] = segmentsOf(kit).filter((name) => name.includes(".g"));
    const index = Deno.readFileSync(`${folder}/${first}`);
    const cut = first.replace(/\.g\d+\./, ".g99.");
    Deno.writeFileSync(`${folder}/${cut}`, index.subarray(0, index.length - INDEX_ENTRY_BYTES));
    const log = first.replace(".idx", ".log");
    Deno.copyFileSync(`${folder}/${log}`, `${folder}/${cut.replace(".idx", ".log")}`);
    dropSegmentRows(kit.dir);
    const scope = { fileSystem: nodeFileSystem, dir: kit.dir };
    const { left } = await repairDirectory({ ...scope, isDryRun: false, nowMs: 1 });
    assert.deepEqual(left, []);
    storage = await kit.open();
    assert.deepEqual(await readAll(storage, "s"), before);
    await kit.close();
  }));

Deno.test("a start takes a compaction's record for done where a repair has made the rows of its files", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await compactUnstored(kit);
    const before = await readAll(storage, "s");
    const dir = `${root}/killed`;
    copyKilled(kit.dir, dir);
    await kit.close();
    dropSegmentRows(dir);
    const scope = { fileSystem: nodeFileSystem, dir };
    const { left } = await repairDirectory({ ...scope, isDryRun: false, nowMs: 1 });
    assert.deepEqual(left, []);
    const again = await openFileStorage({ dir });
    assert.deepEqual(await readAll(again, "s"), before);
    await again.close();
  }));

Deno.test("the row of a compacted segment is made anew of its files, with its gaps", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await makeCompacted(kit);
    const before = await readAll(storage, "s");
    await kit.close();
    const database = new DatabaseSync(`${kit.dir}/catalog.sqlite`);
    database.exec("UPDATE segment SET crc32 = crc32 + 1 WHERE generation > 0");
    database.close();
    const scope = { fileSystem: nodeFileSystem, dir: kit.dir };
    await repairDirectory({ ...scope, isDryRun: false, nowMs: 1 });
    assert.deepEqual(checkDirectory(scope).found.filter(isFinding), []);
    assert.deepEqual(await readAll(await kit.open(), "s"), before);
    await kit.close();
  }));

Deno.test("damage of what was compacted is found, and what lies behind it is read", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    let storage = await makeCompacted(kit);
    const before = await readAll(storage, "s");
    await kit.close();
    const log = segmentsOf(kit).find((name) => name.includes(".g") && name.endsWith(".log")) ?? "";
    // In the first message's padding.
    flipBit(`${kit.dir}/segments/01/${log}`, 50);
    const found = checkDirectory({ fileSystem: nodeFileSystem, dir: kit.dir }).found.filter(
      isFinding,
    );
    assert.deepEqual(found.map(({ kind }) => kind), ["segment_block"]);
    storage = await kit.open();
    const error = await storage.read("s", 0, 100).then(() => undefined, (error) => error);
    assert.equal(error?.code, "damaged");
    const { next } = error.failure;
    assert.deepEqual(await readAll(storage, "s", next.position), before.slice(1));
    await kit.close();
  }));

Deno.test("deletions go where all that they delete was trimmed", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await kit.open();
    const policies = { compaction: { key: "/id", deleteKeepMs: 0 } };
    await storage.create("s", { contentType: JSON_TYPE, policies });
    await append(storage, 0, 400);
    for (let id = 0; id < 40; id++) {
      const body = encodeUtf8(`{"id":${id},"headers":{"operation":"delete"}}`);
      await storage.append("s", { contentType: JSON_TYPE, body });
    }
    for (let id = 100; id < 400; id++) {
      await storage.append("s", { contentType: JSON_TYPE, body: encodeUtf8(messageOf(id, id)) });
    }
    // In the second segment: the first one goes.
    await storage.update?.("s", { trimBefore: 20_000 });
    kit.clock.advance(1000);
    await compact(kit);
    // A segment's last message stays, and what deletes that.
    const old = (await readAll(storage, "s")).filter(({ id }) => id < 100);
    assert.ok(old.length <= 4, `${old.length} are left`);
    await kit.close();
  }));

Deno.test("what a fork reads stays, and none begins before what was compacted", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await kit.open();
    await storage.create("s", { contentType: JSON_TYPE, policies: POLICIES });
    await append(storage, 0, 400);
    await storage.create("fork", { fork: { source: "s" } });
    const forked = await readAll(storage, "fork");
    assert.equal(forked.length, 400);
    await append(storage, 400, 1000);
    for (let i = 0; i < 4; i++) await kit.checkpoint();
    await until(async () => {
      await kit.checkpoint();
      return (await storage.head("s")).compactedUpTo !== undefined;
    }, () => "nothing was compacted");
    assert.deepEqual(await readAll(storage, "fork"), forked);
    await assert.rejects(storage.create("late", { fork: { source: "s", offset: 200 } }), {
      code: "offset_compacted",
    });
    await forkAtCompacted(storage, "later");
    await storage.delete("fork");
    await storage.delete("later");
    await append(storage, 1000, 1400);
    await compact(kit);
    assert.ok((await readAll(storage, "s")).length < 400);
    await kit.close();
  }));

Deno.test("what is at a compacted stream's offsets from compactedUpTo on is a whole state: a fork there has all keys", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    let storage = await kit.open();
    await storage.create("s", { contentType: JSON_TYPE });
    await append(storage, 0, 500);
    // All keys are written again behind what is sealed.
    await append(storage, 500, 540);
    for (let i = 0; i < 2; i++) await kit.checkpoint();
    await storage.update?.("s", POLICIES);
    await kit.checkpoint();
    await until(
      async () => (await storage.head("s")).compactedUpTo !== undefined,
      () => "nothing was compacted",
    );
    const compactedUpTo = await forkAtCompacted(storage, "fork");
    assert.ok(compactedUpTo > 0 && compactedUpTo < 50_000, `${compactedUpTo}`);
    const found = newestOf(await readAll(storage, "fork"));
    const expected = new Map<number, number>();
    for (let value = 0; value < compactedUpTo / 100; value++) expected.set((value * 7) % 40, value);
    assert.deepEqual(found, expected);
    for (const again of [() => kit.crash(), () => kit.reopen()]) {
      storage = await again();
      const { compactedUpTo: then = 0 } = await storage.head("s");
      assert.ok(then >= compactedUpTo, `${then}`);
    }
    await kit.close();
  }));

Deno.test("a fork of a fork can't begin before what was compacted of the first source", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await makeCompacted(kit);
    await storage.create("fork", { fork: { source: "s" } });
    await assert.rejects(storage.create("late", { fork: { source: "fork", offset: 40_000 } }), {
      code: "offset_compacted",
    });
    const { compactedUpTo } = await storage.head("s");
    await storage.create("later", { fork: { source: "fork", offset: compactedUpTo } });
    await storage.create("latest", { fork: { source: "fork" } });
    await kit.close();
  }));

Deno.test("deletions of a trimmed stream go after their time, too", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await kit.open();
    await storage.create("s", { contentType: JSON_TYPE });
    await append(storage, 0, 300);
    for (let id = 0; id < 40; id++) {
      const body = encodeUtf8(JSON.stringify({ id, headers: { operation: "delete" } }));
      await storage.append("s", { contentType: JSON_TYPE, body });
    }
    for (let value = 0; value < 600; value++) {
      const body = encodeUtf8(messageOf(100, value));
      await storage.append("s", { contentType: JSON_TYPE, body });
    }
    for (let i = 0; i < 2; i++) await kit.checkpoint();
    await storage.update?.("s", {
      trimBefore: 20_000,
      compaction: { key: "/id", deleteKeepMs: 0 },
    });
    await compact(kit);
    const left = await readAll(storage, "s", 20_000);
    const deletions = left.filter(({ value }) => value === undefined);
    assert.ok(deletions.length <= 1, `${deletions.length} deletions are left`);
    await kit.close();
  }));

Deno.test("the last messages, times and numbers are found across gaps", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await makeCompacted(kit);
    const all = await readAll(storage, "s");
    for (const last of [1, 50, 150, 500, 900, 1000, 5000]) {
      const { start } = await storage.read("s", { lastMessages: last }, 1);
      const found = await readAll(storage, "s", start);
      assert.deepEqual(found, all.filter(({ value }) => value >= 1000 - last), `the last ${last}`);
    }
    for (let at = 0;;) {
      const { data, next, tail } = await storage.read("s", at, 1);
      const newest = JSON.parse(new TextDecoder().decode(data).split(",\n").at(-2) ?? "");
      const count = await storage.countBefore?.("s", next);
      assert.equal(count?.messages, newest.value + 1, `before ${next}`);
      const { data: tailData } = await storage.read("s", { lastBytes: tail - next }, 1);
      assert.deepEqual(
        tailData,
        (await storage.read("s", next, 1)).data,
        `the tail from ${next} on`,
      );
      if (next === tail) break;
      at = next;
    }
    const { start } = await storage.read("s", { sinceMs: 0 }, 1);
    assert.deepEqual(await readAll(storage, "s", start), all);
    await kit.close();
  }));

Deno.test("only streams of JSON are compacted, and only by a key that makes sense", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await kit.open();
    await assert.rejects(storage.create("t", { contentType: "text/plain", policies: POLICIES }), {
      code: "invalid_header",
    });
    await storage.create("t", { contentType: "text/plain" });
    await assert.rejects(async () => await storage.update?.("t", POLICIES), {
      code: "invalid_header",
    });
    await storage.create("s", { contentType: JSON_TYPE });
    const compaction = { key: "id" };
    await assert.rejects(async () => await storage.update?.("s", { compaction }), {
      code: "invalid_header",
    });
    await kit.close();
  }));
