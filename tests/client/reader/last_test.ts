import { deepEqual as equal, rejects, throws } from "node:assert/strict";
import { BINARY, JSON_TYPE } from "../../support/fixture.ts";
import { AppKit, chunkResponse, ScriptKit } from "../../support/client/reader_kit.ts";

Deno.test("a reader of the last messages has these and then what comes, in any mode", async () => {
  for (const readMode of ["auto", "long-poll", "sse", "catch-up"] as const) {
    const kit = new AppKit();
    await kit.make("s", JSON_TYPE, "[1,2,3,4]");
    const reader = kit.client.reader("s", { last: 2, readMode });
    const { messages, nextOffset } = await kit.until(reader.read());
    equal(messages.map((message) => message.json()), [3, 4]);
    equal(nextOffset, kit.offset(12));
    await kit.append("s", JSON_TYPE, "5");
    const later = await kit.until(reader.read());
    equal(later.messages.map((message) => message.json()), [5]);
    await reader.close();
  }
});

Deno.test("a reader of the last messages has all where there are fewer, and none of none", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2]");
  await kit.make("bytes", BINARY, "abc");
  const values = async (name: string, last: number) => {
    const all = await kit.client.reader(name, { last, readMode: "catch-up" }).all();
    return all.map((message) => message.text());
  };
  equal(await values("s", 9), ["1", "2"]);
  equal(await values("s", 0), []);
  equal(await values("bytes", 1), ["abc"]);
  equal(await values("bytes", 0), []);
});

Deno.test("a reader of the last messages goes on where it stopped", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3,4]");
  const reader = kit.client.reader("s", { last: 3 });
  for await (const message of reader) if (message.json() === 3) break;
  equal((await reader.all()).map((message) => message.json()), [4]);
});

Deno.test("the last messages of a server that doesn't find them are unsupported", async () => {
  const kit = new ScriptKit([chunkResponse("[1]", { next: "x" })]);
  await rejects(kit.client.reader("s", { last: 1 }).read(), { code: "unsupported" });
});

Deno.test("a reader of the last bytes begins with the message that they are in, in any mode", async () => {
  for (const readMode of ["auto", "long-poll", "sse", "catch-up"] as const) {
    const kit = new AppKit();
    await kit.make("s", JSON_TYPE, '["first","the second","third"]');
    const texts = async (lastBytes: number) => {
      const all = await kit.client.reader("s", { lastBytes, readMode }).all();
      return all.map((message) => message.json());
    };
    equal(await texts(1), ["third"]);
    equal(await texts(9), ["third"]);
    equal(await texts(10), ["the second", "third"]);
    equal(await texts(1_000), ["first", "the second", "third"]);
    equal(await texts(0), []);
    const reader = kit.client.reader("s", { lastBytes: 1, readMode });
    equal((await kit.until(reader.read())).messages.map((message) => message.json()), ["third"]);
    await kit.append("s", JSON_TYPE, "4");
    equal((await kit.until(reader.read())).messages.map((message) => message.json()), [4]);
    await reader.close();
  }
  const other = new ScriptKit([chunkResponse("[1]", { next: "x" })]);
  await rejects(other.client.reader("s", { lastBytes: 1 }).read(), { code: "unsupported" });
});

Deno.test("last is a count, and stands alone", () => {
  const kit = new AppKit();
  for (const last of [-1, 1.5, NaN, Infinity]) {
    throws(() => kit.client.reader("s", { last }), { code: "invalid_argument" });
    throws(() => kit.client.reader("s", { lastBytes: last }), { code: "invalid_argument" });
  }
  throws(() => kit.client.reader("s", { last: 1, lastBytes: 1 }), { code: "invalid_argument" });
  throws(() => kit.client.reader("s", { lastBytes: 1, offset: "now" }), {
    code: "invalid_argument",
  });
  throws(() => kit.client.reader("s", { last: 1, offset: "now" }), { code: "invalid_argument" });
});
