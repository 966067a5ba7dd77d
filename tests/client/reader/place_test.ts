import { deepEqual as equal, ok, rejects, throws } from "node:assert/strict";
import type { Reader } from "../../../src/client/reader/reader.ts";
import { BINARY, CLOSE, isPending, JSON_TYPE, settle } from "../../support/fixture.ts";
import { AppKit, chunkResponse, ScriptKit } from "../../support/client/reader_kit.ts";

const CATCH_UP = { readMode: "catch-up" } as const;

/** The next `count` messages of a loop that is left after them; all of them unless told. */
async function take(reader: Reader, count = Infinity): Promise<string[]> {
  const seen: string[] = [];
  if (count === 0) return seen;
  for await (const message of reader) {
    seen.push(message.text());
    equal(reader.offset, message.offset);
    if (seen.length === count) break;
  }
  return seen;
}

Deno.test("a reader continues exactly behind any message, in a later loop and in another reader", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3]");
  await kit.append("s", JSON_TYPE, "[4,5]");
  for (let count = 0; count <= 5; count++) {
    const reader = kit.client.reader("s", CATCH_UP);
    const first = await take(reader, count);
    const { offset } = reader;
    equal([...first, ...await take(reader)], ["1", "2", "3", "4", "5"]);
    equal([...first, ...await take(kit.client.reader("s", { offset, ...CATCH_UP }))].length, 5);
  }
});

Deno.test("what a loop left of a response is what read gives next, in an array of its own", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3]");
  const reader = kit.client.reader("s", CATCH_UP);
  await take(reader, 1);
  const { messages, data, nextOffset } = await reader.read();
  equal(messages.map((message) => message.text()), ["2", "3"]);
  equal(new TextDecoder().decode(data), "[2,3]");
  equal(reader.offset, nextOffset);
  equal(kit.requests, ["GET s?offset=-1", "GET s?offset=now"]);
});

Deno.test("a place counts messages over as many answers as it takes", async () => {
  const kit = new ScriptKit([
    chunkResponse("[1,2]", { next: "2" }),
    chunkResponse("[3,4,5]", { next: "5", upToDate: true }),
  ]);
  const reader = kit.client.reader("s", { offset: "-1/3", ...CATCH_UP });
  const first = await reader.read();
  equal([first.messages.length, new TextDecoder().decode(first.data)], [0, "[]"]);
  equal(reader.offset, "2/1");
  const second = await reader.read();
  equal(second.messages.map(({ offset }) => offset), ["2/2", "5"]);
  equal(new TextDecoder().decode(second.data), "[4,5]");
});

Deno.test("in a stream of bytes the count of a place is of bytes", async () => {
  const kit = new AppKit();
  await kit.make("s", BINARY, "abcdef");
  equal(await take(kit.client.reader("s", { offset: "-1/4", ...CATCH_UP })), ["ef"]);
});

Deno.test("leaving a loop closes a live connection, and the next one misses nothing", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE);
  const reader = kit.client.reader("s");
  const first = take(reader, 1);
  await settle();
  await kit.append("s", JSON_TYPE, "[1,2]");
  equal(await first, ["1"]);
  await settle();
  // The server's own timer stands while it has a connection to look after.
  kit.clock.advance(1_000);
  equal(kit.clock.pendingTimers, 0);
  await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "[3]");
  equal(await take(reader), ["2", "3"]);
});

Deno.test("return ends a loop that waits", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE);
  for (const readMode of ["sse", "long-poll"] as const) {
    const iterator = kit.client.reader("s", { readMode }).json();
    const next = iterator.next();
    ok(await isPending(next));
    await iterator.return?.();
    equal(await next, { done: true, value: undefined });
    equal((await iterator.next()).done, true);
  }
  await settle();
  kit.clock.advance(1_000);
  equal(kit.clock.pendingTimers, 0);
});

Deno.test("seek goes back and forth, also from inside a loop", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3]");
  const reader = kit.client.reader("s", CATCH_UP);
  const seen: string[] = [];
  for await (const message of reader) {
    seen.push(message.text());
    if (seen.length === 2) reader.seek("-1");
  }
  equal(seen, ["1", "2", "1", "2", "3"]);
  equal(reader.seek("-1/2").offset, "-1/2");
  equal(await take(reader), ["3"]);
});

Deno.test("a read that waits continues from where the reader is sought to", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1]");
  for (const readMode of ["sse", "long-poll"] as const) {
    const reader = kit.client.reader("s", { readMode });
    await reader.read();
    const reading = reader.read();
    ok(await isPending(reading));
    reader.seek("-1");
    equal((await reading).messages.map((message) => message.text()), ["1"]);
    await reader.close();
  }
});

Deno.test("seek rejects what is no offset and leaves the reader as it is", () => {
  const reader = new AppKit().client.reader("s");
  throws(() => reader.seek("a b"), { code: "invalid_argument" });
  equal(reader.offset, "-1");
});

Deno.test("seekToTail passes over all there is, and nothing that comes after", async () => {
  const kit = new AppKit();
  const tail = await kit.make("s", JSON_TYPE, "[1,2]");
  const reader = kit.client.reader("s");
  await take(reader, 1);
  equal((await reader.seekToTail()).offset, tail);
  await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "[3]");
  equal(await take(reader), ["3"]);
});

Deno.test("seekToTail of a closed stream is its end", async () => {
  const kit = new AppKit();
  await kit.make("s", { ...JSON_TYPE, ...CLOSE }, "[1,2]");
  const reader = await kit.client.reader("s").seekToTail();
  equal(reader.closed, true);
  equal(await take(reader), []);
});

Deno.test("seekToTail that fails leaves the reader where it was", async () => {
  const kit = new AppKit();
  const reader = kit.client.reader("nothing", { offset: "-1/2" });
  await rejects(reader.seekToTail(), { code: "not_found" });
  equal(reader.offset, "-1/2");
});

Deno.test("a second read while one waits is rejected and disturbs nothing", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE);
  const reader = kit.client.reader("s");
  await reader.read();
  const reading = reader.read();
  await settle();
  await rejects(reader.read(), { code: "invalid_argument", message: /Another read/ });
  await rejects(reader.json().next(), { code: "invalid_argument" });
  await rejects(reader.seekToTail(), { code: "invalid_argument" });
  await kit.append("s", JSON_TYPE, "[1]");
  equal((await reading).messages.length, 1);
  equal(kit.requests.length, 2);
  await reader.close();
});
