import { deepEqual as equal, ok, rejects } from "node:assert/strict";
import type { StandardSchema } from "../../../src/client/reader/standard_schema.ts";
import { BINARY, CLOSE, isPending, JSON_TYPE, settle } from "../../support/fixture.ts";
import { AppKit, chunkResponse, ScriptKit, SseResponse } from "../../support/client/reader_kit.ts";

/** Takes numbers and doubles them, some time later. */
const doubled: StandardSchema<unknown, number> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: async (value) => {
      await Promise.resolve();
      if (typeof value === "number") return { value: value * 2 };
      return { issues: [{ message: "not a number", path: ["a", { key: 0 }] }, { message: "no" }] };
    },
  },
};

async function collect<T>(values: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const value of values) into.push(value);
  return into;
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream.pipeThrough(new TransformStream())).text();
}

Deno.test("json gives values", async () => {
  const kit = new AppKit();
  await kit.make("s", { ...JSON_TYPE, ...CLOSE }, '[1,{"a":null},"x"]');
  equal(await collect(kit.client.reader("s").json()), [1, { a: null }, "x"]);
});

Deno.test("a schema's output is what comes out", async () => {
  const kit = new AppKit();
  await kit.make("s", { ...JSON_TYPE, ...CLOSE }, "[1,2]");
  const values: number[] = await collect(kit.client.reader("s").json(doubled));
  equal(values, [2, 4]);
});

Deno.test("a value that is rejected stops the reader before it, and seek continues after it", async () => {
  const kit = new AppKit();
  const tail = await kit.make("s", { ...JSON_TYPE, ...CLOSE }, '[1,"no",3,"no"]');
  const reader = kit.client.reader("s");
  const values: number[] = [];
  const offsets = [`${kit.offset(0)}/2`, tail];
  for (const offset of offsets) {
    await rejects(collect(reader.json(doubled), values), {
      code: "invalid_message",
      offset,
      message: /a\.0: not a number; no/,
    });
    ok(reader.offset !== offset);
    reader.seek(offset);
  }
  await collect(reader.json(doubled), values);
  equal(values, [2, 6]);
});

Deno.test("a rejected value is what the next read gives, if it isn't passed over", async () => {
  const kit = new AppKit();
  await kit.make("s", { ...JSON_TYPE, ...CLOSE }, '["no"]');
  const reader = kit.client.reader("s");
  await rejects(reader.json(doubled).next(), { code: "invalid_message" });
  equal((await reader.read()).messages.map((message) => message.text()), ['"no"']);
});

Deno.test("a seek or a close while a value is looked at counts", async () => {
  const kit = new AppKit();
  await kit.make("s", { ...JSON_TYPE, ...CLOSE }, "[1,2,3]");
  const reader = kit.client.reader("s");
  const acts: (() => unknown)[] = [() => {}, () => reader.seek("-1/2"), () => reader.close()];
  const schema: StandardSchema<unknown, unknown> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => {
        acts.shift()?.();
        return { value };
      },
    },
  };
  const values: unknown[] = [];
  await rejects(collect(reader.json(schema), values), { code: "ended" });
  equal(values, [1]);
});

Deno.test("bytes that aren't JSON are rejected with their place", async () => {
  const kit = new AppKit();
  const offset = await kit.make("s", { ...BINARY, ...CLOSE }, "{");
  await rejects(kit.client.reader("s").json().next(), { code: "invalid_message", offset });
});

Deno.test("a value that is rejected live leaves no connection open", async () => {
  const sse = new SseResponse().event('["no"]', { streamNextOffset: "6", streamCursor: "c" });
  const kit = new ScriptKit([chunkResponse("[]", { next: "5", upToDate: true }), sse.response]);
  await rejects(collect(kit.client.reader("s").json(doubled)), { code: "invalid_message" });
  equal(sse.isCancelled, true);
});

Deno.test("stream gives the bytes of a stream of bytes", async () => {
  const kit = new AppKit();
  await kit.make("s", BINARY, "abc");
  const reading = textOf(kit.client.reader("s").stream());
  await settle();
  await kit.append("s", { ...BINARY, ...CLOSE }, "def");
  equal(await reading, "abcdef");
});

Deno.test("stream gives a JSON stream as lines, one a message", async () => {
  const body = chunkResponse('[{"a":\n1},\r\n"b\\n"]', { next: "2", closed: true });
  const kit = new ScriptKit([body]);
  equal(await textOf(kit.client.reader("s").stream()), '{"a": 1}\n"b\\n"\n');
});

Deno.test("stream asks for no more than is wanted, and stands where its consumer does", async () => {
  const kit = new ScriptKit([chunkResponse("[1,2]", { next: "2" })]);
  const reader = kit.client.reader("s");
  const chunks = reader.stream().getReader();
  await settle();
  equal([kit.requests.length, reader.offset], [0, "-1"]);
  await chunks.read();
  await settle();
  equal(reader.offset, "-1/1");
  await chunks.read();
  equal([kit.requests.length, reader.offset], [1, "2"]);
});

Deno.test("cancelling a stream disconnects, also while it waits, and the reader can continue", async () => {
  const sse = new SseResponse();
  const kit = new ScriptKit([
    chunkResponse("[]", { next: "5", upToDate: true }),
    sse.response,
    new SseResponse().event("[1]", { streamNextOffset: "6", streamClosed: true }).response,
  ]);
  const reader = kit.client.reader("s");
  const chunks = reader.stream().getReader();
  const reading = chunks.read();
  ok(await isPending(reading));
  await chunks.cancel();
  equal(await reading, { done: true, value: undefined });
  await settle();
  equal(sse.isCancelled, true);
  equal(await collect(reader.json()), [1]);
});

Deno.test("a stream fails with what a read would have thrown", async () => {
  const kit = new AppKit();
  await rejects(textOf(kit.client.reader("nothing").stream()), { code: "not_found" });
});
