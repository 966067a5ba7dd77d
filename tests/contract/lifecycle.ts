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
  it("CreateMakesAnEmptyStream", async ({ storage }) => {
    const { space, ...created } = await storage.create("s", { contentType: TEXT });
    equal(created, {
      created: true,
      contentType: TEXT,
      tail: 0,
      closed: false,
    });
    const { id: _, ...info } = await storage.head("s");
    equal(info, {
      space,
      contentType: TEXT,
      lifetime: { kind: "forever" },
      expiresAtMs: Infinity,
      tail: 0,
      closed: false,
    });
  });

  it("CreateWithoutContentTypeIsOctetStream", async ({ storage }) => {
    equal((await storage.create("s", {})).contentType, "application/octet-stream");
    equal((await storage.head("s")).contentType, "application/octet-stream");
  });

  it("CreateWithContentIsOneStep", async ({ storage, streams }) => {
    const created = await storage.create("s", { contentType: TEXT, body: encodeUtf8("hello") });
    equal(created.tail, 5);
    equal(await streams.all("s"), "hello");
  });

  it("CreateWithJsonArrayHoldsItsMessages", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE, body: encodeUtf8('[{"a":1}, [2]]') });
    equal(await streams.all("s"), '{"a":1},\n[2],\n');
    await storage.create("empty", { contentType: JSON_TYPE, body: encodeUtf8("[]") });
    equal((await storage.head("empty")).tail, 0);
  });

  it("CreateWithBadJsonMakesNothing", async ({ storage }) => {
    const body = encodeUtf8("{");
    await rejectsWith(storage.create("s", { contentType: JSON_TYPE, body }), "invalid_json");
    await rejectsWith(storage.head("s"), "not_found");
  });

  it("CreateClosedTakesNoAppends", async ({ storage, streams }) => {
    const body = encodeUtf8("all");
    const { space } = await storage.create("s", { contentType: TEXT, closed: true, body });
    await rejectsWith(streams.text("s", "more"), { code: "stream_closed", space, tail: 3 });
    equal(await streams.all("s"), "all");
  });

  it("CreateAgainFindsTheSameStream", async ({ storage, streams }) => {
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

  it("CreateAgainIgnoresCaseAndParametersOfTheTypeAsTheProtocolSays", async ({ storage }) => {
    await storage.create("s", { contentType: "text/plain" });
    equal((await storage.create("s", { contentType: "TEXT/Plain" })).created, false);
  });

  it("CreateAgainWithAnotherConfigIsRefused", async ({ storage }) => {
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

  it("CreateAtOnceMakesOneStream", async ({ storage }) => {
    const results = await Promise.all(
      Array.from({ length: 8 }, () => storage.create("s", { contentType: TEXT })),
    );
    equal(results.filter(({ created }) => created).length, 1);
  });

  it("DeleteIsForGood", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("x") });
    await storage.delete("s");
    await rejectsWith(storage.head("s"), "not_found");
    await rejectsWith(storage.read("s", 0, 4096), "not_found");
    await rejectsWith(storage.delete("s"), "not_found");
    await rejectsWith(streams.text("s", "x"), "not_found");
    await rejectsWith(storage.watch("s", () => {}), "not_found");
  });

  it("DeletedNameMadeAgainIsANewStream", async ({ storage, streams }) => {
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

  it("DeleteAndCreateAtOnceLeaveOneStreamOrNone", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("old") });
    await Promise.all([storage.delete("s"), storage.create("s", { contentType: TEXT })]);
    equal(await streams.all("s"), "");
  });

  it("NamesAreDistinctWhateverIsInThem", async ({ storage, streams }) => {
    for (const [i, name] of NAMES.entries()) {
      await storage.create(name, { contentType: TEXT, body: encodeUtf8(`${i}`) });
    }
    for (const [i, name] of NAMES.entries()) equal(await streams.all(name), `${i}`);
    await storage.delete("a/b");
    await rejectsWith(storage.head("a/b"), "not_found");
    equal(await streams.all("a"), "0");
  });

  it("ClosedStorageRefusesEverything", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    await storage.close();
    await storage.close();
    await rejectsWith(streams.text("s", "x"), "storage_closed");
    await rejectsWith(storage.create("t", {}), "storage_closed");
    await rejectsWith(storage.delete("s"), "storage_closed");
  });

  it("IdentityIsShortAndStays", async ({ storage }) => {
    ok(/^[0-9a-f]{8}$/.test(storage.identity));
    await storage.create("s", {});
    const { id } = await storage.head("s");
    equal((await storage.head("s")).id, id);
  });
}
