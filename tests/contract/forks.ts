import { deepStrictEqual as equal } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { rejectsWith } from "../support/expect.ts";
import { type It, JSON_TYPE, TEXT } from "./kit.ts";

/** Forks and soft deletion (PROTOCOL §4.2). */
export function describeForks(it: It): void {
  it("a fork begins at the tail unless it says otherwise", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("source") });
    const fork = await storage.create("f", { fork: { source: "s" } });
    const { space } = await storage.head("s");
    equal(fork, { created: true, contentType: TEXT, space, tail: 6, closed: false });
    await streams.text("s", " goes on");
    await streams.text("f", " differs");
    equal(await streams.all("s"), "source goes on");
    equal(await streams.all("f"), "source differs");
  });

  it("the read of a fork that is deleted meanwhile with its source is refused", async ({ storage, streams }) => {
    for (const read of ["whole", "boundary", "since"] as const) {
      await storage.create("s", { contentType: JSON_TYPE });
      await streams.json("s", "[1,2,3]");
      await storage.create("f", { fork: { source: "s" } });
      await storage.delete("s");
      const from = read === "since" ? { sinceMs: 0 } : read === "boundary" ? 3 : 0;
      const reading = storage.read("f", from, 4096);
      const deleting = storage.delete("f");
      // What was read before the delete may be answered; a defect may not.
      const outcome = await reading.then(() => "read", ({ code }) => code);
      equal(["read", "not_found"].includes(outcome), true, `${read}: ${outcome}`);
      await deleting;
    }
  });

  it("a fork at an offset shares the bytes before it", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("0123456789") });
    for (const offset of [0, 3, 10]) {
      await storage.create(`f${offset}`, { fork: { source: "s", offset }, body: encodeUtf8("!") });
      equal(await streams.all(`f${offset}`), `${"0123456789".slice(0, offset)}!`);
      equal((await storage.head(`f${offset}`)).tail, offset + 1);
    }
    equal((await storage.read("f3", "now", 4096)).start, 4);
  });

  it("the sub-offset of a fork counts bytes", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("0123456789") });
    await storage.create("f", { fork: { source: "s", offset: 2, subOffset: 5 } });
    equal(await streams.all("f"), "0123456");
    await rejectsWith(
      storage.create("g", { fork: { source: "s", offset: 2, subOffset: 9 } }),
      "invalid_fork",
    );
  });

  it("the sub-offset of a JSON fork counts messages", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE });
    const { tail } = await streams.json("s", '["first"]');
    await streams.json("s", `[${Array.from({ length: 3000 }, (_, i) => `{"n":${i}}`)}]`);
    const expected = ['"first"', ...Array.from({ length: 3000 }, (_, i) => `{"n":${i}}`)];
    for (const subOffset of [0, 1, 2, 1500, 3000]) {
      await storage.create(`f${subOffset}`, { fork: { source: "s", offset: tail, subOffset } });
      const messages = expected.slice(0, 1 + subOffset).map((message) => `${message},\n`);
      equal(await streams.all(`f${subOffset}`), messages.join(""));
    }
    await rejectsWith(
      storage.create("g", { fork: { source: "s", offset: tail, subOffset: 3001 } }),
      "invalid_fork",
    );
    await rejectsWith(storage.create("g", { fork: { source: "s", offset: 1 } }), "invalid_offset");
  });

  it("a fork past the tail is refused", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
    await rejectsWith(storage.create("f", { fork: { source: "s", offset: 4 } }), "invalid_fork");
    await rejectsWith(storage.head("f"), "not_found");
  });

  it("a fork of a stream that doesn't exist is not found", async ({ storage }) => {
    await rejectsWith(storage.create("f", { fork: { source: "s" } }), "not_found");
  });

  it("a fork of another content type is refused", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT });
    await rejectsWith(
      storage.create("f", { contentType: JSON_TYPE, fork: { source: "s" } }),
      "content_type_mismatch",
    );
  });

  it("a fork inherits its source's content type and lifetime", async ({ storage }) => {
    const lifetime = { kind: "ttl", ttlSeconds: 60 } as const;
    await storage.create("s", { contentType: JSON_TYPE, lifetime });
    await storage.create("f", { fork: { source: "s" } });
    await storage.create("g", { fork: { source: "s" }, lifetime: { kind: "forever" } });
    const [f, g] = [await storage.head("f"), await storage.head("g")];
    equal([f.contentType, f.lifetime], [JSON_TYPE, lifetime]);
    equal([g.contentType, g.lifetime], [JSON_TYPE, { kind: "forever" }]);
  });

  it("a fork doesn't inherit closure, Stream-Seq or producers", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const producer = { id: "p", epoch: 4, seq: 0 };
    const body = encodeUtf8("a");
    await storage.append("s", { contentType: TEXT, body, producer, seq: "9", close: true });
    await storage.create("f", { fork: { source: "s" } });
    equal((await storage.head("f")).closed, false);
    await storage.append("f", {
      contentType: TEXT,
      body: encodeUtf8("b"),
      producer: { id: "p", epoch: 0, seq: 0 },
      seq: "1",
    });
    equal(await streams.all("f"), "ab");
  });

  it("a fork made again is the same one", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
    const spec = { fork: { source: "s", offset: 1, subOffset: 1 } };
    await storage.create("f", spec);
    equal((await storage.create("f", spec)).created, false);
    for (const fork of [{ source: "s", offset: 2 }, { source: "s" }, { ...spec.fork, offset: 2 }]) {
      await rejectsWith(storage.create("f", { fork }), "stream_exists");
    }
    await rejectsWith(storage.create("f", { contentType: TEXT }), "stream_exists");
  });

  it("forks made at the same time are one stream", async ({ storage }) => {
    await storage.create("s", { contentType: JSON_TYPE });
    const results = await Promise.all(
      Array.from({ length: 8 }, () => storage.create("f", { fork: { source: "s" } })),
    );
    equal(results.filter(({ created }) => created).length, 1);
    await storage.delete("f");
    await rejectsWith(storage.head("f"), "not_found");
    await storage.delete("s");
    await rejectsWith(storage.head("s"), "not_found");
  });

  it("a fork and the delete of its source at the same time end in one of the two orders", async ({ storage, streams }) => {
    for (let i = 0; i < 10; i++) {
      await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
      const [fork] = await Promise.allSettled([
        storage.create("f", { fork: { source: "s", offset: 2 } }),
        storage.delete("s"),
      ]);
      if (fork.status === "rejected") {
        await rejectsWith(storage.head("s"), "not_found");
        continue;
      }
      await rejectsWith(storage.head("s"), "gone");
      equal(await streams.all("f"), "ab");
      await storage.delete("f");
      await rejectsWith(storage.head("s"), "not_found");
    }
  });

  it("forks of forks are read through the whole chain", async ({ storage, streams }) => {
    await storage.create("f0", { contentType: TEXT });
    let expected = "";
    for (let depth = 0; depth < 6; depth++) {
      const text = `${depth}`.repeat(3000 + depth);
      await streams.text(`f${depth}`, text);
      expected = (expected + text).slice(0, -500);
      const fork = { source: `f${depth}`, offset: expected.length };
      await storage.create(`f${depth + 1}`, { fork });
      equal(await streams.all(`f${depth + 1}`), expected);
    }
    await streams.text("f0", "not seen");
    await streams.text("f6", "own");
    equal(await streams.all("f6"), `${expected}own`);
    let whole = "";
    while (whole.length < expected.length + 3) {
      const { data } = await storage.read("f6", whole.length, 4096);
      whole += new TextDecoder().decode(data);
    }
    equal(whole, `${expected}own`);
  });

  it("a fork before its source's own fork point reads the source's source", async ({ storage, streams }) => {
    await storage.create("a", { contentType: TEXT, body: encodeUtf8("0123456789") });
    await storage.create("b", { fork: { source: "a", offset: 8 }, body: encodeUtf8("bb") });
    await storage.create("c", { fork: { source: "b", offset: 4 }, body: encodeUtf8("cc") });
    equal(await streams.all("c"), "0123cc");
    await storage.delete("a");
    await storage.delete("b");
    equal(await streams.all("c"), "0123cc");
    await rejectsWith(storage.head("a"), "gone");
    await storage.delete("c");
    for (const name of ["a", "b", "c"]) await rejectsWith(storage.head(name), "not_found");
  });

  it("a JSON fork checks message boundaries across its fork point", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE, body: encodeUtf8("[10, 20]") });
    await storage.create("f", { fork: { source: "s", offset: 4 }, body: encodeUtf8("30") });
    equal(await streams.all("f"), "10,\n30,\n");
    equal(await streams.all("f", 4), "30,\n");
    await rejectsWith(storage.read("f", 3, 4096), "invalid_offset");
    await rejectsWith(storage.read("f", 5, 4096), "invalid_offset");
  });

  it("a deleted source stays for its forks", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc".repeat(3000)) });
    await storage.create("f", { fork: { source: "s" } });
    await storage.create("g", { fork: { source: "s", offset: 1 } });
    await storage.delete("s");
    await rejectsWith(storage.head("s"), "gone");
    await rejectsWith(storage.read("s", 0, 4096), "gone");
    await rejectsWith(streams.text("s", "x"), "gone");
    await rejectsWith(storage.delete("s"), "gone");
    await rejectsWith(storage.create("s", { contentType: TEXT }), "stream_exists");
    await rejectsWith(storage.create("h", { fork: { source: "s" } }), "source_deleted");
    equal(await streams.all("f"), "abc".repeat(3000));
    await storage.delete("f");
    await rejectsWith(storage.head("s"), "gone");
    equal(await streams.all("g"), "a");
    await storage.delete("g");
    await rejectsWith(storage.head("s"), "not_found");
    equal((await storage.create("s", { contentType: JSON_TYPE })).created, true);
  });

  it("the last fork takes the whole deleted chain with it", async ({ storage }) => {
    await storage.create("a", { contentType: TEXT, body: encodeUtf8("a") });
    await storage.create("b", { fork: { source: "a" }, body: encodeUtf8("b") });
    await storage.create("c", { fork: { source: "b" }, body: encodeUtf8("c") });
    await storage.create("b2", { fork: { source: "a" } });
    await storage.delete("a");
    await storage.delete("b");
    await storage.delete("c");
    await rejectsWith(storage.head("c"), "not_found");
    await rejectsWith(storage.head("b"), "not_found");
    await rejectsWith(storage.head("a"), "gone");
    await storage.delete("b2");
    await rejectsWith(storage.head("a"), "not_found");
  });

  it("a living source stays when its forks end", async ({ storage, streams }) => {
    await storage.create("a", { contentType: TEXT, body: encodeUtf8("a") });
    await storage.create("b", { fork: { source: "a" } });
    await storage.delete("b");
    equal(await streams.all("a"), "a");
    await storage.delete("a");
    await rejectsWith(storage.head("a"), "not_found");
  });

  it("a fork made again and again isn't counted again", async ({ storage }) => {
    await storage.create("a", { contentType: TEXT });
    for (let i = 0; i < 4; i++) {
      await storage.create("b", { fork: { source: "a" } });
      await storage.delete("b");
    }
    await storage.delete("a");
    await rejectsWith(storage.head("a"), "not_found");
  });

  it("a fork's sub-offset counts bytes over appends, from its offset on", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("hello") });
    await streams.text("s", "world");
    const expected = [
      [0, 0, ""],
      [0, 3, "hel"],
      [5, 2, "hellowo"],
      [5, 5, "helloworld"],
      [10, 0, "helloworld"],
    ] as const;
    for (const [offset, subOffset, content] of expected) {
      const { tail } = await storage.create("f", { fork: { source: "s", offset, subOffset } });
      equal([tail, await streams.all("f")], [content.length, content]);
      await streams.text("f", "!");
      equal(await streams.all("f"), `${content}!`);
      await storage.delete("f");
    }
    const past = { fork: { source: "s", offset: 10, subOffset: 1 } };
    await rejectsWith(storage.create("f", past), "invalid_fork", /0 bytes/);
  });

  it("a fork's sub-offset counts messages over appends, and those that its source inherited", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE, body: encodeUtf8("[1,2]") });
    await streams.json("s", "[3,4]");
    await storage.create("g", { fork: { source: "s" } });
    await streams.json("g", "5");
    const fork = (source: string, subOffset: number) =>
      storage.create("f", { fork: { source, offset: 0, subOffset } });
    for (const [source, counts] of [["s", [0, 1, 3, 4]], ["g", [0, 4, 5]]] as const) {
      for (const count of counts) {
        await fork(source, count);
        const messages = Array.from({ length: count }, (_, i) => `${i + 1},\n`);
        equal(await streams.all("f"), messages.join(""));
        await storage.delete("f");
      }
    }
    await rejectsWith(fork("g", 6), "invalid_fork", /5 messages follow/);
    const inside = (subOffset: number) =>
      storage.create("f", { fork: { source: "s", offset: 1, subOffset } });
    for (const count of [0, 1]) {
      await rejectsWith(inside(count), "invalid_offset", /inside a message/);
    }
  });

  it("a fork made again is the same whatever became of both, and from elsewhere it is not", async ({ storage, streams }) => {
    for (const name of ["s", "t"]) {
      await storage.create(name, { contentType: TEXT, body: encodeUtf8("abc") });
    }
    await storage.create("f", { fork: { source: "s", offset: 1 } });
    await streams.text("f", "x");
    await streams.text("s", "y");
    await storage.delete("s");
    for (const subOffset of [undefined, 0]) {
      const again = { source: "s", offset: 1, ...(subOffset === 0 ? { subOffset } : {}) };
      equal((await storage.create("f", { fork: again })).created, false);
    }
    await rejectsWith(
      storage.create("f", { fork: { source: "t", offset: 1 } }),
      "stream_exists",
      /another fork origin/,
    );
  });

  it("a fork may be made closed, and of a fork whose source is softly deleted", async ({ storage, streams }) => {
    await storage.create("a", { contentType: TEXT, body: encodeUtf8("a") });
    await storage.create("b", { fork: { source: "a" }, body: encodeUtf8("b") });
    await storage.delete("a");
    equal((await storage.create("c", { fork: { source: "b" }, closed: true })).closed, true);
    equal(await streams.all("c"), "ab");
    await rejectsWith(streams.text("c", "x"), "stream_closed");
  });

  it("the end of a fork takes what is deleted above it, up to what is there", async ({ storage, streams }) => {
    await storage.create("a", { contentType: TEXT, body: encodeUtf8("a") });
    await storage.create("b", { fork: { source: "a" } });
    await storage.create("c", { fork: { source: "b" } });
    await storage.delete("b");
    await storage.delete("c");
    equal(await streams.all("a"), "a");
    await rejectsWith(storage.head("b"), "not_found");
  });

  it("forks and deletes of many at once leave nothing behind", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
    const names = Array.from({ length: 20 }, (_, i) => `f${i}`);
    await Promise.all(names.map((name) => storage.create(name, { fork: { source: "s" } })));
    await Promise.all(["s", ...names].map((name) => storage.delete(name)));
    for (const name of ["s", ...names]) await rejectsWith(storage.head(name), "not_found");
  });
}
