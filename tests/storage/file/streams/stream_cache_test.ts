import { deepStrictEqual as equal, ok } from "node:assert";
import { DatabaseSync } from "node:sqlite";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { FileStorageOptions } from "../../../../src/storage/file/options.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { evictIdleStreams } from "../../../support/event_loop.ts";
import { until } from "../../../support/until.ts";
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

function text(kit: FileKit, name: string, body: string) {
  return kit.storage.append(name, { contentType: TEXT, body: encodeUtf8(body) });
}

async function all(kit: FileKit, name: string): Promise<string> {
  return new TextDecoder().decode((await kit.storage.read(name, 0, 1 << 30)).data);
}

function segmentFiles(kit: FileKit): string[] {
  return [...Deno.readDirSync(`${kit.dir}/segments`)].flatMap((folder) =>
    [...Deno.readDirSync(`${kit.dir}/segments/${folder.name}`)].map(({ name }) => name)
  ).sort();
}

Deno.test(
  "streams that left memory come back as they were",
  withKit({ maxLoadedStreams: 3 }, async (kit) => {
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
    for (const name of names) {
      await kit.storage.create(name, { contentType: TEXT });
      await kit.storage.append(name, {
        contentType: TEXT,
        body: encodeUtf8(name.repeat(2000)),
        seq: "b",
        producer: { id: "p", epoch: 1, seq: 0 },
      });
      await text(kit, name, ".");
    }
    for (let round = 0; round < 3; round++) {
      await kit.checkpoint();
      for (const name of names) {
        await evictIdleStreams();
        equal(await all(kit, name), `${name.repeat(2000)}${".".repeat(round + 1)}`);
        await evictIdleStreams();
        const body = encodeUtf8("x");
        const request = { contentType: TEXT, body };
        await rejectsWith(
          kit.storage.append(name, { ...request, seq: "a" }),
          "sequence_regression",
        );
        const again = { ...request, producer: { id: "p", epoch: 1, seq: 0 } };
        equal((await kit.storage.append(name, again)).duplicate, true);
        await text(kit, name, ".");
      }
    }
  }),
);

Deno.test(
  "a dirty stream never leaves memory",
  withKit({ maxLoadedStreams: 1 }, async (kit) => {
    const names = Array.from({ length: 30 }, (_, i) => `s${i}`);
    const idle = ["i", "j", "k"];
    for (const name of [...names, ...idle]) await kit.storage.create(name, { contentType: TEXT });
    for (let round = 0; round < 3; round++) {
      for (const name of names) {
        await text(kit, name, `${round}`);
        for (const other of idle) await kit.storage.head(other);
        await evictIdleStreams();
      }
      if (round !== 1) continue;
      await kit.checkpoint();
      // What comes next isn't told from what is stored by its time.
      kit.clock.advance(-1000);
    }
    for (const name of names) equal(await all(kit, name), "012");
    await kit.crash();
    for (const name of names) equal(await all(kit, name), "012");
  }),
);

Deno.test(
  "idle streams leave memory by their bytes too",
  withKit({ maxIdleBytes: 20_000, checkpointStreams: 1000 }, async (kit) => {
    const loaded = () => kit.storage.status().figures["loadedStreams"] ?? 0;
    const names = Array.from({ length: 10 }, (_, i) => `s${i}`);
    for (const name of names) await kit.storage.create(name, { contentType: TEXT });
    await kit.checkpoint();
    await evictIdleStreams();
    const atFirst = loaded();
    ok(atFirst >= 10, `${atFirst} streams are in memory`);
    for (const name of names) await text(kit, name, name.repeat(500));
    equal(loaded(), atFirst);
    await kit.checkpoint();
    await evictIdleStreams();
    ok(loaded() > 0 && loaded() < 9, `${loaded()} streams are in memory`);
    for (const name of names) equal(await all(kit, name), name.repeat(500));
    await evictIdleStreams();
    ok(loaded() < 9, `${loaded()} streams are in memory`);
  }),
);

Deno.test(
  "dirty streams count among those in memory",
  withKit({ maxLoadedStreams: 20, checkpointStreams: 1000 }, async (kit) => {
    const loaded = () => kit.storage.status().figures["loadedStreams"] ?? 0;
    const idle = Array.from({ length: 15 }, (_, i) => `idle${i}`);
    for (const name of idle) await kit.storage.create(name, { contentType: TEXT });
    await kit.checkpoint();
    await evictIdleStreams();
    ok(loaded() >= 15, `${loaded()} streams are in memory`);
    for (let i = 0; i < 15; i++) await kit.storage.create(`dirty${i}`, { contentType: TEXT });
    await kit.storage.head("idle0");
    await kit.checkpoint();
    for (let i = 0; i < 15; i++) await text(kit, `dirty${i}`, "x");
    for (const name of idle) await kit.storage.head(name);
    await evictIdleStreams();
    ok(loaded() >= 15 && loaded() <= 21, `${loaded()} streams are in memory`);
  }),
);

Deno.test(
  "appends during a checkpoint aren't lost",
  withKit({ maxLoadedStreams: 2, segmentBytes: 8192, walBytes: 256 * 1024 }, async (kit) => {
    const names = Array.from({ length: 8 }, (_, i) => `s${i}`);
    for (const name of names) await kit.storage.create(name, { contentType: TEXT });
    let rounds = 0;
    let isOver = false;
    const checkpoints = (async () => {
      for (let i = 0; i < 10; i++) await kit.checkpoint();
      isOver = true;
    })();
    for (; !isOver; rounds++) {
      await Promise.all(names.map((name) => text(kit, name, `${rounds}:${"x".repeat(500)} `)));
    }
    await checkpoints;
    const expected = Array.from({ length: rounds }, (_, i) => `${i}:${"x".repeat(500)} `).join("");
    for (const name of names) equal(await all(kit, name), expected);
    await kit.crash();
    for (const name of names) equal(await all(kit, name), expected);
    await kit.reopen();
    for (const name of names) equal(await all(kit, name), expected);
  }),
);

Deno.test(
  "a watched stream stays in memory",
  withKit({ maxLoadedStreams: 1 }, async (kit) => {
    for (const name of ["a", "b", "c"]) await kit.storage.create(name, { contentType: TEXT });
    let wakes = 0;
    const watch = await kit.storage.watch("a", () => wakes++);
    await kit.checkpoint();
    for (const name of ["b", "c"]) await kit.storage.head(name);
    await evictIdleStreams();
    await text(kit, "a", "x");
    ok(wakes > 0);
    watch.cancel();
  }),
);

Deno.test(
  "forks are counted across stored and unstored changes",
  withKit({ maxLoadedStreams: 1 }, async (kit) => {
    const { storage } = kit;
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
    await storage.create("stored", { fork: { source: "s" } });
    await kit.checkpoint();
    await evictIdleStreams();
    await storage.create("new", { fork: { source: "s" } });
    await storage.delete("stored");
    await kit.storage.delete("s");
    await rejectsWith(storage.head("s"), "gone");
    await kit.checkpoint();
    await evictIdleStreams();
    equal(await all(kit, "new"), "abc");
    await storage.delete("new");
    await rejectsWith(storage.head("s"), "not_found");
  }),
);

Deno.test(
  "a fork deleted since the last checkpoint isn't counted",
  withKit({ maxLoadedStreams: 1 }, async (kit) => {
    await kit.storage.create("s", { contentType: TEXT });
    await kit.storage.create("f", { fork: { source: "s" } });
    await kit.storage.create("other", { contentType: TEXT });
    await kit.checkpoint();
    await evictIdleStreams();
    await kit.storage.delete("f");
    await kit.storage.head("other");
    await evictIdleStreams();
    await kit.storage.delete("s");
    await rejectsWith(kit.storage.head("s"), "not_found");
  }),
);

Deno.test(
  "a fork made and deleted between two checkpoints isn't counted",
  withKit({ maxLoadedStreams: 1 }, async (kit) => {
    await kit.storage.create("s", { contentType: TEXT });
    await kit.checkpoint();
    await kit.storage.create("f", { fork: { source: "s" } });
    await kit.storage.delete("f");
    await kit.checkpoint();
    await kit.storage.head("file-kit/mark");
    await evictIdleStreams();
    await kit.storage.delete("s");
    await rejectsWith(kit.storage.head("s"), "not_found");
  }),
);

Deno.test(
  "a fork made and deleted in the log isn't counted",
  withKit({}, async (kit) => {
    await kit.storage.create("s", { contentType: TEXT });
    await kit.checkpoint();
    await kit.storage.create("f", { fork: { source: "s" } });
    await kit.storage.delete("f");
    await kit.crash();
    await kit.checkpoint();
    await kit.storage.delete("s");
    await rejectsWith(kit.storage.head("s"), "not_found");
  }),
);

Deno.test(
  "deletes in the log stay deleted after later checkpoints",
  withKit({}, async (kit) => {
    await kit.storage.create("stored", { contentType: TEXT });
    await kit.checkpoint();
    await kit.storage.create("logged", { contentType: TEXT });
    await kit.storage.delete("stored");
    await kit.storage.delete("logged");
    await kit.crash();
    for (let i = 0; i < 3; i++) {
      await kit.checkpoint();
      for (const name of ["stored", "logged"]) {
        await rejectsWith(kit.storage.head(name), "not_found");
      }
    }
    for (const name of ["stored", "logged"]) {
      equal((await kit.storage.create(name, { contentType: TEXT })).created, true);
    }
    await kit.checkpoint();
  }),
);

Deno.test(
  "rows newer than the catalogue's LSN aren't replayed again",
  withKit({}, async (kit) => {
    const { storage } = kit;
    for (const name of ["a", "b", "c", "d"]) {
      await storage.create(name, { contentType: TEXT, body: encodeUtf8(name) });
    }
    await kit.checkpoint();
    const append = { contentType: TEXT, body: encodeUtf8("1"), seq: "1" };
    await storage.append("a", { ...append, producer: { id: "p", epoch: 0, seq: 0 } });
    await storage.create("f", { fork: { source: "b" }, body: encodeUtf8("f") });
    await storage.delete("b");
    await storage.delete("c");
    await storage.create("c", { contentType: TEXT, body: encodeUtf8("new") });
    await storage.append("d", { ...append, close: true });
    const committed = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    kit.beforeState = () => {
      committed.resolve();
      return gate.promise;
    };
    kit.clock.advance(20);
    await committed.promise;
    const crashed = kit.crash();
    kit.beforeState = () => Promise.resolve();
    gate.resolve();
    await crashed;
    const expected = { a: "a1", c: "new", d: "d1", f: "bf" };
    for (const [name, body] of Object.entries(expected)) equal(await all(kit, name), body);
    const again = { ...append, producer: { id: "p", epoch: 0, seq: 0 } };
    equal((await kit.storage.append("a", again)).duplicate, true);
    await rejectsWith(kit.storage.append("a", append), "sequence_regression");
    await rejectsWith(kit.storage.append("d", append), "stream_closed");
    await rejectsWith(kit.storage.head("b"), "gone");
    await kit.storage.delete("f");
    await rejectsWith(kit.storage.head("b"), "not_found");
  }),
);

Deno.test(
  "ids are never used twice",
  withKit({}, async (kit) => {
    const seen = new Set<number>();
    for (let i = 0; i < 6; i++) {
      await kit.storage.create("s", { contentType: TEXT });
      seen.add((await kit.storage.head("s")).id);
      await kit.storage.delete("s");
      if (i % 3 === 0) await kit.reopen();
      if (i % 3 === 1) await kit.crash();
      if (i % 3 === 2) await kit.checkpoint();
    }
    equal(seen.size, 6);
  }),
);

Deno.test(
  "small uses are remembered over a close",
  withKit({}, async (kit) => {
    const lifetime = { kind: "ttl", ttlSeconds: 100 } as const;
    await kit.storage.create("s", { contentType: TEXT, lifetime });
    await kit.checkpoint();
    kit.clock.advance(5_000);
    await kit.storage.read("s", 0, 4096);
    await kit.reopen();
    kit.clock.advance(98_000);
    await kit.storage.head("s");
  }),
);

Deno.test(
  "a killed sliding stream lives longer and never shorter",
  withKit({}, async (kit) => {
    const lifetime = { kind: "ttl", ttlSeconds: 100 } as const;
    await kit.storage.create("s", { contentType: TEXT, lifetime });
    await kit.checkpoint();
    for (let i = 0; i < 3; i++) {
      kit.clock.advance(90_000);
      await kit.storage.read("s", 0, 4096);
      await kit.crash();
    }
    kit.clock.advance(99_000);
    await kit.storage.head("s");
  }),
);

Deno.test(
  "expired streams are removed by themselves",
  withKit({}, async (kit) => {
    const lifetime = { kind: "ttl", ttlSeconds: 1 } as const;
    const body = encodeUtf8("x".repeat(10_000));
    for (let i = 0; i < 5; i++) {
      await kit.storage.create(`s${i}`, { contentType: TEXT, lifetime, body });
    }
    await kit.checkpoint();
    equal(segmentFiles(kit).length, 10);
    kit.clock.advance(2_000);
    await kit.checkpoint();
    await kit.checkpoint();
    equal([segmentFiles(kit), kit.catalog.expired(kit.clock.nowMs(), undefined, 10)], [[], []]);
  }),
);

Deno.test(
  "a damaged row of an expired stream doesn't harm the others",
  withKit({}, async (kit) => {
    const lifetime = { kind: "ttl", ttlSeconds: 1 } as const;
    await kit.storage.create("damaged", { contentType: TEXT, lifetime });
    await kit.storage.create("other", { contentType: TEXT });
    await kit.close();
    const database = new DatabaseSync(`${kit.dir}/catalog.sqlite`);
    database.exec("UPDATE stream SET seq = 'x' WHERE name = 'damaged'");
    database.close();
    await kit.open();
    kit.clock.advance(2_000);
    await kit.checkpoint();
    await rejectsWith(
      kit.storage.head("damaged"),
      "damaged",
      /catalog\.sqlite is damaged .*CRC-32/,
    );
    await text(kit, "other", "x");
  }),
);

Deno.test(
  "the files of a deleted stream are removed",
  withKit({ walBytes: 16 * 1024 * 1024, earlyWriteBytes: 1024 * 1024 }, async (kit) => {
    for (const name of ["stored", "early"]) {
      await kit.storage.create(name, { contentType: TEXT });
      await text(kit, name, "x".repeat(1_500_000));
      if (name === "stored") await kit.checkpoint();
      await text(kit, name, "x");
      equal(segmentFiles(kit).length, 2);
      await kit.storage.delete(name);
      await kit.checkpoint();
      equal(segmentFiles(kit), [], `${name}: files are left`);
    }
  }),
);

Deno.test(
  "files left by a kill are swept",
  withKit({}, async (kit) => {
    await kit.storage.create("s", { contentType: TEXT, body: encodeUtf8("x".repeat(9_000)) });
    await kit.checkpoint();
    const [log = "", index = ""] = segmentFiles(kit);
    for (const name of [log, index]) {
      const copy = name.replace(/^0{15}./, "00000000000000ff");
      await Deno.mkdir(`${kit.dir}/segments/ff`, { recursive: true });
      await Deno.copyFile(`${kit.dir}/segments/01/${name}`, `${kit.dir}/segments/ff/${copy}`);
    }
    for (let i = 2; i <= 256; i++) await kit.storage.create(`s${i}`, { contentType: TEXT });
    // The one with the id 255, so that nobody knows of it.
    await kit.storage.delete("s254");
    equal(segmentFiles(kit).length, 4);
    await kit.crash();
    await kit.checkpoint();
    await until(() => segmentFiles(kit).length <= 2, () => "files are left");
    equal(segmentFiles(kit), [log, index].sort());
    equal((await all(kit, "s")).length, 9_000);
  }),
);
