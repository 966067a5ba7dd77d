import { deepStrictEqual as equal, match, ok, rejects } from "node:assert";
import { DatabaseSync } from "node:sqlite";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { nodeFileSystem } from "../../../../src/env/node_file_system.ts";
import { openSqliteCatalog } from "../../../../src/storage/file/catalog/sqlite_catalog.ts";
import { type Catalog, NO_CHANGES } from "../../../../src/storage/file/catalog/catalog.ts";
import { checkDirectory } from "../../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../../src/storage/file/maintenance/check/finding.ts";
import { repairDirectory } from "../../../../src/storage/file/maintenance/repair/repair.ts";
import { openFileStorage } from "../../../../src/storage/file/open.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { FileSystemError } from "../../../../src/env/file_system.ts";
import { notOpened, rejectsWith } from "../../../support/expect.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { copyKilled, withTempDir } from "../../../support/temp_dir.ts";
import { sqliteDriver } from "../../../../src/storage/file/sqlite_driver.ts";

/**
 * What a start makes of a log and rows that don't fit: nothing that was acknowledged is hidden by it, and
 * one damaged stream stops nobody else.
 */

const TEXT = "text/plain";
const NO_CHECKPOINTS = { checkpointIntervalMs: 3_600_000 };

function post(storage: Storage, name: string, text: string, seq?: number) {
  const producer = seq === undefined ? {} : { producer: { id: "p", epoch: 0, seq } };
  return storage.append(name, { contentType: TEXT, body: encodeUtf8(text), ...producer });
}

async function text(storage: Storage, name: string): Promise<string> {
  return new TextDecoder().decode((await storage.read(name, 0, 1 << 30)).data);
}

/** A storage whose look-ups fail as `fails` says. */
function openFailing(dir: string, fails: (call: keyof Catalog) => boolean): Promise<Storage> {
  const failing = (catalog: Catalog): Catalog =>
    new Proxy(catalog, {
      get(target, call: keyof Catalog) {
        const value = Reflect.get(target, call, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (fails(call)) throw new Error(`disk I/O error in ${call}`);
          return Reflect.apply(value, target, args);
        };
      },
    });
  const database = {
    ...sqliteDriver,
    open: (path: string) => failing(openSqliteCatalog(path)),
  };
  return openFileStorage({ dir, database, ...NO_CHECKPOINTS });
}

/** A directory as a kill leaves it: streams with rows and segments, and records that only the log has. */
async function killed(root: string): Promise<string> {
  const kit = new FileKit(root);
  const storage = await kit.open();
  for (const name of ["x", "y"]) {
    await storage.create(name, { contentType: TEXT });
    await post(storage, name, "a".repeat(9000), 0);
    await storage.append(name, {
      contentType: TEXT,
      body: encodeUtf8("stored;"),
      producer: { id: "q", epoch: 0, seq: 0 },
    });
  }
  await kit.checkpoint();
  for (const name of ["x", "y"]) await post(storage, name, "logged;", 1);
  await storage.create("z", { contentType: TEXT, body: encodeUtf8("logged;") });
  const dir = `${root}/killed`;
  copyKilled(kit.dir, dir);
  await kit.close();
  return dir;
}

const WHOLE = `${"a".repeat(9000)}stored;logged;`;

const LOOK_UPS = [
  "byName",
  "byId",
  "producer",
  "segmentAt",
  "segments",
  "countForks",
  "forkIds",
  "greatestId",
  "newestLsnAfter",
] as const;

for (const call of LOOK_UPS) {
  Deno.test(`a look-up by ${call} that fails once hides nothing`, () =>
    withTempDir(async (root) => {
      const dir = await killed(root);
      let left = 1;
      const fails = (asked: keyof Catalog) => asked === call && left-- > 0;
      let storage: Storage;
      try {
        storage = await openFailing(dir, fails);
      } catch (error) {
        match(String(error), /disk I\/O error/);
        storage = await openFailing(dir, fails);
      }
      // Those that the start didn't make fail at the first request, and only at that.
      for (const name of ["x", "y", "z"]) await storage.head(name).catch(() => {});
      equal(await text(storage, "x"), WHOLE);
      equal(await text(storage, "z"), "logged;");
      equal((await post(storage, "x", "new", 2)).tail, WHOLE.length + 3);
      await storage.close();
      const again = await openFileStorage({ dir });
      equal(await text(again, "x"), `${WHOLE}new`);
      equal(await text(again, "y"), WHOLE);
      await again.close();
    }));
}

Deno.test("an error of the system's as a row is read is no damage, and is gone with it", () =>
  withTempDir(async (root) => {
    const dir = await killed(root);
    let isBroken = true;
    const storage = await openFailing(dir, () => false);
    await storage.close();
    const after = await openFailing(dir, (call) => {
      if (call === "byName" && isBroken) {
        throw new FileSystemError("other", "read", "catalog.sqlite", new Error("disk I/O error"));
      }
      return false;
    });
    await rejects(after.head("x"), FileSystemError);
    isBroken = false;
    equal(await text(after, "x"), WHOLE);
    equal(after.status().damagedStreams, undefined);
    await after.close();
  }));

Deno.test("rows ahead of the log stop the start, check sees them, and repair mends that", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { walBytes: 2 << 20 });
    const storage = await kit.open();
    for (const name of ["a", "x"]) await storage.create(name, { contentType: TEXT });
    for (let i = 0; i < 11; i++) await post(storage, "a", "a".repeat(50_000));
    for (const each of ["1", "2", "3"]) await post(storage, "x", each);
    const dir = `${root}/b`;
    let isCopied = false;
    kit.beforeState = () => {
      if (!isCopied) copyKilled(kit.dir, dir);
      isCopied = true;
      return Promise.resolve();
    };
    await kit.checkpoint();
    await kit.close();
    const wal = [...Deno.readDirSync(`${dir}/wal`)].map(({ name }) => name)
      .filter((name) => name.endsWith(".wal")).sort();
    Deno.removeSync(`${dir}/wal/${wal.at(-1)}`);

    await notOpened(openFileStorage({ dir }), "damaged", /the log ends at record \d+.*repair/);
    const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir });
    ok(found.filter(isFinding).some(({ kind }) => kind === "log_gap"));
    const repaired = await repairDirectory({
      fileSystem: nodeFileSystem,
      dir,
      isDryRun: false,
      nowMs: Date.now(),
    });
    equal(repaired.left, []);
    const options = { dir, walBytes: 2 << 20, ...NO_CHECKPOINTS };
    const mended = await openFileStorage(options);
    equal(await text(mended, "x"), "123");
    await post(mended, "x", "4");
    await post(mended, "x", "5");
    copyKilled(dir, `${root}/c`);
    await mended.close();
    const after = await openFileStorage({ ...options, dir: `${root}/c` });
    equal(await text(after, "x"), "12345");
    await after.close();
  }));

Deno.test("what a checkpoint leaves that was cut short is no damage", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    for (const name of ["a", "x"]) await storage.create(name, { contentType: TEXT });
    const dir = `${root}/b`;
    kit.beforeState = () => {
      kit.beforeState = () => Promise.resolve();
      copyKilled(kit.dir, dir);
      return Promise.resolve();
    };
    await kit.checkpoint();
    await kit.close();
    const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir });
    equal(found.filter(isFinding), []);
    const after = await openFileStorage({ dir });
    equal((await after.head("x")).tail, 0);
    await after.close();
  }));

Deno.test("a damaged row says nothing of the log's end", () =>
  withTempDir(async (root) => {
    const dir = await killed(root);
    const database = new DatabaseSync(`${dir}/catalog.sqlite`);
    database.exec("UPDATE stream SET position = 1000000 WHERE name = 'x'");
    database.close();
    const storage = await openFileStorage({ dir });
    await post(storage, "y", "more");
    await rejectsWith(storage.head("x"), "damaged");
    await storage.close();
  }));

Deno.test("a log file under another's number stops the start", () =>
  withTempDir(async (root) => {
    const dir = await killed(root);
    const [name = ""] = [...Deno.readDirSync(`${dir}/wal`)].map(({ name }) => name)
      .filter((name) => name.endsWith(".wal")).sort();
    Deno.renameSync(`${dir}/wal/${name}`, `${dir}/wal/00000000000000000099.wal`);
    await notOpened(openFileStorage({ dir }), "damaged", /expected the number 99/);
  }));

Deno.test("records of a stream that nothing makes stop the start", () =>
  withTempDir(async (root) => {
    const dir = await killed(root);
    const database = new DatabaseSync(`${dir}/catalog.sqlite`);
    database.exec("DELETE FROM stream WHERE name = 'x'");
    database.close();
    await notOpened(openFileStorage({ dir }), "damaged", /a row of stream 1, or its creation/);
  }));

Deno.test("an append that doesn't begin at its stream's tail stops the start", () =>
  withTempDir(async (root) => {
    const dir = await killed(root);
    const database = new DatabaseSync(`${dir}/catalog.sqlite`);
    // The row of another stream, which checks, with the id and the name of this one's.
    const catalog = openSqliteCatalog(`${dir}/catalog.sqlite`);
    const row = catalog.byName("x");
    ok(row !== undefined);
    const { id, ...rest } = row;
    database.close();
    await catalog.store({
      ...NO_CHANGES,
      deletedIds: [id],
      streams: [{ ...rest, id, tail: row.tail - 1, rest: row.rest.slice(1) }],
      segments: catalog.segments(id),
    });
    await catalog.close();
    await notOpened(openFileStorage({ dir }), "damaged", /an append to stream 1 at its tail/);
  }));

Deno.test("a stream whose row is damaged is set aside, its records are kept, the others go on", () =>
  withTempDir(async (root) => {
    const dir = await killed(root);
    const database = new DatabaseSync(`${dir}/catalog.sqlite`);
    database.exec("UPDATE stream SET tail = tail + 1 WHERE name = 'x'");
    database.close();
    for (let start = 0; start < 3; start++) {
      const storage = await openFileStorage({ dir });
      await rejectsWith(storage.head("x"), "damaged");
      await rejectsWith(post(storage, "x", "no"), "damaged");
      await post(storage, "y", `${start};`);
      await storage.create(`new${start}`, { contentType: TEXT });
      equal(storage.status().state, "ok");
      // The checkpoint of the first start lets go of its records: later ones don't come upon it.
      equal(storage.status().figures.damagedStreams, start === 0 ? 1 : 0);
      await storage.close();
    }
    const kept = [...Deno.readDirSync(dir)].map(({ name }) => name)
      .filter((name) => name.startsWith("damaged-"));
    equal(kept.length, 1);
    ok([...Deno.readDirSync(`${dir}/${kept[0]}/wal`)].length > 0);
    const storage = await openFileStorage({ dir });
    equal(await text(storage, "y"), `${WHOLE}0;1;2;`);
    await storage.close();
  }));

Deno.test("a damaged row of a producer is put right by what the log says of it", () =>
  withTempDir(async (root) => {
    const dir = await killed(root);
    const database = new DatabaseSync(`${dir}/catalog.sqlite`);
    database.exec("UPDATE producer SET seq = 7 WHERE stream_id = 1 AND producer_id = 'p'");
    database.close();
    const storage = await openFileStorage({ dir });
    equal((await post(storage, "x", "again", 1)).duplicate, true);
    equal(await text(storage, "x"), WHOLE);
    await post(storage, "x", "new", 2);
    await storage.close();
    const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir });
    equal(found.filter(isFinding), []);
  }));

const SEGMENT_DAMAGE: Record<string, (dir: string) => void> = {
  "whose segment is missing": (dir) => removeSegment(dir, ".log"),
  "whose index is missing": (dir) => removeSegment(dir, ".idx"),
  "whose segment is cut short": (dir) => Deno.truncateSync(segment(dir, ".log"), 10),
  "whose segment's row is damaged": (dir) => edit(dir, "UPDATE segment SET bytes = 1"),
  "whose segment has no row": (dir) => edit(dir, "DELETE FROM segment"),
};

function segment(dir: string, end: string): string {
  const [name] = [...Deno.readDirSync(`${dir}/segments/01`)].map(({ name }) => name)
    .filter((name) => name.endsWith(end));
  return `${dir}/segments/01/${name}`;
}

function removeSegment(dir: string, end: string): void {
  Deno.removeSync(segment(dir, end));
}

function edit(dir: string, sql: string): void {
  const database = new DatabaseSync(`${dir}/catalog.sqlite`);
  database.exec(`${sql} WHERE stream_id = 1`);
  database.close();
}

for (const [what, damage] of Object.entries(SEGMENT_DAMAGE)) {
  Deno.test(`a stream ${what} takes no appends, loses none, and stops nobody else`, () =>
    withTempDir(async (root) => {
      const dir = await killed(root);
      const before = await openFileStorage({ dir, ...NO_CHECKPOINTS });
      await post(before, "x", "b".repeat(9000), 2);
      copyKilled(dir, `${root}/again`);
      await before.close(0);
      damage(`${root}/again`);
      const options = { dir: `${root}/again`, checkpointStreams: 0 };
      const storage = await openFileStorage(options);
      await post(storage, "y", "more;");
      for (let i = 0; storage.status().figures.damagedStreams === 0; i++) {
        ok(i < 200, "the damage is noticed");
        await post(storage, "z", ".");
      }
      await rejectsWith(post(storage, "x", "no", 3), "damaged", /takes no appends/);
      equal(storage.status().damagedStreams?.map(({ name }) => name), ["x"]);
      equal(storage.status().state, "ok");
      await storage.close();
      for (let start = 0; start < 2; start++) {
        const after = await openFileStorage(options);
        const info = await after.head("x");
        const tail = WHOLE.length + 9000;
        equal(info.tail, tail);
        const { data } = await after.read("x", tail - 8000, 8000);
        equal(new TextDecoder().decode(data), "b".repeat(8000));
        await rejectsWith(after.read("x", 0, 4096), "damaged");
        match(await text(after, "y"), /more;$/);
        equal(after.status().state, "ok");
        await after.close();
      }
    }));
}
