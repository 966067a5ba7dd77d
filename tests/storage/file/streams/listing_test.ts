import { deepStrictEqual as equal, ok } from "node:assert";
import { DatabaseSync } from "node:sqlite";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { FileStorageOptions } from "../../../../src/storage/file/options.ts";
import type { ListPage, ListRequest } from "../../../../src/storage/storage.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const TEXT = "text/plain";

function withKit(
  options: Omit<FileStorageOptions, "dir">,
  run: (kit: FileKit) => Promise<void>,
): () => Promise<void> {
  return () =>
    withTempDir(async (root) => {
      const kit = new FileKit(root, options);
      await kit.open();
      try {
        await run(kit);
      } finally {
        await kit.close();
      }
    });
}

/** Names in their order: `s/000`, `s/001` and so on. */
function names(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `s/${String(from + i).padStart(3, "0")}`);
}

async function createAll(kit: FileKit, all: readonly string[]): Promise<void> {
  await Promise.all(all.map((name) => kit.storage.create(name, { contentType: TEXT })));
}

function list(kit: FileKit, request: Partial<ListRequest> = {}): Promise<ListPage> {
  return kit.storage.list({ prefix: "s/", after: "", limit: 1000, ...request });
}

async function listNames(kit: FileKit, request: Partial<ListRequest> = {}): Promise<string[]> {
  return (await list(kit, request)).streams.map(({ name }) => name);
}

/** What was asked of the catalogue while `run` ran. */
async function countLookUps(
  { catalog }: FileKit,
  run: () => Promise<unknown>,
): Promise<{ lists: number; rows: number; others: number }> {
  const counted = { lists: 0, rows: 0, others: 0 };
  const { list, byId, byName } = catalog;
  catalog.list = (range, limit) => {
    const rows = list.call(catalog, range, limit);
    counted.lists++;
    counted.rows += rows.length;
    return rows;
  };
  catalog.byId = (id) => {
    counted.others++;
    return byId.call(catalog, id);
  };
  catalog.byName = (name) => {
    counted.others++;
    return byName.call(catalog, name);
  };
  try {
    await run();
  } finally {
    Object.assign(catalog, { list, byId, byName });
  }
  return counted;
}

Deno.test(
  "a page costs the same whatever comes before it",
  withKit({ maxLoadedStreams: 2 }, async (kit) => {
    const all = names(400);
    await createAll(kit, all);
    await kit.checkpoint();
    await createAll(kit, ["s/100x", "s/200x"]);
    for (const after of ["", "s/099", "s/199", "s/350"]) {
      const counted = await countLookUps(kit, async () => {
        const { streams } = await list(kit, { after, limit: 10 });
        equal(streams.length, 10);
        ok(streams.every(({ name }) => name > after));
      });
      equal(counted, { lists: 1, rows: 11, others: 0 }, `after ${after}`);
    }
  }),
);

Deno.test(
  "a page behind deleted names costs the same",
  withKit({}, async (kit) => {
    await createAll(kit, names(300));
    await kit.checkpoint();
    await Promise.all(names(200).map((name) => kit.storage.delete(name)));
    const counted = await countLookUps(kit, async () => {
      equal(await listNames(kit, { after: "s/200", limit: 10 }), names(10, 201));
    });
    equal(counted, { lists: 1, rows: 11, others: 0 });
    equal(await listNames(kit, { limit: 3 }), names(3, 200));
  }),
);

Deno.test(
  "a prefix isn't read past its end",
  withKit({}, async (kit) => {
    await createAll(kit, [...names(50), "t/1"]);
    await kit.checkpoint();
    const counted = await countLookUps(kit, async () => {
      equal(await listNames(kit, { prefix: "s/01", limit: 1000 }), names(10, 10));
    });
    equal(counted.rows, 10);
  }),
);

Deno.test(
  "a listing loads no stream",
  withKit({ maxLoadedStreams: 20_000 }, async (kit) => {
    await createAll(kit, names(50));
    await kit.reopen();
    await list(kit);
    const counted = await countLookUps(kit, () => kit.storage.head("s/000"));
    equal(counted.others, 1, "the stream had to be looked up, so it wasn't in memory");
  }),
);

Deno.test(
  "a listing sees changes that the rows lack",
  withKit({ maxLoadedStreams: 2 }, async (kit) => {
    await createAll(kit, ["s/a", "s/c", "s/e"]);
    await kit.checkpoint();
    await kit.storage.create("s/b", { contentType: TEXT });
    await kit.storage.delete("s/c");
    await kit.storage.append("s/e", { contentType: TEXT, body: encodeUtf8("xyz"), close: true });
    const { streams } = await list(kit);
    equal(streams.map(({ name, tail, closed }) => [name, tail, closed]), [
      ["s/a", 0, false],
      ["s/b", 0, false],
      ["s/e", 3, true],
    ]);
    equal(await listNames(kit, { after: "s/a", limit: 1 }), ["s/b"]);
  }),
);

Deno.test(
  "a stream that only the log has is listed right after a kill",
  withKit({ walBytes: 4 * 1024 * 1024, checkpointIntervalMs: 1e9 }, async (kit) => {
    // The checkpoint that begins with the start takes up the first 63 before it lets anyone else run.
    const all = names(400);
    for (const [i, name] of all.entries()) {
      const lifetime = i % 5 === 0 ? { kind: "ttl", ttlSeconds: 100 } as const : undefined;
      await kit.storage.create(name, { contentType: TEXT, lifetime, body: encodeUtf8("first") });
      if (i % 2 === 0) {
        await kit.storage.append(name, { contentType: TEXT, body: encodeUtf8("x".repeat(i + 1)) });
      }
      if (i % 3 === 0) await kit.storage.append(name, { body: new Uint8Array(), close: true });
      if (i % 7 === 0) await kit.storage.create(`s/${i}-fork`, { fork: { source: name } });
      if (i % 14 === 0) await kit.storage.delete(name);
      if (i % 11 === 0) await kit.storage.create(`t/${i}`, {});
    }
    await kit.storage.delete("s/399");
    const before = await list(kit);
    await kit.crash();
    const after = await list(kit);
    equal(after, before);
    for (const { name, lastAppendAtMs: _, forkedFrom: __, ...info } of after.streams) {
      equal(info, await kit.storage.head(name));
    }
  }),
);

Deno.test(
  "rows that the log adds to are listed as they are right after a kill",
  withKit({ walBytes: 4 * 1024 * 1024 }, async (kit) => {
    const all = names(300);
    await createAll(kit, all);
    await kit.checkpoint();
    for (const [i, name] of all.entries()) {
      if (i % 2 === 0) {
        await kit.storage.append(name, { contentType: TEXT, body: encodeUtf8("x".repeat(i + 1)) });
      }
      if (i % 5 === 0) await kit.storage.delete(name);
      if (i % 10 === 0) await kit.storage.create(name, { contentType: "image/png" });
    }
    const before = await list(kit);
    await kit.crash();
    equal(await list(kit), before);
  }),
);

Deno.test(
  "a listing and HEAD agree on sliding streams after a kill",
  withKit({ maxLoadedStreams: 1 }, async (kit) => {
    const lifetime = { kind: "ttl", ttlSeconds: 100 } as const;
    for (const name of ["s/a", "s/b"]) await kit.storage.create(name, { lifetime });
    await kit.checkpoint();
    kit.clock.advance(90_000);
    await kit.crash();
    kit.clock.advance(50_000);
    equal(await listNames(kit), ["s/a", "s/b"]);
    await kit.storage.head("s/a");
  }),
);

Deno.test(
  "a name from the log that is made again before the first checkpoint ends is listed",
  withKit({}, async (kit) => {
    await createAll(kit, ["s/a", "s/b"]);
    await kit.crash();
    const held = Promise.withResolvers<void>();
    kit.beforeState = () => held.promise;
    await kit.storage.delete("s/a");
    await createAll(kit, ["s/a"]);
    equal(await listNames(kit), ["s/a", "s/b"]);
    held.resolve();
    await kit.checkpoint();
    equal(await listNames(kit), ["s/a", "s/b"]);
  }),
);

/** A disk on which the log's syncs wait until they are let go. */
function slowDisk(): { disk: HookedFileSystem; hold: () => void; letGo: () => void } {
  const disk = new HookedFileSystem();
  let gate = Promise.withResolvers<void>();
  let isHeld = false;
  disk.before = ({ call, path }) => {
    // A log file that is new still has a spare one's name.
    if (isHeld && call === "sync" && path.includes("/wal/")) return gate.promise;
  };
  return {
    disk,
    hold: () => {
      gate = Promise.withResolvers();
      isHeld = true;
    },
    letGo: () => {
      isHeld = false;
      gate.resolve();
    },
  };
}

Deno.test("a create is listed once it is durable", () => {
  const { disk, hold, letGo } = slowDisk();
  return withKit({ fileSystem: disk }, async (kit) => {
    await createAll(kit, ["s/a"]);
    hold();
    const created = kit.storage.create("s/b", {});
    equal(await listNames(kit), ["s/a"]);
    letGo();
    await created;
    equal(await listNames(kit), ["s/a", "s/b"]);
  })();
});

Deno.test("a listing without a deleted stream is answered once the delete is durable", () => {
  const { disk, hold, letGo } = slowDisk();
  return withKit({ fileSystem: disk }, async (kit) => {
    await createAll(kit, ["s/a", "s/b"]);
    hold();
    const deleted = kit.storage.delete("s/a");
    let isAnswered = false;
    const listed = listNames(kit).then((found) => {
      isAnswered = true;
      return found;
    });
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
    equal(isAnswered, false);
    letGo();
    await deleted;
    equal(await listed, ["s/b"]);
  })();
});

Deno.test("the tails of a listing are durable", () => {
  const { disk, hold, letGo } = slowDisk();
  return withKit({ fileSystem: disk }, async (kit) => {
    await createAll(kit, ["s/a"]);
    hold();
    const request = { contentType: TEXT, body: encodeUtf8("abc"), close: true };
    const appended = kit.storage.append("s/a", request);
    const before = (await list(kit)).streams.map(({ tail, closed }) => [tail, closed]);
    equal(before, [[0, false]]);
    letGo();
    await appended;
    const after = (await list(kit)).streams.map(({ tail, closed }) => [tail, closed]);
    equal(after, [[3, true]]);
  })();
});

Deno.test(
  "a damaged row is an error of its page only",
  withKit({}, async (kit) => {
    await createAll(kit, ["s/a", "s/b", "s/c"]);
    await kit.close();
    const database = new DatabaseSync(`${kit.dir}/catalog.sqlite`);
    database.exec("UPDATE stream SET tail = 77 WHERE name = 's/b'");
    database.close();
    await kit.open();
    await rejectsWith(list(kit), "damaged", /a row of stream with the CRC-32/);
    equal(await listNames(kit, { after: "s/b" }), ["s/c"]);
  }),
);

Deno.test(
  "listings during a checkpoint show each stream once",
  withKit({ walBytes: 1024 * 1024, maxLoadedStreams: 2 }, async (kit) => {
    const all = names(200);
    await createAll(kit, all);
    let isStored = false;
    kit.beforeState = async () => {
      equal(await listNames(kit), all, "with rows whose names are new in memory, too");
      await kit.storage.delete("s/000");
      await createAll(kit, ["s/000", "s/000x"]);
      equal((await listNames(kit)).slice(0, 3), ["s/000", "s/000x", "s/001"]);
      kit.beforeState = () => Promise.resolve();
      isStored = true;
    };
    await kit.checkpoint();
    equal(isStored, true);
    equal((await listNames(kit)).length, 201);
    await kit.checkpoint();
    equal((await listNames(kit)).slice(0, 3), ["s/000", "s/000x", "s/001"]);
  }),
);
