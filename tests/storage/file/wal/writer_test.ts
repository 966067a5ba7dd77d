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
  "EverythingWrittenIsReadBack",
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
  "SeveralFilesAreReadInOrderAndNothingIsLost",
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
  "OnlyWhatTheCatalogueLacksIsReplayed",
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
  "AllThatWaitShareOneSync",
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
  "NothingIsDurableBeforeItsSync",
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
    `TornLastBatchIsIgnored_${where}`,
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
  "LastBatchTornInALaterSectorIsIgnored",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b".repeat(5000)]);
    log.flip(FIRST, 2 * SECTOR + 4096);
    equal(await log.reopen(), ["a"]);
  }),
);

Deno.test(
  "DamageBeforeLaterBatchIsRefused",
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
  "DamageIsFoundHoweverFarBehindItTheNextBatchIs",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b".repeat(30_000), "c".repeat(20_000)]);
    await log.close();
    log.flip(FIRST, 2 * SECTOR + 20_000);
    await notOpened(log.read(), "damaged", /damaged at byte 1024/);
  }),
);

Deno.test(
  "DamageAtTheEndOfAnOlderFileIsRefused",
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
  "DamageInALogHeaderIsRefused",
  withLog(async (log) => {
    await log.create();
    await log.add("a");
    await log.close();
    log.flip(FIRST, 20);
    await notOpened(log.read(), "damaged", /00000001\.wal: damaged at byte 0: .*header/);
  }),
);

Deno.test(
  "EmptyNewestFileIsFine",
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
  "BatchesOfAnEarlierLifeDoNotCheck",
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
  "FilesAreUsedAgainAndTheirNumbersGoOn",
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
  "GapBetweenFilesIsRefused",
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
  "RecordLargerThanAFileGetsAFileOfItsOwn",
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
  "BatchesAreClosedAtTheirLimit",
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
  "HoleInWhatWasNeverSyncedEndsTheLog",
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
  "HoleInWhatWasSyncedFromTimeToTimeIsRefused",
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
  "FileIsNotClosedWhileItIsSynced",
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
  "WhatIsReadBackUnsyncedIsWrittenOnceMore",
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
  "FailedSyncIsTheEnd",
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
  "FullDiskIsWaitedFor",
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
  "FillingIsRemovedAndSpareIsNoLog",
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
  "ForeignLogFileIsRefused",
  withLog(async (log) => {
    await log.create();
    await log.add("a");
    await log.close();
    log.uuid = "ffffffff-4455-6677-8899-aabbccddeeff";
    await notOpened(log.read(), "damaged", /00000001\.wal: belongs to directory 00112233-/);
  }),
);

Deno.test(
  "LogThatBeginsTooLateIsRefused",
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
  "LogThatEndsTooEarlyIsRefused",
  withLog(async (log) => {
    await log.create();
    await addAll(log, ["a", "b"]);
    await log.close();
    log.checkpointLsn = 3;
    await notOpened(log.read(), "damaged", /ends at record 2.*up to 3: .*older/);
  }),
);

Deno.test(
  "NoLogAtAllIsRefused",
  withLog(async (log) => {
    await notOpened(log.read(), "incomplete", /no log file/);
  }),
);

Deno.test(
  "FailedFlushIsTheEndAlsoWhereTheDiskWasFull",
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
