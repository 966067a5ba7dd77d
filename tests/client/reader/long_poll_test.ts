import { deepEqual as equal, ok, rejects } from "node:assert/strict";
import { BINARY, CLOSE, isPending, JSON_TYPE, settle } from "../../support/fixture.ts";
import { AppKit, chunkResponse, ScriptKit } from "../../support/client/reader_kit.ts";

const LONG_POLL = { readMode: "long-poll" } as const;

Deno.test("at the tail a read waits for what is appended", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1]");
  const reader = kit.client.reader("s", LONG_POLL);
  await reader.read();
  const reading = reader.read();
  ok(await isPending(reading));
  await kit.append("s", JSON_TYPE, "2");
  const data = await reading;
  equal(data.messages.map((message) => message.json()), [2]);
  ok(data.cursor !== undefined);
});

Deno.test("a read resolves empty when the server has waited long enough", async () => {
  const kit = new AppKit();
  await kit.make("s", BINARY, "abc");
  const reader = kit.client.reader("s", LONG_POLL);
  await reader.read();
  const data = await kit.until(reader.read());
  equal([data.messages.length, data.data.length, data.upToDate, data.closed], [0, 0, true, false]);
});

Deno.test("a loop waits through empty answers until the stream is closed", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE);
  const values: unknown[] = [];
  const looping = (async () => {
    for await (const message of kit.client.reader("s", LONG_POLL)) values.push(message.json());
  })();
  await settle();
  kit.clock.advance(40_000);
  await settle();
  await kit.append("s", JSON_TYPE, "1");
  await settle();
  await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "[2,3]");
  await kit.until(looping);
  equal(values, [1, 2, 3]);
});

Deno.test("a stream that is closed without data ends the loop by a 204", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE);
  const reader = kit.client.reader("s", LONG_POLL);
  await reader.read();
  const reading = reader.read();
  ok(await isPending(reading));
  await kit.post("s", CLOSE);
  equal((await reading).closed, true);
  equal(reader.closed, true);
});

Deno.test("at now the first read waits, and nothing that comes after it is missed", async () => {
  const kit = new AppKit();
  const tail = await kit.make("s", JSON_TYPE, "[1]");
  const reader = kit.client.reader("s", { offset: "now", ...LONG_POLL });
  const reading = reader.read();
  ok(await isPending(reading));
  equal(reader.offset, tail);
  await kit.append("s", JSON_TYPE, "[2,3]");
  const { messages } = await reading;
  equal(messages.map((message) => message.json()), [2, 3]);
  equal(messages[0]?.offset, `${tail}/1`);
});

Deno.test("a request lost while it waits at now loses nothing", async () => {
  const kit = new ScriptKit([
    chunkResponse("[]", { next: "5", upToDate: true }),
    () => Promise.reject(new TypeError("connection reset")),
    chunkResponse("[1]", { next: "6", upToDate: true }),
  ]);
  const data = await kit.until(kit.client.reader("s", { offset: "now", ...LONG_POLL }).read());
  equal(data.messages.length, 1);
  equal(kit.requests[2], "GET s?live=long-poll&offset=5");
});

Deno.test("a closed stream at now ends at once", async () => {
  const kit = new AppKit();
  await kit.make("s", { ...JSON_TYPE, ...CLOSE }, "[1]");
  const data = await kit.client.reader("s", { offset: "now", ...LONG_POLL }).read();
  equal([data.messages.length, data.closed, kit.requests.length], [0, true, 1]);
});

Deno.test("a live request may take the live time-out, then it is asked again", async () => {
  const kit = new ScriptKit([
    chunkResponse("[]", { next: "5", upToDate: true }),
    () => new Promise<Response>(() => {}),
    chunkResponse("[1]", { next: "6", upToDate: true }),
  ], { liveTimeoutMs: 50_000 });
  const reader = kit.client.reader("s", { offset: "5", ...LONG_POLL });
  await reader.read();
  const reading = reader.read();
  await settle();
  kit.clock.advance(49_999);
  await settle();
  equal(kit.requests.length, 2);
  equal((await kit.until(reading)).messages.length, 1);
  equal(kit.requests.length, 3);
});

Deno.test("empty answers that come at once are asked for ever more slowly, until something comes", async () => {
  const empty = () => chunkResponse(null, { next: "5", cursor: "1", upToDate: true });
  const kit = new ScriptKit([
    chunkResponse("[]", { next: "5", upToDate: true }),
    ...Array.from({ length: 6 }, empty),
    chunkResponse("[1]", { next: "6", upToDate: true }),
    chunkResponse("[2]", { next: "7", upToDate: true }),
    chunkResponse(null, { next: "7", upToDate: true }),
    chunkResponse("[3]", { next: "8", closed: true }),
  ]);
  const times: number[] = [];
  const looping = (async () => {
    for await (const _ of kit.client.reader("s", { offset: "5", ...LONG_POLL })) {
      times.push(kit.clock.nowMs());
    }
  })();
  await kit.until(looping, 10);
  const startMs = Date.UTC(2026, 0, 1);
  // Half of 100, 200, 400, 800, 1,600 and 3,200 ms: the jitter is fixed at a half.
  ok((times[0] ?? 0) - startMs >= 3_150, `the first message came after ${times[0]}`);
  equal(times[1], times[0]);
  equal((times[2] ?? 0) - (times[1] ?? 0), 50);
});

Deno.test("a 204 without Stream-Next-Offset is rejected", async () => {
  const kit = new ScriptKit([
    chunkResponse("[]", { next: "5", upToDate: true }),
    chunkResponse(null, {}),
  ]);
  const reader = kit.client.reader("s", LONG_POLL);
  await reader.read();
  await rejects(reader.read(), { code: "invalid_response" });
  equal(reader.offset, "5");
});
