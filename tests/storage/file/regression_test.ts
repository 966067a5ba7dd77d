import { equal, match, ok, rejects } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { nodeFileSystem } from "../../../src/env/node_file_system.ts";
import { lockDirectory } from "../../../src/storage/file/directory/lock.ts";
import { checkDirectory } from "../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../src/storage/file/maintenance/check/finding.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import { get, inTime, machine, post, put, rest } from "../../crash/kit.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { copyKilled, withTempDir } from "../../support/temp_dir.ts";

/** Bugs of the file storage that flips, full disks and histories found, each by its name. */

const KIB = 1024;
const PAGE_BYTES = 4096;

Deno.test("a page that claims more rows than it has doesn't keep a check busy for ever", () =>
  withTempDir(async (dir) => {
    const storage = await openFileStorage({ dir: `${dir}/s`, walBytes: 64 * KIB });
    for (const name of ["a", "b"]) await put(storage, name, "text");
    await storage.close();
    const path = `${dir}/s/catalog.sqlite`;
    const bytes = Deno.readFileSync(path);
    for (let page = 1; page * PAGE_BYTES < bytes.length; page++) {
      const changed = bytes.slice();
      // The high byte of the page's count of cells.
      changed[page * PAGE_BYTES + 3] = 0xff;
      Deno.writeFileSync(path, changed);
      const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir: `${dir}/s` });
      ok(found.some(isFinding), `page ${page}`);
      ok(found.length < 1000, `${found.length} things on page ${page}`);
    }
  }));

Deno.test("a damaged index of the ends of streams is no crash", () =>
  withTempDir(async (dir) => {
    const clock = new ManualClock(1000);
    const open = () => openFileStorage({ dir: `${dir}/s`, walBytes: 64 * KIB, clock });
    let storage = await open();
    await put(storage, "ends", "text", { lifetime: { kind: "ttl", ttlSeconds: 1 } });
    await put(storage, "stays", "text");
    await storage.close();
    const database = new DatabaseSync(`${dir}/s/catalog.sqlite`);
    const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'stream_end'")
      .get()?.rootpage;
    database.close();
    const file = Deno.openSync(`${dir}/s/catalog.sqlite`, { write: true });
    file.seekSync((Number(root) - 1) * PAGE_BYTES, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(64).fill(0xff));
    file.close();
    storage = await open();
    await post(storage, "stays", " goes on");
    clock.advance(60_000);
    await rest();
    equal(await get(storage, "stays"), "text goes on");
    await storage.close();
  }));

Deno.test("a catalogue that has lost the word of a start still counts uses before a crash", () =>
  withTempDir(async (dir) => {
    const clock = new ManualClock(1000);
    const options = { dir: `${dir}/s`, walBytes: 64 * KIB, clock };
    let storage = await openFileStorage(options);
    await put(storage, "ends", "text", { lifetime: { kind: "ttl", ttlSeconds: 100 } });
    await storage.close();
    const stopped = Deno.readFileSync(`${dir}/s/catalog.sqlite`);
    storage = await openFileStorage(options);
    clock.advance(90_000);
    await get(storage, "ends");
    await put(storage, "other");
    copyKilled(`${dir}/s`, `${dir}/killed`);
    await storage.close();
    // SQLite's own log is gone, and with it that a server had started.
    Deno.removeSync(`${dir}/killed/catalog.sqlite-wal`);
    Deno.writeFileSync(`${dir}/killed/catalog.sqlite`, stopped);
    storage = await openFileStorage({ ...options, dir: `${dir}/killed` });
    clock.advance(20_000);
    equal(await get(storage, "ends"), "text");
    await storage.close();
  }));

Deno.test("the smallest log goes on for ever", async () => {
  const on = machine();
  const storage = await on.open({ walBytes: 64 * KIB });
  await put(storage, "here");
  let text = "";
  for (let i = 0; i < 300; i++) {
    const line = `<${i}>`.padEnd(1000, ".");
    equal(await inTime(on, post(storage, "here", line)), "done", `append ${i}`);
    text += line;
  }
  equal(await get(storage, "here"), text);
});

Deno.test("a spare log file that couldn't be opened isn't lost to the log", async () => {
  const on = machine();
  const storage = await on.open({ walBytes: 256 * KIB });
  await put(storage, "here");
  on.fileSystem.faults.add({ call: "open", kind: "no_space", path: /spare/, times: 2 });
  for (let i = 0; i < 40; i++) {
    equal(await inTime(on, post(storage, "here", "x".repeat(5000))), "done", `append ${i}`);
  }
  const spares = on.fileSystem.list(`${on.dir}/wal`)?.filter((name) => name.startsWith("spare-"));
  ok((spares?.length ?? 0) <= 2, `${spares?.join(", ")}`);
  on.end("crash");
  equal((await (await on.open({ walBytes: 256 * KIB })).head("here")).tail, 200_000);
});

Deno.test("a LOCK that can't be used isn't taken for another server's", () =>
  withTempDir((dir) => {
    Deno.writeTextFileSync(
      `${dir}/LOCK`,
      "no database, though as long as one would be ".repeat(99),
    );
    let message = "";
    try {
      lockDirectory(`${dir}/LOCK`).release();
    } catch (error) {
      message = String(error);
    }
    match(message, /LOCK: can't be used as a lock \(.*\)\. Remove it while no server runs/);
  }));

Deno.test("a log whose only file is longer than its limit stops nobody", () =>
  withTempDir(async (dir) => {
    const storage = await openFileStorage({ dir: `${dir}/s`, walBytes: 64 * KIB });
    const write = async () => {
      for (let i = 1; i <= 5; i++) await put(storage, `short-${i}`, "x".repeat(7000 * i));
      await put(storage, "long", "y".repeat(1024 * KIB));
      // The file that is made ready for this one isn't needed, and others get it.
      const refused = put(storage, "long", "y".repeat(1024 * KIB), { contentType: "a/b" });
      await rejects(refused, /exists/);
      for (let i = 0; i < 60; i++) await post(storage, "long", "z".repeat(20 * KIB));
    };
    const stuck = Promise.withResolvers<void>();
    const timer = setTimeout(() => stuck.reject(new Error("nothing is written")), 20_000);
    await Promise.race([write(), stuck.promise]).finally(() => clearTimeout(timer));
    equal((await storage.head("long")).tail, (1024 + 60 * 20) * KIB);
    await storage.close();
    const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir: `${dir}/s` });
    equal(found.filter(isFinding).length, 0);
  }));
