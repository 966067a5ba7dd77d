import { deepStrictEqual as equal, ok } from "node:assert";
import { DatabaseSync } from "node:sqlite";
import { decodeUtf8, encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { StreamError } from "../../../../src/protocol/errors.ts";
import { type Offset, type OffsetSpace, spaceAt } from "../../../../src/protocol/offset.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const TEXT = "text/plain";
const JSON_TYPE = "application/json";

/** Appends messages of 100 bytes each, the next ones of a stream. */
async function append(storage: Storage, name: string, first: number, count: number): Promise<void> {
  for (let i = first; i < first + count; i++) {
    await storage.append(name, { contentType: TEXT, body: encodeUtf8(message(i)) });
  }
}

function message(i: number): string {
  return `${i} `.padEnd(100, "x");
}

function textOf(first: number, count: number): string {
  return Array.from({ length: count }, (_, i) => message(first + i)).join("");
}

async function readAll(storage: Storage, name: string, from = 0): Promise<string> {
  let text = "";
  const { tail, space } = await storage.head(name);
  for (let position = from; position < tail;) {
    const { data, next } = await storage.read(name, at(space, position), 3000);
    text += decodeUtf8(data);
    position = next;
  }
  return text;
}

function at(space: OffsetSpace, position: number): Offset {
  return { space: spaceAt(space, position), position };
}

function segmentFiles(dir: string): string[] {
  return [...Deno.readDirSync(`${dir}/segments`)].flatMap(({ name }) =>
    [...Deno.readDirSync(`${dir}/segments/${name}`)].map((file) => file.name)
  );
}

/** Where the first stream's rows of blocks begin and end. */
function rowsOf({ catalog }: FileKit): number[][] {
  return catalog.blocks(catalog.byName("a")?.id ?? 0).map(({ base, end }) => [base, end]);
}

function segmentsOf({ catalog }: FileKit): number[][] {
  return catalog.segments(catalog.byName("a")?.id ?? 0).map(({ base, end }) => [base, end]);
}

Deno.test("a small stream's whole blocks are rows of the catalogue, without any file", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    await append(storage, "a", 0, 60);
    await kit.checkpoint();
    await append(storage, "a", 60, 60);
    await kit.checkpoint();
    equal(rowsOf(kit), [[0, 4000], [4000, 8000]]);
    equal(segmentFiles(kit.dir), []);
    equal(await readAll(storage, "a"), textOf(0, 120));
    equal(await readAll(await kit.reopen(), "a"), textOf(0, 120));
    equal(await readAll(await kit.crash(), "a"), textOf(0, 120));
    const { space } = await kit.storage.head("a");
    equal((await kit.storage.countBefore?.("a", at(space, 8000)))?.messages, 80);
    await kit.close();
  }));

Deno.test("a stream that isn't small any more has all of it in one segment, also after a crash", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    for (let first = 0; first < 300; first += 60) {
      await append(storage, "a", first, 60);
      await kit.checkpoint();
      const held = first < 180 ? rowsOf(kit).at(-1) : segmentsOf(kit)[0];
      equal(held?.[1], Math.floor(((first + 60) * 100 - 1) / 4000) * 4000);
    }
    equal([rowsOf(kit), segmentsOf(kit)], [[], [[0, 28_000]]]);
    equal(await readAll(storage, "a"), textOf(0, 300));
    equal(await readAll(await kit.crash(), "a"), textOf(0, 300));
    await kit.close();
  }));

Deno.test("a stream with a long block gets a segment at once", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    await append(storage, "a", 0, 60);
    await kit.checkpoint();
    const body = encodeUtf8("y".repeat(9000));
    await storage.append("a", { contentType: TEXT, body });
    await kit.checkpoint();
    equal([rowsOf(kit), segmentsOf(kit)], [[], [[0, 15_000]]]);
    equal(await readAll(storage, "a"), textOf(0, 60) + "y".repeat(9000));
    await kit.close();
  }));

Deno.test("with less for small streams than before, what is in rows goes into a segment", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    await append(storage, "a", 0, 60);
    await kit.close();
    const less = new FileKit(root, { smallStreamBytes: 0 });
    await append(await less.open(), "a", 60, 1);
    await less.checkpoint();
    equal([rowsOf(less), segmentsOf(less)], [[], [[0, 4000]]]);
    equal(await readAll(less.storage, "a"), textOf(0, 61));
    await less.close();
  }));

Deno.test("rows go with what is trimmed, but for what a fork reads, and come again behind segments that went", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    await append(storage, "a", 0, 130);
    await kit.checkpoint();
    await storage.create("b", { fork: { source: "a" } });
    await storage.update?.("a", { trimBefore: 9000 });
    await kit.checkpoint();
    equal(rowsOf(kit), [[0, 4000], [4000, 8000], [8000, 12_000]]);
    equal(await readAll(storage, "a", 9000), textOf(90, 40));
    equal(await readAll(storage, "b"), textOf(0, 130));
    await storage.delete("b");
    await kit.checkpoint();
    equal(rowsOf(kit), [[8000, 12_000]]);
    equal(await readAll(await kit.crash(), "a", 9000), textOf(90, 40));
    await append(kit.storage, "a", 130, 200);
    await kit.checkpoint();
    equal([rowsOf(kit), segmentsOf(kit)], [[], [[8000, 32_000]]]);
    await kit.storage.update?.("a", { trimBefore: 33_000 });
    await append(kit.storage, "a", 330, 50);
    await kit.checkpoint();
    equal([rowsOf(kit), segmentsOf(kit)], [[[32_000, 36_000]], []]);
    equal(await readAll(kit.storage, "a", 33_000), textOf(330, 50));
    equal(await readAll(await kit.reopen(), "a", 33_000), textOf(330, 50));
    await kit.close();
  }));

Deno.test("a small stream that is softly deleted is read by its fork", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    await append(storage, "a", 0, 90);
    await kit.checkpoint();
    await storage.create("b", { fork: { source: "a" } });
    await storage.delete("a");
    await kit.checkpoint();
    equal(await readAll(await kit.reopen(), "b"), textOf(0, 90));
    const id = kit.catalog.byName("a")?.id ?? 0;
    await kit.storage.delete("b");
    await kit.checkpoint();
    equal(kit.catalog.blocks(id), []);
    await kit.close();
  }));

Deno.test("what is appended while the rows are stored is there, and read in one run", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    await append(storage, "a", 0, 90);
    const { catalog } = kit;
    const store = catalog.store.bind(catalog);
    let seen = "";
    catalog.store = async (changes) => {
      if (changes.blocks.length > 0 && seen === "") {
        await append(storage, "a", 90, 90);
        await store(changes);
        // The rows are there, and this process doesn't know it yet.
        seen = await readAll(storage, "a");
      } else await store(changes);
    };
    await kit.checkpoint();
    equal(seen, textOf(0, 180));
    equal(await readAll(storage, "a"), textOf(0, 180));
    await kit.checkpoint();
    equal(rowsOf(kit).at(-1), [12_000, 16_000]);
    equal(await readAll(await kit.crash(), "a"), textOf(0, 180));
    await kit.close();
  }));

Deno.test("a damaged row makes its stream's rows unreadable, and nothing else", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    let storage = await kit.open();
    for (const name of ["a", "b"]) {
      await storage.create(name, { contentType: TEXT });
      await append(storage, name, 0, 90);
    }
    await kit.checkpoint();
    const id = kit.catalog.byName("a")?.id ?? 0;
    const damage = () => {
      const database = new DatabaseSync(`${kit.dir}/catalog.sqlite`);
      database.prepare("UPDATE block SET body = ? WHERE stream_id = ? AND base = 4000")
        .run(new Uint8Array(4000), id);
      database.close();
    };
    damage();
    const check = async () => {
      const error = await readAll(storage, "a").catch((error: unknown) => error);
      ok(error instanceof StreamError && error.failure.code === "damaged", String(error));
      equal(error.failure.range, { start: 0, end: 8000 });
      equal(await readAll(storage, "a", 8000), textOf(80, 10));
      equal(await readAll(storage, "b"), textOf(0, 90));
    };
    await check();
    storage = await kit.reopen();
    await check();
    const refused = await append(storage, "a", 90, 1).catch((error: unknown) => error);
    ok(refused instanceof StreamError && refused.code === "damaged", String(refused));
    await storage.delete("a");
    await kit.checkpoint();
    equal(kit.catalog.blocks(id), []);
    await kit.close();
  }));

Deno.test("where rows are damaged as they are to move, the log still gets out of its files", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await storage.create("a", { contentType: TEXT });
    await append(storage, "a", 0, 90);
    await kit.checkpoint();
    const database = new DatabaseSync(`${kit.dir}/catalog.sqlite`);
    database.exec("UPDATE block SET messages = 7 WHERE base = 0");
    database.close();
    await append(storage, "a", 90, 150);
    await kit.checkpoint();
    equal(segmentsOf(kit), [[8000, 20_000]]);
    equal(await readAll(await kit.reopen(), "a", 8000), textOf(80, 160));
    // What is damaged is trimmed, with the segment behind it: the stream is a small one again.
    await kit.storage.update?.("a", { trimBefore: 21_000 });
    await append(kit.storage, "a", 240, 60);
    await kit.checkpoint();
    equal(segmentsOf(kit), []);
    await append(await kit.reopen(), "a", 300, 1);
    equal(await readAll(kit.storage, "a", 21_000), textOf(210, 91));
    await kit.close();
  }));

Deno.test("time, counts and the last messages of a JSON stream in rows are those of one in memory", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await storage.create("a", { contentType: JSON_TYPE });
    const ends: number[] = [0];
    const startMs = kit.clock.nowMs();
    for (let i = 0; i < 100; i++) {
      const body = encodeUtf8(JSON.stringify(message(i)));
      ends.push((await storage.append("a", { contentType: JSON_TYPE, body })).tail);
      kit.clock.advance(1);
    }
    const { space } = await storage.head("a");
    const look = async () => ({
      counts: await Promise.all(
        ends.map(async (position) =>
          (await kit.storage.countBefore?.("a", at(space, position)))?.messages
        ),
      ),
      last: await Promise.all(
        [1, 30, 60, 99, 100, 200].map(async (lastMessages) =>
          (await kit.storage.read("a", { lastMessages }, 1)).start
        ),
      ),
      since: await Promise.all(
        [0, 20, 50, 99, 100].map(async (ms) =>
          (await kit.storage.read("a", { sinceMs: startMs + ms }, 1)).start
        ),
      ),
    });
    const before = await look();
    equal(before.counts, ends.map((_, i) => i));
    await kit.checkpoint();
    equal(rowsOf(kit).length, 2);
    equal(await look(), before);
    await kit.reopen();
    equal(await look(), before);
    await kit.close();
  }));
