import { deepStrictEqual as equal, notDeepStrictEqual as notEqual, ok } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { rejectsWith } from "../support/expect.ts";
import { type It, JSON_TYPE, TEXT } from "./kit.ts";

/** Names that a file system, SQL or a URL might trip over, all different. */
const NAMES = [
  "a",
  "A",
  "a/b",
  "a//b",
  "a/",
  "..",
  "../../etc/passwd",
  "con",
  " ",
  "'; DROP TABLE stream; --",
  '"quoted"',
  "%2F",
  "é",
  "e\u0301",
  "日本語/ストリーム",
  "🦆".repeat(256),
  "x".repeat(1024),
  "catalog.sqlite",
  "LOCK",
  "*?[]",
  "~",
  "=",
];

/** Making, finding and deleting streams. */
export function describeLifecycle(it: It): void {
  it("a create makes an empty stream", async ({ storage }) => {
    const { space, ...created } = await storage.create("s", { contentType: TEXT });
    equal(created, {
      created: true,
      contentType: TEXT,
      tail: 0,
      closed: false,
    });
    const { id: _, messages: __, ...info } = await storage.head("s");
    equal(info, {
      space,
      contentType: TEXT,
      lifetime: { kind: "forever" },
      expiresAtMs: Infinity,
      tail: 0,
      earliest: 0,
      policies: undefined,
      closed: false,
    });
  });

  it("a create without a content type makes an octet stream", async ({ storage }) => {
    equal((await storage.create("s", {})).contentType, "application/octet-stream");
    equal((await storage.head("s")).contentType, "application/octet-stream");
  });

  it("a create with content is one step", async ({ storage, streams }) => {
    const created = await storage.create("s", { contentType: TEXT, body: encodeUtf8("hello") });
    equal(created.tail, 5);
    equal(await streams.all("s"), "hello");
  });

  it("a create with a JSON array holds the array's messages", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE, body: encodeUtf8('[{"a":1}, [2]]') });
    equal(await streams.all("s"), '{"a":1},\n[2],\n');
    await storage.create("empty", { contentType: JSON_TYPE, body: encodeUtf8("[]") });
    equal((await storage.head("empty")).tail, 0);
  });

  it("a create with bad JSON makes nothing", async ({ storage }) => {
    const body = encodeUtf8("{");
    await rejectsWith(storage.create("s", { contentType: JSON_TYPE, body }), "invalid_json");
    await rejectsWith(storage.head("s"), "not_found");
  });

  it("a stream created closed takes no appends", async ({ storage, streams }) => {
    const body = encodeUtf8("all");
    const { space } = await storage.create("s", { contentType: TEXT, closed: true, body });
    await rejectsWith(streams.text("s", "more"), { code: "stream_closed", space, tail: 3 });
    equal(await streams.all("s"), "all");
  });

  it("a create of what exists finds the same stream", async ({ storage, streams }) => {
    const spec = { contentType: TEXT, lifetime: { kind: "ttl", ttlSeconds: 60 } } as const;
    const { space } = await storage.create("s", spec);
    await streams.text("s", "data");
    equal(await storage.create("s", spec), {
      created: false,
      contentType: TEXT,
      space,
      tail: 4,
      closed: false,
    });
    equal(await streams.all("s"), "data");
  });

  it("a create of what exists ignores case and parameters of the content type as the protocol says", async ({ storage }) => {
    await storage.create("s", { contentType: "text/plain" });
    equal((await storage.create("s", { contentType: "TEXT/Plain" })).created, false);
  });

  it("a create of what exists with another configuration is refused", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT, lifetime: { kind: "ttl", ttlSeconds: 60 } });
    const lifetime = { kind: "ttl", ttlSeconds: 60 } as const;
    for (
      const spec of [
        { contentType: JSON_TYPE, lifetime },
        { contentType: TEXT },
        { contentType: TEXT, lifetime: { kind: "ttl", ttlSeconds: 61 } },
        { contentType: TEXT, lifetime: { kind: "until", expiresAtMs: 4e12 } },
        { contentType: TEXT, lifetime, closed: true },
        { contentType: TEXT, lifetime, fork: { source: "s" } },
      ] as const
    ) {
      await rejectsWith(storage.create("s", spec), "stream_exists");
    }
  });

  it("creates at the same time make one stream", async ({ storage }) => {
    const results = await Promise.all(
      Array.from({ length: 8 }, () => storage.create("s", { contentType: TEXT })),
    );
    equal(results.filter(({ created }) => created).length, 1);
  });

  it("a delete is for good", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("x") });
    await storage.delete("s");
    await rejectsWith(storage.head("s"), "not_found");
    await rejectsWith(storage.read("s", 0, 4096), "not_found");
    await rejectsWith(storage.delete("s"), "not_found");
    await rejectsWith(streams.text("s", "x"), "not_found");
    await rejectsWith(storage.watch("s", () => {}), "not_found");
  });

  it("a deleted name made again is a new stream", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    await storage.append("s", {
      contentType: TEXT,
      body: encodeUtf8("old ".repeat(5000)),
      seq: "9",
      producer: { id: "p", epoch: 3, seq: 0 },
      close: true,
    });
    const before = await storage.head("s");
    await storage.delete("s");
    equal((await storage.create("s", { contentType: JSON_TYPE })).created, true);
    const after = await storage.head("s");
    notEqual(after.id, before.id);
    equal([after.contentType, after.tail, after.closed], [JSON_TYPE, 0, false]);
    await storage.append("s", {
      contentType: JSON_TYPE,
      body: encodeUtf8("1"),
      seq: "1",
      producer: { id: "p", epoch: 0, seq: 0 },
    });
    equal(await streams.all("s"), "1,\n");
  });

  it("a delete and a create at the same time leave one stream or none", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("old") });
    await Promise.all([storage.delete("s"), storage.create("s", { contentType: TEXT })]);
    equal(await streams.all("s"), "");
  });

  it("names are distinct, whatever is in them", async ({ storage, streams }) => {
    for (const [i, name] of NAMES.entries()) {
      await storage.create(name, { contentType: TEXT, body: encodeUtf8(`${i}`) });
    }
    for (const [i, name] of NAMES.entries()) equal(await streams.all(name), `${i}`);
    await storage.delete("a/b");
    await rejectsWith(storage.head("a/b"), "not_found");
    equal(await streams.all("a"), "0");
  });

  it("a closed storage refuses everything", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    await storage.close();
    await storage.close();
    await rejectsWith(streams.text("s", "x"), "storage_closed");
    await rejectsWith(storage.create("t", {}), "storage_closed");
    await rejectsWith(storage.delete("s"), "storage_closed");
  });

  it("the identity is short and stays", async ({ storage }) => {
    ok(/^[0-9a-f]{8}$/.test(storage.identity));
    await storage.create("s", {});
    const { id } = await storage.head("s");
    equal((await storage.head("s")).id, id);
  });
}
