import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import {
  createSqliteCatalog,
  isSqliteCatalogUsed,
  openSqliteCatalog,
} from "../../../src/storage/file/catalog_sqlite.ts";
import { lockDirectory } from "../../../src/storage/file/lock.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import type { DatabaseDoor } from "../../../src/storage/file/options.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const TEXT = "text/plain";
/** More than one transaction of a checkpoint takes, and less than two. */
const STREAMS = 2_500;

/** A door to a catalogue whose second transaction waits for `go` and ends as that does. */
function doorThatWaits(go: Promise<void>, onSecond: () => void): DatabaseDoor {
  return {
    lock: lockDirectory,
    create: createSqliteCatalog,
    isUsed: isSqliteCatalogUsed,
    open(path) {
      const catalog = openSqliteCatalog(path);
      const store = catalog.store.bind(catalog);
      let transactions = 0;
      catalog.store = async (changes) => {
        if (++transactions === 2) {
          onSecond();
          await go;
        }
        await store(changes);
      };
      return catalog;
    },
  };
}

/** A storage in the middle of a checkpoint: of its streams the first 2,000 are stored. */
async function inMidCheckpoint(
  dir: string,
  run: (storage: Storage, go: PromiseWithResolvers<void>) => Promise<void>,
): Promise<void> {
  const go = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const storage = await openFileStorage({
    dir,
    clock: new ManualClock(),
    maxLoadedStreams: 20,
    checkpointStreams: STREAMS - 1,
    database: doorThatWaits(go.promise, second.resolve),
  });
  try {
    const names = Array.from({ length: STREAMS }, (_, i) => `s${i}`);
    await Promise.all(names.map((name) => storage.create(name, { contentType: TEXT })));
    await second.promise;
    await run(storage, go);
  } finally {
    go.resolve();
    await storage.close();
  }
}

async function letIdleOnesGo(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
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
      await letIdleOnesGo();
      const { loadedStreams } = storage.status().figures;
      ok(loadedStreams <= STREAMS - 2_000 + 20, `${loadedStreams} streams are in memory`);
    })
  ));

Deno.test("what changes in mid-checkpoint is there after it, and after the next start", () =>
  withTempDir(async (dir) => {
    await inMidCheckpoint(dir, async (storage, go) => {
      await letIdleOnesGo();
      for (const name of ["s0", "s2400"]) await append(storage, name, "during ");
      await storage.delete("s1");
      await storage.create("s1", { contentType: TEXT });
      go.resolve();
      while (storage.status().figures.checkpoints === 0) await letIdleOnesGo();
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
