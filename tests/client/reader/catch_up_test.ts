import { deepEqual as equal, ok, rejects } from "node:assert/strict";
import type { Message } from "../../../src/client/reader/message.ts";
import { BINARY, CLOSE, JSON_TYPE } from "../../support/fixture.ts";
import { AppKit, chunkResponse, ScriptKit } from "../../support/client/reader_kit.ts";

const CATCH_UP = { readMode: "catch-up" } as const;

async function texts(messages: AsyncIterable<Message>): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of messages) seen.push(message.text());
  return seen;
}

Deno.test("a loop in catch-up mode ends at the tail, and a later one continues there", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2]");
  const reader = kit.client.reader("s", CATCH_UP);
  equal(await texts(reader), ["1", "2"]);
  equal([reader.upToDate, reader.closed], [true, false]);
  equal(await texts(reader), []);
  await kit.append("s", JSON_TYPE, "3");
  equal(await texts(reader), ["3"]);
  // What has data may have been kept by a cache, and then the tail is asked for; what is empty not.
  equal(kit.requests.map((asked) => asked.endsWith("=now")), [false, true, false, false, true]);
});

Deno.test("messages keep the bytes that they were served with", async () => {
  const kit = new AppKit();
  const big = `{"b" : 12345678901234567890,"a":1.0, "a" : [ "]" , "\\"," ]}`;
  await kit.make("s", JSON_TYPE, `[${big},[],"x"]`);
  equal(await texts(kit.client.reader("s", CATCH_UP)), [big, "[]", `"x"`]);
});

Deno.test("a stream of many chunks is read chunk by chunk", async () => {
  const kit = new AppKit({ chunkBytes: 4096 });
  await kit.make("s", BINARY);
  for (let i = 0; i < 10; i++) await kit.append("s", BINARY, String(i).repeat(2_000));
  const reader = kit.client.reader("s", CATCH_UP);
  const whole = Array.from({ length: 10 }, (_, i) => String(i).repeat(2_000)).join("");
  equal((await texts(reader)).join(""), whole);
  ok(kit.requests.length > 1);
  equal(reader.offset, kit.offset(20_000));
});

Deno.test("read gives the answer as it was served, its places and what it says of the tail", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1, 2]");
  const data = await kit.client.reader("s", CATCH_UP).read();
  equal(new TextDecoder().decode(data.data), "[1,\n2]");
  equal(data.messages.map((message) => message.offset), [`${kit.offset(0)}/1`, data.nextOffset]);
  equal([data.upToDate, data.closed], [true, false]);
});

Deno.test("after the end of a closed stream each read says so again without asking", async () => {
  const kit = new AppKit();
  await kit.make("s", { ...BINARY, ...CLOSE }, "abc");
  const reader = kit.client.reader("s");
  const first = await reader.read();
  equal([first.messages.length, first.closed], [1, true]);
  for (let i = 0; i < 2; i++) {
    const again = await reader.read();
    equal([again.messages.length, again.closed, again.nextOffset], [0, true, first.nextOffset]);
  }
  equal(await texts(reader), []);
  equal(kit.requests.length, 1);
});

Deno.test("an empty 200 with Stream-Closed of any case is the end", async () => {
  const closed = chunkResponse("", { next: "7", type: "text/plain" });
  closed.headers.set("stream-closed", "TRUE");
  const kit = new ScriptKit([closed]);
  equal(await texts(kit.client.reader("s", { offset: "7" })), []);
});

Deno.test("a response that isn't up to date and goes nowhere counts as up to date", async () => {
  const kit = new ScriptKit([chunkResponse("[]", { next: "7" })]);
  const reader = kit.client.reader("s", { offset: "7", readMode: "catch-up" });
  equal(await texts(reader), []);
  equal(reader.upToDate, true);
});

Deno.test("a response without Stream-Next-Offset is rejected at once", async () => {
  const kit = new ScriptKit([chunkResponse("[]", {})]);
  await rejects(kit.client.reader("s").read(), { code: "invalid_response" });
});

Deno.test("data that leads nowhere is rejected instead of read for ever", async () => {
  const kit = new ScriptKit([chunkResponse("[1]", { next: "7" })]);
  const reader = kit.client.reader("s", { offset: "7" });
  await rejects(reader.read(), { code: "invalid_response", message: /same offset/ });
  equal(reader.offset, "7");
});

Deno.test("catch-up mode at now ends at once and continues from there later", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1]");
  const reader = kit.client.reader("s", { offset: "now", ...CATCH_UP });
  equal(reader.offset, "now");
  equal(await texts(reader), []);
  await kit.append("s", JSON_TYPE, "2");
  equal(await texts(reader), ["2"]);
  equal(kit.requests[0], "GET s?offset=now");
});

Deno.test("plain reads carry no cursor, the first live one that of the catch-up answer", async () => {
  const kit = new ScriptKit([
    chunkResponse("[1]", { next: "1", cursor: "c1" }),
    chunkResponse("[2]", { next: "2", cursor: "c2", upToDate: true }),
    chunkResponse(null, { next: "2", cursor: "c3", upToDate: true }),
    chunkResponse(null, { next: "2", closed: true }),
  ]);
  equal(await kit.until(texts(kit.client.reader("s", { readMode: "long-poll" }))), ["1", "2"]);
  equal(kit.requests, [
    "GET s?offset=-1",
    "GET s?offset=1",
    "GET s?cursor=c2&live=long-poll&offset=2",
    "GET s?cursor=c3&live=long-poll&offset=2",
  ]);
});

Deno.test("names and offsets are encoded in the URL", async () => {
  const kit = new ScriptKit([chunkResponse("", { next: "a+b", type: "text/plain" })]);
  await kit.client.reader("a b/ü", { offset: "a+b", readMode: "catch-up" }).read();
  equal(kit.requests, ["GET a%20b/%C3%BC?offset=a%2Bb"]);
});
