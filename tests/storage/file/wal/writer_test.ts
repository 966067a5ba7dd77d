import { deepStrictEqual as equal, ok, throws } from "node:assert";
import { encodeLogHeader } from "../../../../src/storage/file/wal/format.ts";
import { FileSystemError } from "../../../../src/env/file_system.ts";
import { notOpened, rejectsWith } from "../../../support/expect.ts";
import { HookedFileSystem, noSpace } from "../../../support/hooked_file_system.ts";
import { WalKit } from "../../../support/wal_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const FIRST = "00000000000000000001.wal";
const SECOND = "00000000000000000002.wal";
const THIRD = "00000000000000000003.wal";
/** Texts of this length take a batch of one sector each. */
const SECTOR = 512;

function withLog(run: (log: WalKit) => Promise<void>): () => Promise<void> {
  return () =>
    withTempDir(async (dir) => {
      const log = new WalKit(dir);
      try {
        await run(log);
      } finally {
        await log.close();
      }
    });
}

/** One batch for each text. */
async function addAll(log: WalKit, texts: readonly string[]): Promise<void> {
  for (const text of texts) await log.add(text);
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

function numbered(count: number, length = 3): string[] {
  return Array.from({ length: count }, (_, i) => `${i}`.padEnd(length, "."));
}

Deno.test(
  "everything written is read back",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "", "b".repeat(10_000)]);
    equal(log.durable, ["a", "", "b".repeat(10_000)]);
    equal(await log.reopen(), ["a", "", "b".repeat(10_000)]);
    await log.add("c");
    equal((await log.reopen()).slice(-1), ["c"]);
  }),
);

Deno.test(
  "several files are read in order and nothing is lost",
  withLog(async (log) => {
    await log.create();
    const texts = numbered(60, 5000);
    await addAll(log, texts);
    ok(Object.keys(log.list()).filter((name) => name.endsWith(".wal")).length >= 4);
    equal(await log.reopen(), texts);
    const more = numbered(30, 7000);
    await addAll(log, more);
    equal(await log.reopen(), [...texts, ...more]);
  }),
);

Deno.test(
  "only records that the catalogue lacks are replayed",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b", "c"]);
    log.checkpointLsn = 2;
    equal(await log.reopen(), ["c"]);
    log.checkpointLsn = 3;
    equal(await log.reopen(), []);
  }),
);

Deno.test(
  "all appends that wait share one sync",
  withLog(async (log) => {
    const disk = new HookedFileSystem();
    log.fileSystem = disk;
    await log.create();
    let syncs = 0;
    disk.before = ({ call }) => {
      if (call === "sync") syncs++;
    };
    await Promise.all(numbered(500).map((text) => log.add(text)));
    ok(syncs <= 2, `${syncs} syncs for records of one turn`);
  }),
);

Deno.test(
  "nothing is durable before its sync",
  withLog(async (log) => {
    const disk = new HookedFileSystem();
    log.fileSystem = disk;
    await log.create();
    const syncing = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    disk.before = ({ call }) => {
      if (call !== "sync") return;
      syncing.resolve();
      return gate.promise;
    };
    const added = log.add("a");
    await syncing.promise;
    const next = log.add("b");
    equal([log.durable, log.writer.durableLsn], [[], 0]);
    gate.resolve();
    await added;
    await next;
    equal(log.durable, ["a", "b"]);
  }),
);

for (
  const [where, position] of [
    ["Header", 2 * SECTOR + 9],
    ["Records", 2 * SECTOR + 50],
  ] as const
) {
  Deno.test(
    `a torn last batch is ignored: ${where}`,
    withLog(async (log) => {
      await log.create();
      await addAll(log, ["a", "b"]);
      log.flip(FIRST, position);
      equal(await log.reopen(), ["a"]);
      await log.add("c");
      equal(await log.reopen(), ["a", "c"]);
      await log.add("d");
      equal(await log.reopen(), ["a", "c", "d"]);
    }),
  );
}

Deno.test(
  "a last batch torn in a later sector is ignored",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b".repeat(5000)]);
    log.flip(FIRST, 2 * SECTOR + 4096);
    equal(await log.reopen(), ["a"]);
  }),
);

Deno.test(
  "damage before a later batch is refused",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b", "c"]);
    await log.close();
    for (const position of [SECTOR, SECTOR + 8, SECTOR + 36, SECTOR + 45]) {
      log.flip(FIRST, position);
      const where = new RegExp(`${FIRST}: damaged at byte ${SECTOR}: .*byte 1024`);
      await notOpened(log.read(), "damaged", where);
      log.flip(FIRST, position);
    }
    equal(await log.read(), ["a", "b", "c"]);
  }),
);

Deno.test(
  "damage is found however far behind it the next batch is",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b".repeat(30_000), "c".repeat(20_000)]);
    await log.close();
    log.flip(FIRST, 2 * SECTOR + 20_000);
    await notOpened(log.read(), "damaged", /damaged at byte 1024/);
  }),
);

Deno.test(
  "damage at the end of an older file is refused",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b"]);
    await log.reopen();
    await log.close();
    log.flip(FIRST, 2 * SECTOR);
    await notOpened(log.read(), "damaged", /00000002\.wal: damaged at byte 0: .*record 2/);
  }),
);

Deno.test(
  "damage in a log header is refused",
  withLog(async (log) => {
    await log.create();
    await log.add("a");
    await log.close();
    log.flip(FIRST, 20);
    await notOpened(log.read(), "damaged", /00000001\.wal: damaged at byte 0: .*header/);
  }),
);

Deno.test(
  "an empty newest file is fine",
  withLog(async (log) => {
    await log.create();
    equal(await log.reopen(), []);
    await log.add("a");
    equal(await log.reopen(), ["a"]);
    equal(await log.reopen(), ["a"]);
    await log.add("b");
    equal(await log.reopen(), ["a", "b"]);
  }),
);

Deno.test(
  "batches of an earlier life fail their check",
  withLog(async (log) => {
    await log.create();
    await addAll(log, numbered(100, 100));
    await log.reopen();
    await log.writer.release(100);
    log.checkpointLsn = 100;
    await addAll(log, numbered(600, 100));
    const names = Object.keys(log.list());
    ok(names.includes(THIRD) && !names.includes(FIRST));
    equal(await log.reopen(), numbered(600, 100));
    for (let position = 700, round = 0; round < 5; round++) {
      await log.writer.release(position);
      log.checkpointLsn = position;
      await addAll(log, numbered(170, 200));
      position += 170;
      equal(await log.reopen(), numbered(170, 200));
    }
  }),
);

Deno.test(
  "files are used again and their numbers go on",
  withLog(async (log) => {
    await log.create();
    const sizes = new Set<number>();
    for (let at = 0; at < 40; at++) {
      await log.add("x".repeat(20_000));
      await log.writer.release(at);
      for (const size of Object.values(log.list())) sizes.add(size);
      ok(Object.keys(log.list()).length <= 4, `${Object.keys(log.list())}`);
    }
    equal([...sizes], [64 * 1024]);
    ok(Math.max(...Object.keys(log.list()).map((name) => parseInt(name) || 0)) > 10);
  }),
);

Deno.test(
  "a gap between files is refused",
  withLog(async (log) => {
    await log.create();
    await log.add("a");
    await log.reopen();
    await log.add("b");
    await log.reopen();
    await log.add("c");
    await log.close();
    await Deno.remove(`${log.folder}/${SECOND}`);
    await notOpened(
      log.read(),
      "damaged",
      /00000003\.wal: damaged at byte 0: .*record 2.*record 3/,
    );
  }),
);

Deno.test(
  "a record larger than a file gets a file of its own",
  withLog(async (log) => {
    await log.create();
    const long = "x".repeat(300_000);
    await addAll(log, ["a", long, "b"]);
    const sizes = log.list();
    ok((sizes[SECOND] ?? 0) > 300_000);
    equal(sizes[THIRD], 64 * 1024);
    equal(await log.reopen(), ["a", long, "b"]);
    await log.writer.release(3);
    ok(Object.values(log.list()).every((size) => size === 64 * 1024), "it isn't kept");
  }),
);

Deno.test(
  "batches are closed at their limit",
  withLog(async (log) => {
    await log.create();
    const texts = numbered(100, 3000);
    await Promise.all(texts.map((text) => log.add(text)));
    equal(log.durable, texts);
    equal(await log.reopen(), texts);
    ok(Object.values(log.list()).every((size) => size === 64 * 1024));
  }),
);

Deno.test(
  "a hole in what was never synced ends the log",
  withLog(async (log) => {
    log.fsync = "never";
    await log.create();
    await addAll(log, ["a", "b", "c", "d"]);
    await log.close();
    log.flip(FIRST, 2 * SECTOR);
    equal(await log.reopen(), ["a"]);
    await log.add("e");
    equal(await log.reopen(), ["a", "e"]);
  }),
);

Deno.test(
  "a hole in what was synced from time to time is refused",
  withLog(async (log) => {
    log.fsync = "interval";
    const disk = new HookedFileSystem();
    log.fileSystem = disk;
    await log.create();
    await addAll(log, ["a", "b"]);
    const synced = Promise.withResolvers<void>();
    disk.before = ({ call }) => {
      if (call === "sync") synced.resolve();
    };
    log.clock.advance(1000);
    await synced.promise;
    await log.writer.flush();
    await addAll(log, ["c", "d"]);
    await log.close();
    log.flip(FIRST, 3 * SECTOR);
    equal(await log.read(), ["a", "b"]);
    log.flip(FIRST, 3 * SECTOR);
    log.flip(FIRST, 2 * SECTOR);
    await notOpened(log.read(), "damaged", /damaged at byte 1024/);
  }),
);

Deno.test(
  "a file isn't closed while it is synced",
  withLog(async (log) => {
    log.fsync = "interval";
    const disk = new HookedFileSystem();
    log.fileSystem = disk;
    await log.create();
    await log.add("a");
    const gate = Promise.withResolvers<void>();
    let isHeld = false;
    let syncing = 0;
    let closedEarly = 0;
    disk.before = async ({ call, path }) => {
      // The next file is in its place: the first one would be closed in one of the next turns.
      if (call === "sync" && path === log.folder) void turns(2000).then(gate.resolve);
      // The first log file, under the name that it was opened by.
      if (!path.endsWith("/spare-1")) return;
      if (call === "close" && syncing > 0) closedEarly++;
      if (call !== "sync" || isHeld) return;
      isHeld = true;
      syncing++;
      await gate.promise;
      syncing--;
    };
    log.clock.advance(1000);
    equal(syncing, 1);
    await addAll(log, numbered(30, 5000));
    equal([syncing, closedEarly], [0, 0]);
  }),
);

Deno.test(
  "unsynced bytes that are read back are written once more",
  withLog(async (log) => {
    log.fsync = "never";
    await log.create();
    await addAll(log, ["a", "b", "c"]);
    await log.close();
    const disk = new HookedFileSystem();
    log.fileSystem = disk;
    const calls: string[] = [];
    disk.before = ({ call, path }) => {
      if (path.endsWith(FIRST) && (call === "write" || call === "sync")) calls.push(call);
    };
    equal(await log.read(), ["a", "b", "c"]);
    equal(calls, ["write", "sync"]);
  }),
);

Deno.test(
  "after a failed sync nothing is written",
  withLog(async (log) => {
    const disk = new HookedFileSystem();
    log.fileSystem = disk;
    await log.create();
    await log.add("a");
    let syncs = 0;
    disk.before = ({ call, path }) => {
      if (call !== "sync") return;
      syncs++;
      throw new FileSystemError("other", "sync", path, "input/output error");
    };
    const waiting = [log.add("b"), log.add("c")];
    for (const added of waiting) await rejectsWith(added, "storage_failed", /input\/output error/);
    throws(() => log.queue("d"), /takes no writes until the server is started again/);
    equal([log.durable, syncs], [["a"], 1]);
  }),
);

Deno.test(
  "a full disk is waited for",
  withLog(async (log) => {
    const disk = new HookedFileSystem();
    log.fileSystem = disk;
    await log.create();
    let isFull = true;
    const met = Promise.withResolvers<void>();
    disk.before = (call) => {
      if (!isFull || call.call !== "write" || !call.path.endsWith("filling")) return;
      met.resolve();
      throw noSpace(call);
    };
    const texts = numbered(30, 5000);
    const added = Promise.all(texts.map((text) => log.add(text)));
    await met.promise;
    while (log.writer.shortage.kind === undefined || log.clock.pendingTimers === 0) await turns(1);
    ok(!Object.keys(log.list()).includes("filling"), "what couldn't be filled takes no room");
    isFull = false;
    log.clock.advance(500);
    await added;
    equal([log.durable, log.writer.shortage.kind], [texts, undefined]);
    equal(await log.reopen(), texts);
  }),
);

Deno.test(
  "a half-made file is removed and a spare one isn't part of the log",
  withLog(async (log) => {
    await log.create();
    await log.add("a");
    await log.close();
    await Deno.writeFile(`${log.folder}/filling`, new Uint8Array(1000));
    const spare = new Uint8Array(64 * 1024);
    spare.set(
      encodeLogHeader({
        number: 9,
        salt: 1,
        uuid: log.uuid,
        firstLsn: 500,
        sizeBytes: 65_536,
      }),
    );
    await Deno.writeFile(`${log.folder}/spare-7`, spare);
    equal(await log.reopen(), ["a"]);
    equal(log.list(), { [FIRST]: 64 * 1024, [SECOND]: 64 * 1024 });
  }),
);

Deno.test(
  "a log file of another directory is refused",
  withLog(async (log) => {
    await log.create();
    await log.add("a");
    await log.close();
    log.uuid = "ffffffff-4455-6677-8899-aabbccddeeff";
    await notOpened(log.read(), "damaged", /00000001\.wal: belongs to directory 00112233-/);
  }),
);

Deno.test(
  "a log that begins too late is refused",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b"]);
    await log.reopen();
    await log.writer.release(2);
    await log.close();
    log.checkpointLsn = 1;
    await notOpened(log.read(), "damaged", /begins at record 3.*up to 1 only/);
  }),
);

Deno.test(
  "a log that ends too early is refused",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b"]);
    await log.close();
    log.checkpointLsn = 3;
    await notOpened(log.read(), "damaged", /ends at record 2.*up to 3: .*older/);
  }),
);

Deno.test(
  "no log at all is refused",
  withLog(async (log) => {
    await notOpened(log.read(), "incomplete", /no log file/);
  }),
);

Deno.test(
  "after a failed flush nothing is written, also where the disk was full",
  withLog(async (log) => {
    log.fsync = "never";
    const disk = new HookedFileSystem();
    log.fileSystem = disk;
    await log.create();
    await log.add("a");
    disk.before = (call) => {
      if (call.call === "sync") throw noSpace(call);
    };
    await rejectsWith(log.writer.flush(), "storage_failed");
    throws(() => log.queue("b"), /takes no writes/);
  }),
);

Deno.test(
  "spare files of a burst are given back once they weren't needed for a while, but for one",
  withLog(async (log) => {
    await log.create();
    await addAll(log, numbered(400, 900));
    log.checkpointLsn = log.writer.durableLsn;
    await log.writer.release(log.checkpointLsn);
    const before = log.files.totalBytes - log.files.liveBytes;
    const spareCount = () =>
      [...Deno.readDirSync(log.folder)].filter(({ name }) => name.startsWith("spare-")).length;
    ok(spareCount() > 1, `${spareCount()} spare files`);
    // The burst is within the first of these.
    log.clock.advance(10 * 60_000);
    equal(log.files.totalBytes - log.files.liveBytes, before);
    log.clock.advance(10 * 60_000);
    equal(spareCount(), 1);
    await addAll(log, numbered(400, 900));
    equal((await log.reopen()).length, 400);
  }),
);
