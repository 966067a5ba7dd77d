import { deepStrictEqual as equal, notEqual, ok } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { spaceAt } from "../../src/protocol/offset.ts";
import { rejectsWith } from "../support/expect.ts";
import { type It, TEXT } from "./kit.ts";

/** Offsets and the stream that each is one of (PROTOCOL §8). */
export function describeOffsets(it: It): void {
  it("an offset of a deleted stream isn't one of the stream made again", async ({ storage, streams }) => {
    const { space: old } = await storage.create("s", { contentType: TEXT, body: text("one two") });
    await storage.delete("s");
    await rejectsWith(storage.read("s", { space: old, position: 3 }, 4096), "not_found");
    for (const content of ["", "N1", "N1, N2, N3"]) {
      const { space } = await storage.create("s", { contentType: TEXT, body: text(content) });
      notEqual(space, old);
      for (const position of [0, 3, 7, 99]) {
        const offset = { space: old, position };
        await rejectsWith(storage.read("s", offset, 4096), "offset_gone", /earlier stream.*-1/);
        await rejectsWith(
          storage.create("f", { fork: { source: "s", offset } }),
          "offset_gone",
          /^Stream-Fork-Offset .*earlier stream/,
        );
        await rejectsWith(
          storage.append("s", { contentType: TEXT, body: text("x"), expectedTail: offset }),
          { code: "offset_mismatch", space, tail: content.length },
          /belongs to an earlier stream.*; the tail is /,
        );
      }
      await rejectsWith(storage.head("f"), "not_found");
      equal(await streams.all("s"), content);
      const { start, data } = await storage.read("s", { space, position: content.length }, 4096);
      equal([start, data.length], [content.length, 0]);
      await storage.delete("s");
    }
  });

  it("an offset of an expired stream isn't one of the stream made again", async ({ storage, clock }) => {
    const lifetime = { kind: "until", expiresAtMs: clock.nowMs() + 1000 } as const;
    const { space } = await storage.create("s", { contentType: TEXT, lifetime });
    clock.advance(1000);
    await storage.create("s", { contentType: TEXT });
    await rejectsWith(storage.read("s", { space, position: 0 }, 4096), "offset_gone");
  });

  it("an offset of a softly deleted stream is gone, as the stream is", async ({ storage }) => {
    const { space } = await storage.create("s", { contentType: TEXT });
    await storage.create("f", { fork: { source: "s" } });
    await storage.delete("s");
    await rejectsWith(storage.read("s", { space, position: 0 }, 4096), "gone");
    await rejectsWith(storage.read("s", { space: space + 1, position: 0 }, 4096), "gone");
  });

  it("the offsets of a fork are its source's up to the fork point and its own behind it", async ({ storage, streams }) => {
    const { space: a } = await storage.create("a", { contentType: TEXT, body: text("0123456789") });
    const { space: other } = await storage.create("other", { contentType: TEXT });
    const made = { fork: { source: "a", offset: { space: a, position: 8 } }, body: text("bb") };
    const { space: b } = await storage.create("b", made);
    const again = { fork: { source: "b", offset: { space: b, position: 9 } } };
    equal((await storage.create("c", again)).space, b, "nothing of its own yet");
    const { space: c } = await storage.append("c", { contentType: TEXT, body: text("cc") });
    equal((await storage.create("c", again)).space, c);
    equal(new Set([a, b, c, other]).size, 4);
    ok(a < b && b < c, "the order of offsets is that of their texts, over a fork's point too");
    const atOffsets = async (name: string, offsets: readonly number[]) => {
      const { streams } = await storage.list({ prefix: name, limit: 10 });
      for (
        const told of [await storage.head(name), await storage.read(name, 0, 4096), ...streams]
      ) {
        equal(
          offsets.map((offset) => spaceAt(told.space, offset)),
          expected.slice(0, offsets.length),
        );
      }
    };
    const expected = [a, a, b, c];
    await atOffsets("a", [0, 8]);
    await atOffsets("b", [0, 8, 9]);
    await atOffsets("c", [0, 8, 9, 11]);
    await storage.delete("a");
    await storage.delete("b");
    await atOffsets("c", [0, 8, 9, 11]);
    for (const [position, space] of [[7, a], [9, b], [10, c]] as const) {
      const { data } = await storage.read("c", { space, position }, 4096);
      equal(new TextDecoder().decode(data), "01234567bcc".slice(position));
    }
    const tail = { space: c, position: 11 };
    equal((await storage.append("c", { ...dot, expectedTail: tail })).tail, 12);
    // What its sources had behind its point is none of its bytes.
    for (const [position, space] of [[7, other], [9, a], [10, b], [10, a], [7, c]] as const) {
      await rejectsWith(storage.read("c", { space, position }, 4096), "offset_gone");
    }
    await rejectsWith(
      storage.create("d", { fork: { source: "c", offset: { space: other, position: 0 } } }),
      "offset_gone",
    );
    equal(await streams.all("c"), "01234567bcc.");
  });

  it("a fork made again from the same source has other offsets behind its fork point", async ({ storage }) => {
    const { space } = await storage.create("s", { contentType: TEXT, body: text("012") });
    const fork = { fork: { source: "s", offset: { space, position: 3 } } };
    await storage.create("f", fork);
    const { space: old } = await storage.append("f", { contentType: TEXT, body: text("old") });
    await storage.delete("f");
    await storage.create("f", fork);
    const { space: now } = await storage.append("f", { contentType: TEXT, body: text("newer") });
    notEqual(now, old);
    await rejectsWith(storage.read("f", { space: old, position: 6 }, 4096), "offset_gone");
    await rejectsWith(
      storage.append("f", { ...dot, expectedTail: { space: old, position: 8 } }),
      { code: "offset_mismatch", space: now, tail: 8 },
    );
    const { data } = await storage.read("f", { space, position: 3 }, 4096);
    equal(new TextDecoder().decode(data), "newer");
  });

  it("a fork made again with an offset of its source is the same, and with another's it isn't", async ({ storage }) => {
    const { space } = await storage.create("s", { contentType: TEXT, body: text("abc") });
    const fork = (offset: number | { space: number; position: number }) =>
      storage.create("f", { fork: { source: "s", offset } });
    await fork({ space, position: 2 });
    equal((await fork({ space, position: 2 })).created, false);
    equal((await fork(2)).created, false);
    await rejectsWith(fork({ space, position: 1 }), "stream_exists");
    await rejectsWith(fork({ space: space + 1, position: 2 }), "stream_exists");
  });
}

const text = encodeUtf8;
const dot = { contentType: TEXT, body: text(".") };
