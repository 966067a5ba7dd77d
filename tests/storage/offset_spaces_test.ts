import { deepStrictEqual as equal, notEqual, ok } from "node:assert";
import { StreamError } from "../../src/protocol/errors.ts";
import { OFFSET_SPACES, spaceAt } from "../../src/protocol/offset.ts";
import { OffsetSpaces } from "../../src/storage/offset_spaces.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";
import { newStream, type Stream } from "../../src/storage/stream.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { rejectsWith } from "../support/expect.ts";
import { FileKit } from "../support/file_kit.ts";
import { withTempDir } from "../support/temp_dir.ts";

const TEXT = "text/plain";

/** What an offset of the one storage comes to in the other, whose first stream has the same name. */
async function readElsewhere(one: Storage, other: Storage): Promise<void> {
  const { space } = await one.create("s", { contentType: TEXT });
  const made = await other.create("s", { contentType: TEXT });
  equal((await one.head("s")).id, (await other.head("s")).id);
  notEqual(made.space, space);
  await rejectsWith(other.read("s", { space, position: 0 }, 4096), "offset_gone");
}

Deno.test("offsets of a memory storage aren't those of the next one", async () => {
  await readElsewhere(createMemoryStorage(), createMemoryStorage());
});

Deno.test("offsets of a directory that was wiped aren't those of the one made there", () =>
  withTempDir(async (root) => {
    const dir = `${root}/data`;
    const old = await openFileStorage({ dir });
    const { space } = await old.create("s", { contentType: TEXT });
    await old.close();
    await Deno.remove(dir, { recursive: true });
    const storage = await openFileStorage({ dir });
    await storage.create("s", { contentType: TEXT });
    await rejectsWith(storage.read("s", { space, position: 0 }, 4096), "offset_gone");
    await storage.close();
  }));

Deno.test("offsets stay what they are when the server starts again", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    let storage = await kit.open();
    const { space } = await storage.create("a", { contentType: TEXT });
    await storage.create("b", { fork: { source: "a" }, body: new Uint8Array(1) });
    await storage.create("c", { fork: { source: "b" }, body: new Uint8Array(1) });
    await storage.delete("a");
    const { space: before } = await storage.head("c");
    equal(spaceAt(before, 0), space);
    for (const begin of [() => kit.crash(), () => kit.reopen(), () => kit.crash()]) {
      storage = await begin();
      equal((await storage.read("c", { space, position: 0 }, 4096)).space, before);
    }
    await kit.close();
  }));

Deno.test("a listing of forks loads none of their sources", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    await kit.open();
    const { space } = await kit.storage.create("a", { contentType: TEXT });
    await kit.storage.create("b", { fork: { source: "a" } });
    for (const name of ["f/1", "f/2"]) await kit.storage.create(name, { fork: { source: "b" } });
    await kit.reopen();
    const { streams } = await kit.storage.list({ prefix: "f", limit: 10 });
    equal(streams.map((stream) => spaceAt(stream.space, stream.tail)), [space, space]);
    equal(kit.storage.status().figures.loadedStreams, 0);
    await kit.close();
  }));

Deno.test("a listing survives a fork whose source is damaged", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    await kit.open();
    await kit.storage.create("a", { contentType: TEXT });
    await kit.storage.create("f/1", { fork: { source: "a" } });
    await kit.storage.create("f/2", { contentType: TEXT });
    const damaged = (await kit.storage.head("a")).id;
    await kit.reopen();
    const byId = kit.catalog.byId.bind(kit.catalog);
    kit.catalog.byId = (id) => {
      if (id === damaged) throw new StreamError({ code: "damaged" }, "The row is damaged.");
      return byId(id);
    };
    const { streams } = await kit.storage.list({ prefix: "f", limit: 10 });
    equal(streams.map(({ name }) => name), ["f/1", "f/2"]);
    await rejectsWith(kit.storage.head("f/1"), "damaged");
    await kit.storage.head("f/2");
    await kit.close();
  }));

Deno.test("a fork of a fork, a thousand times over, has the first one's offsets", async () => {
  const storage = createMemoryStorage();
  const { space } = await storage.create("0", { contentType: TEXT });
  for (let i = 1; i <= 1000; i++) await storage.create(`${i}`, { fork: { source: `${i - 1}` } });
  equal(spaceAt((await storage.head("1000")).space, 0), space);
});

Deno.test("the offset spaces of all streams of a storage differ, wherever they begin", () => {
  const created = { kind: "create", atMs: 0, name: "s", contentType: TEXT, closed: false } as const;
  const lifetime = { kind: "forever" } as const;
  const stream = (id: number): Stream =>
    newStream({ ...created, id, lifetime, fork: undefined, data: new Uint8Array() });
  const salt = 0xffff_ffff;
  const ids = [1, 2, 3, 1000, OFFSET_SPACES - salt - 1, OFFSET_SPACES - salt, OFFSET_SPACES - 1];
  const spaces = new OffsetSpaces("ffffffff", { summary: stream });
  const found = ids.map((id) => spaceAt(spaces.of(stream(id)), 0));
  equal(new Set(found).size, ids.length);
  ok(found.every((space) => space >= 0 && space < OFFSET_SPACES), found.join());
});

Deno.test("forks of one source have offsets of their own", async () => {
  const storage = createMemoryStorage();
  await storage.create("s", { contentType: TEXT, body: new Uint8Array(9) });
  const forks = ["f", "g"].map((name) =>
    storage.create(name, { fork: { source: "s" }, body: new Uint8Array(1) })
  );
  const [f, g] = await Promise.all(forks);
  notEqual(f?.space, g?.space);
});
