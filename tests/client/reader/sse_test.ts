import { deepEqual as equal, ok, rejects } from "node:assert/strict";
import type { Message } from "../../../src/client/reader/message.ts";
import { BINARY, CLOSE, isPending, JSON_TYPE, settle, TEXT } from "../../support/fixture.ts";
import { AppKit, chunkResponse, ScriptKit, SseResponse } from "../../support/client/reader_kit.ts";

const SSE = { readMode: "sse" } as const;

/** What the catch-up GET before SSE finds: an empty stream. */
function tail(type = "application/json"): Response {
  return chunkResponse(type.endsWith("json") ? "[]" : "", { next: "5", upToDate: true, type });
}

async function texts(messages: AsyncIterable<Message>): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of messages) seen.push(message.text());
  return seen;
}

for (
  const [name, headers, body] of [
    ["JSON", JSON_TYPE, '[1,{"a":"é\\n"}]'],
    ["JSON of a +json type", { "content-type": "application/geo+json" }, '[1,{"a":"é\\n"}]'],
  ] as const
) {
  Deno.test(`${name} comes over SSE as it was appended, until the end`, async () => {
    const kit = new AppKit();
    await kit.make("s", headers);
    const looping = texts(kit.client.reader("s"));
    await settle();
    await kit.append("s", headers, body);
    await settle();
    await kit.append("s", { ...headers, ...CLOSE }, "[3]");
    equal(await looping, ["1", '{"a":"é\\n"}', "3"]);
    equal(kit.requests.length, 2);
    ok(kit.requests[1]?.includes("live=sse"));
  });
}

Deno.test("bytes come over SSE in base64 as they were appended", async () => {
  const kit = new AppKit();
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  await kit.make("s", BINARY);
  const reader = kit.client.reader("s");
  await reader.read();
  const reading = reader.read();
  await settle();
  await kit.append("s", BINARY, bytes);
  equal((await reading).data, bytes);
  await reader.close();
});

Deno.test("text in mode sse comes with its lines", async () => {
  const kit = new AppKit();
  await kit.make("s", TEXT);
  const looping = texts(kit.client.reader("s", SSE));
  await settle();
  await kit.append("s", { ...TEXT, ...CLOSE }, " a\n\n  b\n");
  equal(await looping, [" a\n\n  b\n"]);
});

Deno.test("data is returned with the control event that follows, several data events as one", async () => {
  const sse = new SseResponse();
  const kit = new ScriptKit([tail(), sse.response]);
  const reader = kit.client.reader("s", SSE);
  await reader.read();
  const reading = reader.read();
  sse.send("event: data\ndata: [1]\n\nevent: data\ndata: [2,\ndata: 3]\n\n");
  ok(await isPending(reading));
  sse.event(undefined, { streamNextOffset: "8", streamCursor: "c", upToDate: true });
  const data = await reading;
  equal(new TextDecoder().decode(data.data), "[1,2,3]");
  equal(data.messages.map((message) => message.offset), ["5/1", "5/2", "8"]);
  equal([data.nextOffset, data.cursor, data.upToDate], ["8", "c", true]);
  await reader.close();
});

Deno.test("base64 spread over lines is decoded, of +json types to the array", async () => {
  const sse = new SseResponse({ "stream-sse-data-encoding": "base64" });
  const kit = new ScriptKit([tail("application/x+json"), sse.response]);
  const base64 = btoa('["abc",1]');
  sse.event(`${base64.slice(0, 5)}\ndata: ${base64.slice(5)}`, {
    streamNextOffset: "8",
    streamClosed: true,
  });
  equal(await texts(kit.client.reader("s", SSE)), ['"abc"', "1"]);
});

Deno.test("an empty batch neither stalls a loop nor ends it", async () => {
  const sse = new SseResponse();
  const kit = new ScriptKit([tail(), sse.response]);
  sse.event("[]", { streamNextOffset: "5", streamCursor: "c", upToDate: true });
  sse.event("[1]", { streamNextOffset: "6", streamCursor: "c", upToDate: true });
  sse.event("[]", { streamNextOffset: "6", streamClosed: true });
  equal(await texts(kit.client.reader("s", SSE)), ["1"]);
});

Deno.test("an event that was cut is dropped and read again from the last control event", async () => {
  const first = new SseResponse();
  const second = new SseResponse();
  const kit = new ScriptKit([tail(), first.response, second.response]);
  first.event("[1]", { streamNextOffset: "6", streamCursor: "c6" });
  first.send("event: data\ndata: [2]\n\nevent: control\ndata: {");
  second.event("[2]", { streamNextOffset: "7", streamClosed: true });
  const looping = texts(kit.client.reader("s", SSE));
  await settle();
  first.break();
  equal(await looping, ["1", "2"]);
  equal(kit.requests.slice(1), ["GET s?live=sse&offset=5", "GET s?cursor=c6&live=sse&offset=6"]);
});

Deno.test("a connection that the server ends after a while is begun anew at once", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE);
  const looping = texts(kit.client.reader("s"));
  await settle();
  for (let second = 0; second < 70; second++) {
    kit.clock.advance(1_000);
    await settle();
  }
  equal(kit.requests.length, 3);
  ok(kit.requests[2]?.includes("cursor="));
  await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "1");
  equal(await looping, ["1"]);
});

Deno.test("the cursor last heard is echoed, whatever event left it out", async () => {
  const first = new SseResponse();
  const second = new SseResponse().event("[2]", { streamNextOffset: "7", streamClosed: true });
  const kit = new ScriptKit([tail(), first.response, second.response]);
  first.event("[0]", { streamNextOffset: "51", streamCursor: "c" });
  first.event("[1]", { streamNextOffset: "6" }).end();
  equal(await texts(kit.client.reader("s", SSE)), ["0", "1", "2"]);
  equal(kit.requests[2], "GET s?cursor=c&live=sse&offset=6");
});

Deno.test("each connection that works puts off the end of patience", async () => {
  const down = () => Promise.reject(new TypeError("connection refused"));
  const idle = () =>
    new SseResponse().event(undefined, { streamNextOffset: "5", streamCursor: "c", upToDate: true })
      .response;
  const last = new SseResponse().event("[1]", { streamNextOffset: "6", streamClosed: true });
  const failing = Array.from({ length: 6 }, () => down);
  const kit = new ScriptKit([
    tail(),
    ...failing,
    idle,
    ...failing,
    idle,
    ...failing,
    last.response,
  ]);
  const reader = kit.client.reader("s", { ...SSE, maxElapsedMs: 10_000 });
  equal(await kit.until(texts(reader), 500), ["1"]);
});

Deno.test("idle reconnects are not returned by read", async () => {
  const first = new SseResponse();
  const second = new SseResponse();
  const kit = new ScriptKit([tail(), first.response, second.response]);
  const reader = kit.client.reader("s", SSE);
  await reader.read();
  const reading = reader.read();
  first.event(undefined, { streamNextOffset: "5", streamCursor: "c", upToDate: true });
  await settle();
  kit.clock.advance(60_000);
  first.end();
  second.event(undefined, { streamNextOffset: "5", streamCursor: "c", upToDate: true });
  ok(await isPending(reading));
  second.event("[1]", { streamNextOffset: "6", streamCursor: "c", upToDate: true });
  equal((await reading).messages.length, 1);
  await reader.close();
});

Deno.test("connections that end at once and say nothing new are begun ever more slowly", async () => {
  const idle = () => {
    const sse = new SseResponse();
    sse.event(undefined, { streamNextOffset: "5", streamCursor: "c", upToDate: true }).end();
    return sse.response;
  };
  const last = new SseResponse().event("[1]", { streamNextOffset: "6", streamClosed: true });
  const kit = new ScriptKit([tail(), ...Array.from({ length: 6 }, () => idle()), last.response]);
  const startMs = kit.clock.nowMs();
  equal(await kit.until(texts(kit.client.reader("s", SSE)), 10), ["1"]);
  ok(kit.clock.nowMs() - startMs >= 3_150);
});

Deno.test("a connection without a byte for the live time-out is hung up and begun anew", async () => {
  const first = new SseResponse();
  const second = new SseResponse();
  const kit = new ScriptKit([tail(), first.response, second.response], { liveTimeoutMs: 20_000 });
  first.event(undefined, { streamNextOffset: "5", streamCursor: "c", upToDate: true });
  const looping = texts(kit.client.reader("s", SSE));
  await settle();
  for (let i = 0; i < 3; i++) {
    kit.clock.advance(15_000);
    first.send(":\n\n");
    await settle();
  }
  equal([kit.requests.length, first.isCancelled], [2, false]);
  kit.clock.advance(20_000);
  await settle();
  equal([kit.requests.length, first.isCancelled], [3, true]);
  second.event("[1]", { streamNextOffset: "6", streamClosed: true });
  equal(await looping, ["1"]);
});

Deno.test("the end of a closed stream is final whatever else the control event lacks", async () => {
  const sse = new SseResponse();
  const kit = new ScriptKit([tail(), sse.response]);
  sse.event(undefined, { streamNextOffset: "5", streamClosed: true });
  const reader = kit.client.reader("s", SSE);
  equal(await texts(reader), []);
  equal([reader.closed, reader.upToDate, sse.isCancelled], [true, true, true]);
});

Deno.test("the connection is hung up with the end, before anything else is asked of the reader", async () => {
  const sse = new SseResponse().event("[1]", { streamNextOffset: "6", streamClosed: true });
  const kit = new ScriptKit([tail(), sse.response]);
  const reader = kit.client.reader("s", SSE);
  await reader.read();
  equal([(await reader.read()).closed, sse.isCancelled], [true, true]);
});

Deno.test("a control event without an offset is rejected, and the connection closed", async () => {
  for (const control of ["{}", "null", "{"]) {
    const sse = new SseResponse();
    const kit = new ScriptKit([tail(), sse.response]);
    sse.send(`event: control\ndata: ${control}\n\n`);
    const reader = kit.client.reader("s", SSE);
    await reader.read();
    await rejects(reader.read(), { code: "invalid_response" });
    equal([reader.offset, sse.isCancelled], ["5", true]);
  }
});
