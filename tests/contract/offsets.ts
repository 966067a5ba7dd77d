import { deepStrictEqual as equal, notEqual } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refused } from "../support/expect.ts";
import { TEXT } from "./kit.ts";
import type { It } from "./storage_contract.ts";

/** Offsets and the stream that each is one of (PROTOCOL §8). */
export function describeOffsets(it: It): void {
  it("OffsetOfADeletedStreamIsNoneOfTheOneMadeAgain", async ({ storage, streams }) => {
    const { space: old } = await storage.create("s", { contentType: TEXT, body: text("one two") });
    await storage.delete("s");
    await refused(storage.read("s", { space: old, position: 3 }, 4096), "not_found");
    for (const content of ["", "N1", "N1, N2, N3"]) {
      const { space } = await storage.create("s", { contentType: TEXT, body: text(content) });
      notEqual(space, old);
      for (const position of [0, 3, 7, 99]) {
        const offset = { space: old, position };
        await refused(storage.read("s", offset, 4096), "offset_gone", /earlier stream.*-1/);
        await refused(
          storage.create("f", { fork: { source: "s", offset } }),
          "offset_gone",
          /^Stream-Fork-Offset .*earlier stream/,
        );
        await refused(
          storage.append("s", { contentType: TEXT, body: text("x"), expectedTail: offset }),
          { code: "offset_mismatch", space, tail: content.length },
          /belongs to an earlier stream.*; the tail is /,
        );
      }
      await refused(storage.head("f"), "not_found");
      equal(await streams.all("s"), content);
      const { start, data } = await storage.read("s", { space, position: content.length }, 4096);
      equal([start, data.length], [content.length, 0]);
      await storage.delete("s");
    }
  });

  it("OffsetOfAStreamWhoseTimeWasOverIsNoneOfTheOneMadeAgain", async ({ storage, clock }) => {
    const lifetime = { kind: "until", expiresAtMs: clock.nowMs() + 1000 } as const;
    const { space } = await storage.create("s", { contentType: TEXT, lifetime });
    clock.advance(1000);
    await storage.create("s", { contentType: TEXT });
    await refused(storage.read("s", { space, position: 0 }, 4096), "offset_gone");
  });

  it("OffsetOfASoftlyDeletedStreamIsGoneAsItIs", async ({ storage }) => {
    const { space } = await storage.create("s", { contentType: TEXT });
    await storage.create("f", { fork: { source: "s" } });
    await storage.delete("s");
    await refused(storage.read("s", { space, position: 0 }, 4096), "gone");
    await refused(storage.read("s", { space: space + 1, position: 0 }, 4096), "gone");
  });

  it("OffsetsOfAForkAreItsSources", async ({ storage, streams }) => {
    const { space } = await storage.create("a", { contentType: TEXT, body: text("0123456789") });
    const { space: other } = await storage.create("other", { contentType: TEXT });
    notEqual(space, other);
    const place = (position: number) => ({ space, position });
    await storage.create("b", { fork: { source: "a", offset: place(8) }, body: text("bb") });
    await storage.create("c", { fork: { source: "b", offset: place(9) }, body: text("cc") });
    const again = { fork: { source: "b", offset: 9 } };
    equal((await storage.create("c", again)).space, space);
    for (const name of ["a", "b", "c"]) {
      equal(await spacesOf(storage, name), [space, space, space, space]);
    }
    equal(await spacesOf(storage, "other"), [other, other, other, other]);
    await storage.delete("a");
    await storage.delete("b");
    equal(await spacesOf(storage, "c"), [space, space, space, space]);
    const { data } = await storage.read("c", place(7), 4096);
    equal(new TextDecoder().decode(data), "7bcc..");
    equal((await storage.append("c", { ...dot, expectedTail: place(13) })).tail, 14);
    await refused(storage.read("c", { space: other, position: 7 }, 4096), "offset_gone");
    await refused(
      storage.create("d", { fork: { source: "c", offset: { space: other, position: 0 } } }),
      "offset_gone",
    );
    equal(await streams.all("c"), "01234567bcc...");
  });

  it("ForkMadeAgainWithAnOffsetOfItsSourceIsTheSameAndWithAnothersItIsNot", async ({ storage }) => {
    const { space } = await storage.create("s", { contentType: TEXT, body: text("abc") });
    const fork = (offset: number | { space: number; position: number }) =>
      storage.create("f", { fork: { source: "s", offset } });
    await fork({ space, position: 2 });
    equal((await fork({ space, position: 2 })).created, false);
    equal((await fork(2)).created, false);
    await refused(fork({ space, position: 1 }), "stream_exists");
    await refused(fork({ space: space + 1, position: 2 }), "stream_exists");
  });
}

const text = encodeUtf8;
const dot = { contentType: TEXT, body: text(".") };

/** The space of a stream's offsets, wherever it is told. */
async function spacesOf(storage: Storage, name: string): Promise<(number | undefined)[]> {
  const { streams } = await storage.list({ prefix: name, limit: 10 });
  return [
    (await storage.append(name, dot)).space,
    (await storage.head(name)).space,
    (await storage.read(name, 0, 4096)).space,
    streams.find((stream) => stream.name === name)?.space,
  ];
}
