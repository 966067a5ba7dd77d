import { deepEqual as equal, rejects } from "node:assert/strict";
import type { Message } from "../../../src/client/reader/message.ts";
import { settle } from "../../support/fixture.ts";
import {
  chunkResponse,
  type ResponseScript,
  ScriptKit,
  SseResponse,
} from "../../support/client/reader_kit.ts";

const END = () => chunkResponse("[1]", { next: "6", closed: true });

function tail(type = "application/json"): Response {
  return chunkResponse(type.endsWith("json") ? "[]" : "", { next: "5", upToDate: true, type });
}

async function texts(messages: AsyncIterable<Message>): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of messages) seen.push(message.text());
  return seen;
}

/** What a reader in auto mode asks for after the catch-up GET, and whether it got to the end. */
async function liveModes(...answers: ResponseScript[]): Promise<string[]> {
  const kit = new ScriptKit([tail(), ...answers]);
  equal(await kit.until(texts(kit.client.reader("s"))), ["1"]);
  return kit.requests.slice(1).map((asked) => /live=([\w-]+)/.exec(asked)?.[1] ?? "none");
}

Deno.test("text is followed by long-poll, everything else over SSE", async () => {
  for (
    const [type, live] of [
      ["text/plain", "long-poll"],
      ["Text/Markdown; charset=utf-8", "long-poll"],
      ["application/json", "sse"],
      ["application/octet-stream", "sse"],
    ]
  ) {
    const kit = new ScriptKit([tail(type), () => Promise.withResolvers<Response>().promise]);
    const reader = kit.client.reader("s");
    await reader.read();
    const reading = reader.read();
    await settle();
    equal(kit.requests[1], `GET s?live=${live}&offset=5`);
    await reader.close();
    await rejects(reading, { code: "ended" });
  }
});

Deno.test("SSE whose first event a proxy delays falls back to long-poll, for good", async () => {
  const held = new SseResponse().send(":\n\n");
  const empty = () => chunkResponse(null, { next: "5", upToDate: true });
  equal(await liveModes(held.response, empty, END), ["sse", "long-poll", "long-poll"]);
  equal(held.isCancelled, true);
});

Deno.test("SSE whose head a proxy delays falls back to long-poll", async () => {
  const kit = new ScriptKit([tail(), () => new Promise<Response>(() => {}), END()]);
  const startMs = kit.clock.nowMs();
  equal(await kit.until(texts(kit.client.reader("s"))), ["1"]);
  equal(kit.requests[2], "GET s?live=long-poll&offset=5");
  equal(kit.clock.nowMs() - startMs, 5_000);
});

Deno.test("a response that isn't an event stream falls back to long-poll", async () => {
  const page = new Response("<html>", { headers: { "content-type": "text/html" } });
  equal(await liveModes(page, END), ["sse", "long-poll"]);
});

Deno.test("a server that rejects SSE is read by long-poll", async () => {
  for (const status of [400, 405, 501]) {
    equal(await liveModes(new Response(null, { status }), END), ["sse", "long-poll"]);
  }
});

Deno.test("three connections in a row that bring nothing fall back to long-poll", async () => {
  const cut = () => new SseResponse().break().response;
  equal(await liveModes(cut, cut, cut, END), ["sse", "sse", "sse", "long-poll"]);
});

Deno.test("connections that are cut after a while without their first event fall back too", async () => {
  const cut = () => {
    const sse = new SseResponse();
    kit.clock.setTimer(2_000, () => sse.end());
    return sse.response;
  };
  const kit = new ScriptKit([tail(), cut, cut, cut, END()]);
  equal(await kit.until(texts(kit.client.reader("s"))), ["1"]);
  equal(kit.requests[4], "GET s?live=long-poll&offset=5");
});

for (
  const [where, left] of [["in an event", "event: data\ndata: ["], [
    "behind data",
    "event: data\ndata: [1]\n\n",
  ]]
) {
  Deno.test(`three connections in a row that end ${where} fall back to long-poll`, async () => {
    const cut = (offset: string) =>
      new SseResponse().event("[]", { streamNextOffset: offset, streamCursor: "c" })
        .send(left ?? "").end().response;
    const modes = await liveModes(cut("51"), cut("52"), cut("53"), END);
    equal(modes, ["sse", "sse", "sse", "long-poll"]);
  });
}

Deno.test("a connection that does its work in between keeps SSE", async () => {
  const cut = () => new SseResponse().break().response;
  const good = new SseResponse()
    .event("[0]", { streamNextOffset: "51", streamCursor: "c", upToDate: true }).end();
  const end = new SseResponse().event("[1]", { streamNextOffset: "6", streamClosed: true });
  const kit = new ScriptKit([tail(), cut, cut, good.response, cut, cut, end.response]);
  equal(await kit.until(texts(kit.client.reader("s"))), ["0", "1"]);
});

Deno.test("a server that is down for a while is no reason to give up SSE", async () => {
  const down = () => Promise.reject(new TypeError("connection refused"));
  const busy = () => new Response(null, { status: 503 });
  const end = new SseResponse().event("[1]", { streamNextOffset: "6", streamClosed: true });
  const modes = await liveModes(down, busy, down, busy, down, end.response);
  equal(modes, ["sse", "sse", "sse", "sse", "sse", "sse"]);
});

Deno.test("what was learned of the way survives a seek", async () => {
  const page = new Response("<html>", { headers: { "content-type": "text/html" } });
  const part = () => chunkResponse("[1]", { next: "6", upToDate: true });
  const kit = new ScriptKit([tail(), page, part, tail(), END]);
  const reader = kit.client.reader("s");
  for (let i = 0; i < 2; i++) await reader.read();
  reader.seek("5");
  await reader.read();
  equal(await texts(reader), ["1"]);
  equal(kit.requests.at(-1), "GET s?live=long-poll&offset=5");
});

Deno.test("mode sse never falls back: it reconnects with growing waits, then says what is wrong", async () => {
  const cut = () => new SseResponse().break().response;
  const kit = new ScriptKit([tail(), ...Array.from({ length: 50 }, () => cut)]);
  const reader = kit.client.reader("s", { readMode: "sse" });
  await reader.read();
  await rejects(kit.until(reader.read()), { code: "network", message: /before its first event/ });
  equal(kit.requests.some((asked) => asked.includes("long-poll")), false);
  equal(kit.requests.length < 25, true, `it asked ${kit.requests.length} times`);
});

Deno.test("mode sse waits for a slow first event as long as for any other", async () => {
  const slow = new SseResponse();
  const kit = new ScriptKit([tail(), slow.response]);
  const reader = kit.client.reader("s", { readMode: "sse" });
  await reader.read();
  const reading = reader.read();
  await settle();
  kit.clock.advance(60_000);
  slow.event("[1]", { streamNextOffset: "6", streamClosed: true });
  equal((await reading).messages.length, 1);
});
