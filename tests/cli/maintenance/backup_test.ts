import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { nodeFileSystem } from "../../../src/env/node_file_system.ts";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import {
  backUpToFolder,
  backUpToStream,
  generations,
} from "../../../src/storage/file/backup/generations.ts";
import { restoreBackup } from "../../../src/storage/file/backup/restore.ts";
import { TarTarget } from "../../../src/storage/file/backup/tar.ts";
import { directoryPaths } from "../../../src/storage/file/directory/paths.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import { sqliteDriver } from "../../../src/storage/file/sqlite_driver.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { systemClock } from "../../../src/env/clock.ts";
import { FileKit } from "../../support/file_kit.ts";
import { copyKilled, withTempDir } from "../../support/temp_dir.ts";
import { CommandKit } from "../commands/command_kit.ts";

const TEXT = "text/plain";
const SMALL = { walBytes: 256 * 1024, segmentBytes: 16 * 1024 };

interface Place {
  readonly kit: CommandKit;
  readonly dir: string;
  readonly backups: string;
  readonly restored: string;
}

function inPlace(run: (place: Place) => Promise<void>): () => Promise<void> {
  return () =>
    withTempDir((root) =>
      run({
        kit: new CommandKit(),
        dir: join(root, "data"),
        backups: join(root, "backups"),
        restored: join(root, "restored"),
      })
    );
}

async function append(storage: Storage, name: string, text: string): Promise<void> {
  await storage.create(name, { contentType: TEXT });
  await storage.append(name, { contentType: TEXT, body: new TextEncoder().encode(text) });
}

/** A stream with several segments, and one that is short. */
async function fill(storage: Storage): Promise<void> {
  for (let i = 0; i < 12; i++) await append(storage, "long", `${i}`.padEnd(5000, "."));
  await append(storage, "short", "hello");
}

async function readAll(dir: string, name: string, options = {}): Promise<string> {
  const storage = await openFileStorage({ dir, mustExist: true, ...SMALL, ...options });
  try {
    let text = "";
    for (let at = 0;;) {
      const { data, next, tail } = await storage.read(name, at, 1_000_000);
      text += new TextDecoder().decode(data);
      at = next;
      if (at >= tail) return text;
    }
  } finally {
    await storage.close();
  }
}

async function made(dir: string): Promise<void> {
  const storage = await openFileStorage({ dir, ...SMALL });
  await fill(storage);
  await storage.close();
}

function filesUnder(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory ? filesUnder(path) : [path];
  });
}

/** A log file of a segment in it, the first in order. */
function segmentIn(folder: string, ending: string): string {
  const path =
    filesUnder(join(folder, "segments")).filter((each) => each.endsWith(ending)).sort()[0];
  ok(path !== undefined, `there is a ${ending}`);
  return path;
}

function flipByte(path: string, position: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  Deno.writeFileSync(path, bytes);
}

Deno.test(
  "a directory is backed up while a storage uses it, and what it is restored to passes the check",
  inPlace(async ({ kit, dir, backups, restored }) => {
    const storage = await openFileStorage({ dir, ...SMALL });
    await fill(storage);
    match(await kit.ok(["backup", "--dir", dir, "--to", backups]), /up to record \d+\n$/);
    await append(storage, "short", " again");
    await storage.close();
    match(await kit.ok(["restore", "--from", backups, "--to", restored]), /^restored /);
    match(await kit.ok(["check", "--dir", restored]), /^nothing is damaged: 2 streams/);
    equal(await readAll(restored, "short"), "hello");
    equal((await readAll(restored, "long")).length, 60_000);
  }),
);

Deno.test(
  "a second backup shares with the first what has not changed, and both can be restored",
  inPlace(async ({ kit, dir, backups, restored }) => {
    await made(dir);
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
    const storage = await openFileStorage({ dir, ...SMALL });
    await append(storage, "short", " again");
    await storage.close();
    const { linkedFiles } = JSON.parse(
      await kit.ok(["backup", "--dir", dir, "--to", backups, "--json"]),
    );
    equal(linkedFiles, 6);
    const [first, second] = generations(nodeFileSystem, backups);
    ok(first !== undefined && second !== undefined);
    await kit.ok(["restore", "--from", first.root, "--to", restored]);
    await kit.ok(["restore", "--from", backups, "--to", `${restored}2`]);
    equal(await readAll(restored, "short"), "hello");
    equal(await readAll(`${restored}2`, "short"), "hello again");
    equal(await readAll(`${restored}2`, "long"), await readAll(restored, "long"));
  }),
);

Deno.test(
  "a directory whose catalogue fell back goes on in a segment, and changes nothing of a backup",
  () =>
    withTempDir(async (root) => {
      const commands = new CommandKit();
      const [backups, restored] = [join(root, "backups"), join(root, "restored")];
      const kit = new FileKit(root, { ...SMALL, walBytes: 1024 * 1024 });
      await append(await kit.open(), "long", "0".padEnd(5000, "."));
      await kit.close();
      const { catalog } = directoryPaths(kit.dir);
      const fallenBack = Deno.readFileSync(catalog);
      const storage = await kit.open();
      for (let i = 1; i < 12; i++) await append(storage, "long", `${i}`.padEnd(5000, "."));
      await kit.checkpoint();
      copyKilled(kit.dir, join(root, "killed"));
      await kit.close();
      const dir = join(root, "killed");
      await commands.ok(["backup", "--dir", dir, "--to", backups]);
      const linked = segmentIn(generations(nodeFileSystem, backups)[0]?.root ?? "", ".log");
      const before = Deno.readFileSync(linked);
      equal(Deno.statSync(linked).ino, Deno.statSync(segmentIn(dir, ".log")).ino);

      // What a power cut may take: rows that were committed and not durable. The log has it all.
      const later = directoryPaths(dir).catalog;
      for (const end of ["-wal", "-shm"]) rmSync(later + end, { force: true });
      Deno.writeFileSync(later, fallenBack);
      const text = await readAll(dir, "long", { segmentBytes: 6000 });
      equal(text.length, 60_000);
      ok(Deno.statSync(segmentIn(dir, ".log")).size < before.length, "its segments are shorter");
      deepEqual(Deno.readFileSync(linked), before);
      await commands.ok(["restore", "--from", backups, "--to", restored]);
      equal(await readAll(restored, "long"), text);
    }),
);

Deno.test(
  "what is restored and written to shares nothing with its backup",
  inPlace(async ({ kit, dir, backups, restored }) => {
    await made(dir);
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
    await kit.ok(["restore", "--from", backups, "--to", restored]);
    for (const each of [restored, dir]) {
      const storage = await openFileStorage({ dir: each, ...SMALL });
      await fill(storage);
      await storage.close();
    }
    match(await kit.ok(["restore", "--from", backups, "--check"]), / is whole: 2 streams/);
  }),
);

Deno.test(
  "a backup with a damaged byte isn't restored, and the directory stays empty",
  inPlace(async ({ kit, dir, backups, restored }) => {
    await made(dir);
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
    const [{ root } = { root: "" }] = generations(nodeFileSystem, backups);
    const parts = [
      segmentIn(root, ".log"),
      segmentIn(root, ".idx"),
      join(root, "catalog.sqlite"),
      join(root, "BACKUP"),
    ];
    for (const path of parts) {
      flipByte(path, 60);
      const { code, stderr } = await kit.run(["restore", "--from", root, "--to", restored]);
      equal(code, 1, `${path}: ${stderr}`);
      equal(nodeFileSystem.list(restored), undefined);
      flipByte(path, 60);
    }
    await kit.ok(["restore", "--from", root, "--to", restored]);
  }),
);

Deno.test(
  "a directory that is damaged is backed up with a failure that names it, and restored on demand",
  inPlace(async ({ kit, dir, backups, restored }) => {
    await made(dir);
    flipByte(segmentIn(dir, ".log"), 4);
    const backup = await kit.run(["backup", "--dir", dir, "--to", backups]);
    equal(backup.code, 1);
    match(backup.stderr, /damaged: .*\.log: the block before byte \d+ fails its checksum/);
    const refused = await kit.run(["restore", "--from", backups, "--to", restored]);
    equal(refused.code, 1);
    match(refused.stderr, /--allow-damaged/);
    await kit.ok(["restore", "--from", backups, "--to", restored, "--allow-damaged"]);
    equal(await readAll(restored, "short"), "hello");
  }),
);

Deno.test(
  "what a backup of a damaged directory has is looked at again by the next one",
  inPlace(async ({ kit, dir, backups, restored }) => {
    await made(dir);
    const log = segmentIn(dir, ".log");
    // So that a backup doesn't have the same file.
    Deno.copyFileSync(log, `${log}.copy`);
    flipByte(`${log}.copy`, 4);
    Deno.renameSync(log, `${log}.right`);
    Deno.renameSync(`${log}.copy`, log);
    const damaged = ["backup", "--dir", dir, "--to", backups];
    for (let i = 0; i < 2; i++) equal((await kit.run(damaged)).code, 1, `backup ${i}`);
    Deno.renameSync(`${log}.right`, log);
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
    await kit.ok(["restore", "--from", backups, "--to", restored]);
    equal(await readAll(restored, "long"), await readAll(dir, "long"));
  }),
);

Deno.test(
  "a backup with damage removes no earlier one",
  inPlace(async ({ kit, dir, backups }) => {
    await made(dir);
    const args = ["backup", "--dir", dir, "--to", backups, "--keep", "1"];
    await kit.ok(args);
    const before = filesUnder(join(dir, "segments"));
    const storage = await openFileStorage({ dir, ...SMALL });
    await append(storage, "more", "m".repeat(9000));
    await storage.close();
    const isNew = (path: string) => path.endsWith(".log") && !before.includes(path);
    flipByte(filesUnder(join(dir, "segments")).find(isNew) ?? "", 4);
    const { code, stderr } = await kit.run(args);
    equal(code, 1);
    match(stderr, /earlier backups stay/);
    equal(generations(nodeFileSystem, backups).length, 2);
  }),
);

Deno.test(
  "no other backup begins before one has its name, which is durable in the end",
  inPlace(async ({ dir, backups }) => {
    await made(dir);
    const { pins } = directoryPaths(dir);
    const held: boolean[] = [];
    const synced = new Set<string>();
    const fileSystem = {
      ...nodeFileSystem,
      rename(from: string, to: string) {
        held.push(sqliteDriver.isPinned(pins.segments));
        nodeFileSystem.rename(from, to);
        synced.clear();
      },
      syncDirectory(path: string) {
        synced.add(path);
        return nodeFileSystem.syncDirectory(path);
      },
    };
    const throttle = { spend: () => Promise.resolve() };
    const options = { fileSystem, database: sqliteDriver, clock: systemClock, dir, throttle };
    await backUpToFolder(backups, options);
    deepEqual(held, [true]);
    for (const path of [backups, join(backups, "..")]) ok(synced.has(path), path);
    ok(!sqliteDriver.isPinned(pins.segments));
  }),
);

Deno.test(
  "while one backup runs another is refused",
  inPlace(async ({ kit, dir, backups }) => {
    await made(dir);
    const path = directoryPaths(dir).pins.segments;
    const pin = sqliteDriver.pin(path);
    ok(sqliteDriver.isPinned(path));
    const { code, stderr } = await kit.run(["backup", "--dir", dir, "--to", backups]);
    equal(code, 5);
    match(stderr, /another backup, process \d+, is running/);
    pin.release();
    ok(!sqliteDriver.isPinned(path));
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
  }),
);

Deno.test(
  "the files of a deleted stream stay as long as a pin is held, and go soon after",
  inPlace(async ({ dir }) => {
    await made(dir);
    const storage = await openFileStorage({ dir, ...SMALL, checkpointIntervalMs: 20 });
    const pin = sqliteDriver.pin(directoryPaths(dir).pins.segments);
    const files = filesUnder(join(dir, "segments")).length;
    await storage.delete("long");
    const unfreed = () => storage.measure?.().unfreed?.bytes ?? 0;
    while (unfreed() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    equal(filesUnder(join(dir, "segments")).length, files);
    pin.release();
    while (unfreed() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    equal(filesUnder(join(dir, "segments")).length, 0);
    await storage.close();
  }),
);

Deno.test(
  "of several backups the newest are kept, and those of another directory are refused",
  inPlace(async ({ kit, dir, backups }) => {
    await made(dir);
    for (let i = 0; i < 3; i++) {
      await kit.ok(["backup", "--dir", dir, "--to", backups, "--keep", "2"]);
    }
    equal(generations(nodeFileSystem, backups).length, 2);
    match(await kit.ok(["restore", "--from", backups, "--list"]), /^(.*up to record.*\n){2}$/);
    await made(`${dir}2`);
    const other = await kit.run(["backup", "--dir", `${dir}2`, "--to", backups]);
    equal(other.code, 1);
    match(other.stderr, /has backups of another directory/);
  }),
);

Deno.test(
  "what a backup left that was cut short is used and removed",
  inPlace(async ({ kit, dir, backups, restored }) => {
    await made(dir);
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
    const [{ root } = { root: "" }] = generations(nodeFileSystem, backups);
    Deno.removeSync(join(root, "BACKUP"));
    Deno.renameSync(root, join(backups, "unfinished-2026"));
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
    equal([...Deno.readDirSync(backups)].length, 1);
    await kit.ok(["restore", "--from", backups, "--to", restored]);
  }),
);

async function tarOf(dir: string): Promise<Bytes[]> {
  const chunks: Bytes[] = [];
  const target = new TarTarget((bytes) => {
    chunks.push(bytes.slice());
    return Promise.resolve();
  });
  const throttle = { spend: () => Promise.resolve() };
  const options = { fileSystem: nodeFileSystem, database: sqliteDriver, clock: systemClock, dir };
  await backUpToStream(target, `${dir}-scratch`, { ...options, throttle });
  await target.end();
  return chunks;
}

Deno.test(
  "a backup goes through a pipe, however it is cut, and one that ends too soon is refused",
  inPlace(async ({ kit, dir, restored }) => {
    await made(dir);
    const tar = await tarOf(dir);
    await kit.ok(["restore", "--from", "-", "--to", restored], { input: tar });
    equal((await readAll(restored, "long")).length, 60_000);
    for (const cut of [[], tar.slice(0, 3), tar.slice(0, -1), tar.slice(0, -4)]) {
      const target = `${restored}-${cut.length}`;
      const { code, stderr } = await kit.run(["restore", "--from", "-", "--to", target], {
        input: cut,
      });
      equal(code, 1);
      match(stderr, /ends too soon/);
      const server = await kit.run(["copy", "--from", target, "--to", `${target}-copy`]);
      match(server.stderr, /is not ours|restore/);
    }
  }),
);

Deno.test(
  "that a directory was damaged is no reason to restore a catalogue that is so since",
  inPlace(async ({ kit, dir, restored }) => {
    await made(dir);
    flipByte(segmentIn(dir, ".log"), 4);
    const tar = await tarOf(dir);
    const args = (to: string) => ["restore", "--from", "-", "--to", to, "--allow-damaged"];
    await kit.ok(args(restored), { input: tar });
    const name = "short";
    const changed = tar.map((chunk) => {
      const text = new TextDecoder("latin1").decode(chunk);
      if (!text.startsWith("SQLite format 3")) return chunk;
      const bytes = chunk.slice();
      for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) bytes[at] = 0x53;
      return bytes;
    });
    const { code, stderr } = await kit.run(args(`${restored}2`), { input: changed });
    equal(code, 1);
    match(stderr, /catalog\.sqlite.* fails its checksum/);
  }),
);

Deno.test(
  "a directory that can't be written to is told so",
  inPlace(async ({ dir, backups, restored }) => {
    await made(dir);
    const fileSystem = { ...nodeFileSystem, isWritable: () => false };
    const throttle = { spend: () => Promise.resolve() };
    const options = { fileSystem, database: sqliteDriver, clock: systemClock, throttle };
    await rejects(backUpToFolder(backups, { ...options, dir }), /data: can't be written to/);
    const { root } = await backUpToFolder(backups, { ...options, fileSystem: nodeFileSystem, dir });
    const restoring = restoreBackup(root, { ...options, dir: restored, mayBeDamaged: false });
    await rejects(restoring, /restored: can't be written to/);
  }),
);

Deno.test(
  "while one restore to a directory runs another is refused, and touches nothing",
  inPlace(async ({ kit, dir, backups, restored }) => {
    await made(dir);
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
    const tar = await tarOf(dir);
    // As another process has it at that time.
    Deno.mkdirSync(restored);
    for (const name of ["RESTORING", "catalog.sqlite"]) {
      Deno.writeTextFileSync(join(restored, name), "half");
    }
    const lock = sqliteDriver.lock(directoryPaths(restored).lock);
    for (const from of [backups, "-"]) {
      const args = ["restore", "--from", from, "--to", restored];
      equal((await kit.run(args, { input: tar })).code, 5);
      equal(Deno.readTextFileSync(join(restored, "catalog.sqlite")), "half");
    }
    lock.release();
    const fileSystem = {
      ...nodeFileSystem,
      barrier: () => Promise.resolve(false),
      rename(from: string, to: string) {
        // Another process would get it now, had the lock been lost when all was synced.
        const { stdout } = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", import.meta.resolve("./try_lock.ts"), restored],
        }).outputSync();
        equal(new TextDecoder().decode(stdout), "in_use\n");
        nodeFileSystem.rename(from, to);
      },
    };
    const [{ root } = { root: "" }] = generations(nodeFileSystem, backups);
    const throttle = { spend: () => Promise.resolve() };
    const options = { fileSystem, database: sqliteDriver, dir: restored, throttle };
    await restoreBackup(root, { ...options, mayBeDamaged: false });
    equal((await readAll(restored, "long")).length, 60_000);
  }),
);

Deno.test(
  "a signal ends a restore of a stream before the stream does",
  inPlace(async ({ kit, dir, restored }) => {
    await made(dir);
    const tar = await tarOf(dir);
    let signal = (_exitCode: number) => {};
    let taken = 0;
    const input = function* () {
      for (const chunk of tar) {
        if (taken++ === 3) signal(143);
        yield chunk;
      }
    };
    const { code } = await kit.run(["restore", "--from", "-", "--to", restored], {
      input: input(),
      onListening: (listener) => signal = listener,
    });
    equal(code, 143);
    ok(taken < tar.length, `${taken} of ${tar.length} chunks were read`);
  }),
);

Deno.test(
  "a server starts neither on a backup nor where a restore was cut short",
  inPlace(async ({ kit, dir, backups, restored }) => {
    await made(dir);
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
    const [{ root } = { root: "" }] = generations(nodeFileSystem, backups);
    const onBackup = await openFileStorage({ dir: root }).catch(String);
    match(String(onBackup), /this is a backup.*durable-streams restore/);
    await kit.ok(["restore", "--from", backups, "--to", restored]);
    Deno.removeSync(join(restored, "FORMAT"));
    Deno.writeTextFileSync(join(restored, "RESTORING"), "");
    const onPart = await openFileStorage({ dir: restored }).catch(String);
    match(String(onPart), /a restore to this directory has not ended/);
    await kit.ok(["restore", "--from", backups, "--to", restored]);
    equal(await readAll(restored, "short"), "hello");
    const again = await kit.run(["restore", "--from", backups, "--to", restored]);
    equal(again.code, 2);
    match(again.stderr, /missing or empty/);
  }),
);

Deno.test(
  "of a restore that was cut short nothing is in the directory that another backup is restored to",
  inPlace(async ({ kit, dir, backups, restored }) => {
    await made(dir);
    await kit.ok(["backup", "--dir", dir, "--to", backups]);
    const names = () => filesUnder(restored).sort();
    await kit.ok(["restore", "--from", backups, "--to", restored]);
    const right = names();
    Deno.removeSync(join(restored, "FORMAT"));
    Deno.writeTextFileSync(join(restored, "RESTORING"), "");
    const left = ["webhook_keys", "catalog.sqlite-wal", "wal/00000000000000000099.wal"];
    for (const name of left) Deno.writeTextFileSync(join(restored, name), "of another one");
    await kit.ok(["restore", "--from", backups, "--to", restored]);
    deepEqual(names(), right);
    equal(await readAll(restored, "short"), "hello");
  }),
);

Deno.test("storages without a directory say how their streams are kept elsewhere", async () => {
  const kit = new CommandKit();
  for (
    const [storage, advice] of [["nats", /nats account backup/], ["memory", /export/]] as const
  ) {
    const args = ["backup", "--storage", storage, "--to", "x"];
    const { code, stderr } = await kit.run(args);
    equal(code, 2);
    match(stderr, advice);
    equal((await kit.run(["du", "--storage", storage])).code, 2);
  }
});

Deno.test(
  "du says what streams take, by prefix, and what only forks hold",
  inPlace(async ({ kit, dir }) => {
    const storage = await openFileStorage({ dir, ...SMALL });
    await append(storage, "logs/a", "a".repeat(20_000));
    await append(storage, "logs/b", "b");
    await append(storage, "source", "s".repeat(6000));
    await storage.create("fork", { contentType: TEXT, fork: { source: "source" } });
    await storage.delete("source");
    await storage.close();
    const lines = (await kit.ok(["du", "--dir", dir, "--json"])).trimEnd().split("\n")
      .map((line) => JSON.parse(line));
    const group = (prefix: string) => lines.find((line) => line.prefix === prefix);
    ok(group("logs/").bytes >= 20_001, "segments and rows are counted");
    equal(group("logs/").streams, 2);
    ok(group("source").heldByForksBytes >= 6000);
    equal(group("fork").bytes, 0);
    ok(lines.at(-1).catalogBytes > 0 && lines.at(-1).logBytes > 0);
    match(
      await kit.ok(["du", "--dir", dir, "--streams", "so"]),
      /source {2}\(deleted, kept for 1 forks\)/,
    );
  }),
);

Deno.test(
  "du says what holds trimmed bytes, and what snapshots take",
  inPlace(async ({ kit, dir }) => {
    const storage = await openFileStorage({ dir, ...SMALL });
    for (let i = 0; i < 12; i++) await append(storage, "source", `${i}`.padEnd(5000, "."));
    for (let i = 0; i < 12; i++) await append(storage, "trimmed", `${i}`.padEnd(5000, "."));
    await append(storage, "state", "1");
    const spec = { contentType: TEXT };
    await storage.create("fork", { ...spec, fork: { source: "source", offset: 45_000 } });
    await storage.create("fork-of-fork", { ...spec, fork: { source: "fork" } });
    await storage.update?.("source", { trimBefore: 50_000 });
    await storage.update?.("fork", { trimBefore: 40_000 });
    await storage.update?.("fork-of-fork", { trimBefore: 20_000 });
    await storage.update?.("trimmed", { trimBefore: 59_000 });
    const body = new Uint8Array(3000);
    await storage.snapshots?.put("state", { contentType: TEXT, body, offset: 1 });
    await storage.close();
    await kit.ok(["check", "--dir", dir]);
    const usages = (await kit.ok(["du", "--dir", dir, "--streams", "--json"])).trimEnd().split("\n")
      .map((line) => JSON.parse(line));
    const of = (name: string) => usages.find((usage) => usage.name === name);
    // The fork of the fork reads 20,000 to 45,000 of it, so that 20,000 to 50,000 stay for that.
    const { heldByForksBytes, trimmedBytes, bytes } = of("source");
    ok(heldByForksBytes >= 30_000 && heldByForksBytes < 31_000, `${heldByForksBytes} for forks`);
    ok(trimmedBytes < SMALL.segmentBytes + 5000, `${trimmedBytes} trimmed`);
    ok(bytes > heldByForksBytes + trimmedBytes, "the rest can be read");
    equal(of("trimmed").heldByForksBytes, 0);
    ok(of("trimmed").trimmedBytes > 0 && of("trimmed").bytes < 25_000, "its last segment is left");
    equal(of("state").snapshotBytes, 3000);
    equal([of("state").trimmedBytes, of("fork").bytes, of("fork").trimmedBytes].join(), "0,0,0");
    match(await kit.ok(["du", "--dir", dir, "--streams", "s"]), /state {2}\(2\.9KiB snapshot\)/);
    const groups = (await kit.ok(["du", "--dir", dir])).split("\n");
    match(groups[0] ?? "", /^ +bytes +for forks +snapshots +trimmed +streams$/);
    match(
      groups.find((line) => line.endsWith("  all of it")) ?? "",
      / 2\.9KiB .* 5 {2}all of it$/,
    );
  }),
);
