import { deepStrictEqual as equal, ok } from "node:assert";
import { join } from "node:path";
import { FileSystemError } from "../../../../src/env/file_system.ts";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { openSqliteCatalog } from "../../../../src/storage/file/catalog/sqlite_catalog.ts";
import { openFileStorage } from "../../../../src/storage/file/open.ts";
import type { CatalogDriver } from "../../../../src/storage/file/options.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { evictIdleStreams } from "../../../support/event_loop.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { withTempDir } from "../../../support/temp_dir.ts";
import { sqliteDriver } from "../../../../src/storage/file/sqlite_driver.ts";
import { logFileNames } from "../../../../src/storage/file/wal/reader.ts";

const TEXT = "text/plain";
/** More than one transaction of a checkpoint takes, and less than two. */
const STREAMS = 2_500;
const CHECKPOINT_STREAMS = STREAMS - 1;
/** Half as many again as a checkpoint begins at, and a thousand. */
const MOST_DIRTY = Math.floor(1.5 * CHECKPOINT_STREAMS) + 1_000;

/** Where a checkpoint is held up until these resolve. */
interface Holds {
  /** Before its second transaction. */
  second: PromiseWithResolvers<void>;
  /** Before its last one, which ends it. */
  end: PromiseWithResolvers<void>;
}

/** A door to a catalogue whose checkpoints are held up. */
function doorThatWaits({ second, end }: Holds, onSecond: () => void): CatalogDriver {
  return {
    ...sqliteDriver,
    open(path) {
      const catalog = openSqliteCatalog(path);
      const store = catalog.store.bind(catalog);
      const storeState = catalog.storeState.bind(catalog);
      let transactions = 0;
      catalog.store = async (changes) => {
        if (++transactions === 2) {
          onSecond();
          await second.promise;
        }
        await store(changes);
      };
      catalog.storeState = async (state) => {
        if (transactions >= 2) await end.promise;
        await storeState(state);
      };
      return catalog;
    },
  };
}

/** A storage in the middle of a checkpoint: of its streams the first 2,000 are stored. */
async function inMidCheckpoint(
  dir: string,
  run: (storage: Storage, holds: Holds) => Promise<void>,
): Promise<void> {
  const holds = {
    second: Promise.withResolvers<void>(),
    end: Promise.withResolvers<void>(),
  };
  const reached = Promise.withResolvers<void>();
  const storage = await openFileStorage({
    dir,
    clock: new ManualClock(),
    maxLoadedStreams: 20,
    checkpointStreams: CHECKPOINT_STREAMS,
    database: doorThatWaits(holds, reached.resolve),
  });
  try {
    const names = Array.from({ length: STREAMS }, (_, i) => `s${i}`);
    await Promise.all(names.map((name) => storage.create(name, { contentType: TEXT })));
    await reached.promise;
    await run(storage, holds);
  } finally {
    holds.second.resolve();
    holds.end.resolve();
    await storage.close();
  }
}

async function append(storage: Storage, name: string, body: string): Promise<void> {
  await storage.append(name, { contentType: TEXT, body: encodeUtf8(body) });
}

async function text(storage: Storage, name: string): Promise<string> {
  return new TextDecoder().decode((await storage.read(name, 0, 1 << 20)).data);
}

Deno.test("what a checkpoint has stored leaves memory while the rest waits", () =>
  withTempDir((dir) =>
    inMidCheckpoint(dir, async (storage) => {
      await evictIdleStreams();
      const { loadedStreams } = storage.status().figures;
      ok(loadedStreams <= STREAMS - 2_000 + 20, `${loadedStreams} streams are in memory`);
    })
  ));

Deno.test("what changes in mid-checkpoint is there after it, and after the next start", () =>
  withTempDir(async (dir) => {
    await inMidCheckpoint(dir, async (storage, { second, end }) => {
      await evictIdleStreams();
      for (const name of ["s0", "s2400"]) await append(storage, name, "during ");
      await storage.delete("s1");
      await storage.create("s1", { contentType: TEXT });
      second.resolve();
      end.resolve();
      while (storage.status().figures.checkpoints === 0) await evictIdleStreams();
      for (const name of ["s0", "s1", "s2400"]) await append(storage, name, "after");
    });
    const storage = await openFileStorage({ dir });
    try {
      equal(await text(storage, "s0"), "during after");
      equal(await text(storage, "s1"), "after");
      equal(await text(storage, "s2400"), "during after");
      equal(await text(storage, "s2499"), "");
    } finally {
      await storage.close();
    }
  }));

Deno.test("where too many streams wait to be stored, the next ones wait for room and no longer", () =>
  withTempDir((dir) =>
    inMidCheckpoint(dir, async (storage, { second }) => {
      let made = 0;
      const making = Promise.all(Array.from({ length: MOST_DIRTY - 10 }, async (_, i) => {
        await storage.create(`more${i}`, { contentType: TEXT });
        made++;
      }));
      // Of so many that may be dirty 500 of the first ones are.
      const room = MOST_DIRTY - 500;
      while (made < room) await evictIdleStreams();
      await evictIdleStreams();
      equal(made, room);
      second.resolve();
      // The checkpoint has not ended.
      await making;
      equal(storage.status().figures.checkpoints, 0);
    })
  ));

/** Lets the time go on until something is so. */
async function advanceUntil(clock: ManualClock, isReached: () => boolean): Promise<void> {
  for (let turns = 0; !isReached(); turns++) {
    ok(turns < 500, "it never comes");
    clock.advance(10);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The files in a folder and those below, by their names. */
function filesUnder(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) =>
    entry.isDirectory ? filesUnder(join(folder, entry.name)) : [entry.name]
  );
}

Deno.test("the end of a backup frees no stream whose row is there still, since a checkpoint failed", () =>
  withTempDir(async (dir) => {
    const clock = new ManualClock();
    let isPinned = false;
    let isShort = false;
    let failed = 0;
    const database: CatalogDriver = {
      ...sqliteDriver,
      isPinned: () => isPinned,
      open(path) {
        const catalog = openSqliteCatalog(path);
        const store = catalog.store.bind(catalog);
        catalog.store = async (changes) => {
          if (!isShort) return await store(changes);
          failed++;
          throw new FileSystemError("too_many_open_files", "open", path, undefined);
        };
        return catalog;
      },
    };
    const storage = await openFileStorage({ dir, clock, database, checkpointIntervalMs: 50 });
    const until = (isReached: () => boolean) => advanceUntil(clock, isReached);
    const checkpoints = () => storage.status().figures.checkpoints;
    const files = () => filesUnder(join(dir, "segments")).length;
    for (const name of ["a", "b"]) {
      await storage.create(name, { contentType: TEXT });
      await append(storage, name, "x".repeat(100_000));
    }
    await until(() => files() === 4 && checkpoints() > 0);
    Deno.writeTextFileSync(join(dir, "PIN"), "");
    isPinned = true;
    await storage.delete("a");
    await until(() => (storage.measure?.().unfreed?.bytes ?? 0) > 0);
    const before = checkpoints();
    await until(() => checkpoints() > before);
    equal(files(), 4);
    isShort = true;
    await storage.delete("b");
    await until(() => failed > 0);
    isPinned = false;
    for (let at = 0; at < 50; at++) {
      clock.advance(10);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    ok(files() >= 2, "the row of b is there, and its files are not");
    isShort = false;
    await until(() => files() === 0);
    await storage.close();
  }));

Deno.test("too many open files where a backup's end frees the log: it is freed later, and writing goes on", () =>
  withTempDir(async (dir) => {
    const clock = new ManualClock();
    const wal = join(dir, "wal");
    let isPinned = false;
    let isShort = false;
    let failed = 0;
    const fileSystem = new HookedFileSystem();
    fileSystem.before = ({ call, path }) => {
      if (!isShort || call !== "sync" || path !== wal) return;
      failed++;
      throw new FileSystemError("too_many_open_files", "open", path, undefined);
    };
    const storage = await openFileStorage({
      dir,
      clock,
      walBytes: 16 * 1024 * 1024,
      checkpointIntervalMs: 50,
      database: { ...sqliteDriver, isPinned: () => isPinned },
      fileSystem,
    });
    const until = (isReached: () => boolean) => advanceUntil(clock, isReached);
    const files = () => logFileNames(fileSystem, wal).length;
    const checkpoints = () => storage.status().figures.checkpoints;
    Deno.writeTextFileSync(join(dir, "PIN-LOG"), "");
    isPinned = true;
    await storage.create("a", { contentType: TEXT });
    while (files() < 3) await append(storage, "a", "x".repeat(60_000));
    const before = checkpoints();
    await until(() => checkpoints() > before);
    equal(files(), 3);
    isShort = true;
    isPinned = false;
    await until(() => failed > 1);
    isShort = false;
    await until(() => files() === 1);
    await append(storage, "a", "y");
    await storage.close();
  }));
