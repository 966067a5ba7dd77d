import { deepEqual, equal } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { BINARY, CLOSE, Fixture, JSON_TYPE, settle, TEXT } from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

/** PROTOCOL §5.8. */

const SSE = "a?offset=-1&live=sse";
const CURSOR = String((Date.UTC(2026, 0, 1) - Date.UTC(2024, 9, 9)) / 20_000);

async function connect(served: Fixture, target = SSE): Promise<SseConnection> {
  return new SseConnection(await served.get(target));
}

Deno.test("SSE: the response says what it is and that proxies should let it through", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const answer = await served.get(SSE);
  equal(answer.status, 200);
  equal(answer.headers.get("content-type"), "text/event-stream");
  equal(answer.headers.get("cache-control"), "no-cache");
  equal(answer.headers.get("x-accel-buffering"), "no");
  equal(answer.headers.get("stream-next-offset"), served.offset(0));
  equal(answer.headers.get("stream-cursor"), CURSOR);
  equal(answer.headers.get("stream-sse-data-encoding"), null);
  equal(answer.headers.get("etag"), null);
  await answer.body?.cancel();
});

Deno.test("SSE with data there: one chunk with the data and its control event", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const sse = await connect(served);
  deepEqual(await sse.frame(), {
    data: "hello",
    control: { streamNextOffset: served.offset(5), streamCursor: CURSOR, upToDate: true },
  });
  await sse.cancel();
});

Deno.test("SSE of an empty stream: a control event at once, then each append as it comes", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const sse = await connect(served);
  const first = await sse.frame();
  equal(first.data, undefined);
  equal(first.control.upToDate, true);
  for (const text of ["one", "two", "three"]) {
    const tail = await served.append("a", TEXT, text);
    const { data, control } = await sse.frame();
    equal(data, text);
    equal(control.streamNextOffset, tail);
    equal(control.upToDate, true);
    equal(control.streamCursor, CURSOR);
  }
  await sse.cancel();
});

Deno.test("SSE of now: a control event at the tail at once, none of the old data", async () => {
  const served = new Fixture();
  const tail = await served.make("a", TEXT, "old");
  const sse = await connect(served, "a?offset=now&live=sse");
  deepEqual(await sse.frame(), {
    data: undefined,
    control: { streamNextOffset: tail, streamCursor: CURSOR, upToDate: true },
  });
  await served.append("a", TEXT, "new");
  equal((await sse.frame()).data, "new");
  await sse.cancel();
});

Deno.test("SSE: appends that come while nobody reads arrive whole and in order", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE);
  const sse = await connect(served);
  const numbers = Array.from({ length: 50 }, (_, i) => i);
  await Promise.all(numbers.map((i) => served.append("a", JSON_TYPE, String(i))));
  await served.append("a", CLOSE, undefined);
  const seen: unknown[] = [];
  for (let closed = false; !closed;) {
    const { data, control } = await sse.frame();
    if (data !== undefined) seen.push(...JSON.parse(data));
    closed = control.streamClosed === true;
  }
  deepEqual(seen, numbers);
});

Deno.test("SSE of JSON: a data event is an array, however many messages came", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, `[{"k":"v"},{"k":"w"}]`);
  const sse = await connect(served);
  deepEqual(JSON.parse((await sse.frame()).data ?? ""), [{ k: "v" }, { k: "w" }]);
  await served.append("a", JSON_TYPE, `{"n":12345678901234567890}`);
  equal((await sse.frame()).data, `[{"n":12345678901234567890}]`);
  await sse.cancel();
});

for (const type of ["application/octet-stream", "application/x-protobuf", "image/png"]) {
  Deno.test(`SSE of ${type}: base64, and the response says so`, async () => {
    const served = new Fixture();
    await served.make("a", { "content-type": type }, Uint8Array.of(0, 255, 10, 13));
    const answer = await served.get(SSE);
    equal(answer.headers.get("stream-sse-data-encoding"), "base64");
    const sse = new SseConnection(answer);
    equal((await sse.frame()).data, "AP8KDQ==");
    await served.append("a", { "content-type": type }, Uint8Array.of(1));
    equal((await sse.frame()).data, "AQ==");
    await sse.cancel();
  });
}

Deno.test("SSE of bytes: what isn't a whole character is sent at once", async () => {
  const served = new Fixture();
  await served.make("a", BINARY, Uint8Array.of(0xe2));
  const sse = await connect(served);
  equal((await sse.frame()).data, "4g==");
  await sse.cancel();
});

Deno.test("SSE: many readers at one offset get the same, each with its own cursor", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const ahead = String(Number(CURSOR) + 5000);
  const readers = [await connect(served), await connect(served, `${SSE}&cursor=${ahead}`)];
  for (const sse of readers) await sse.frame();
  await served.append("a", TEXT, "x");
  const [plain, echoed] = await Promise.all(readers.map((sse) => sse.frame()));
  equal(plain?.data, "x");
  equal(echoed?.data, "x");
  equal(plain?.control.streamCursor, CURSOR);
  equal(Number(echoed?.control.streamCursor) > Number(ahead), true);
  for (const sse of readers) await sse.cancel();
});

Deno.test("SSE: the cursor moves with the clock and never back", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const sse = await connect(served);
  await sse.frame();
  served.clock.advance(5_000);
  await served.append("a", TEXT, "x");
  equal((await sse.frame()).control.streamCursor, CURSOR);
  for (let i = 0; i < 3; i++) {
    served.clock.advance(5_000);
    await served.append("a", TEXT, "x");
    await sse.frame();
  }
  await served.append("a", TEXT, "x");
  equal((await sse.frame()).control.streamCursor, String(Number(CURSOR) + 1));
  await sse.cancel();
});

Deno.test("SSE that is quiet: a comment after 6 s by the clock, and again after 6 s more", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const sse = await connect(served);
  await sse.frame();
  served.clock.advance(5_999);
  await served.append("a", TEXT, "x");
  equal((await sse.frame()).data, "x");
  for (let i = 0; i < 2; i++) {
    served.clock.advance(6_001);
    equal(await sse.chunk(), ":\n\n");
  }
  await sse.cancel();
});

Deno.test("SSE that is quiet is never silent for 8 s, whenever it began: Bun.serve cuts after 8.5", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  // The first one sets the rhythm that the others are looked after in.
  const first = await connect(served);
  for (const delayMs of [1, 499, 1, 498, 999]) {
    served.clock.advance(delayMs);
    const sse = await connect(served);
    await sse.frame();
    for (let i = 0; i < 3; i++) {
      served.clock.advance(7_999);
      equal((await sse.chunk())?.startsWith(":\n\n"), true);
    }
    await sse.cancel();
  }
  await first.cancel();
});

Deno.test("SSE: it is closed after 60 s by the clock, with nothing lost for a reader that comes back", async () => {
  const served = new Fixture();
  const tail = await served.make("a", TEXT, "hello");
  const sse = await connect(served);
  equal((await sse.frame()).control.streamNextOffset, tail);
  served.clock.advance(59_999);
  await served.append("a", TEXT, "!");
  await settle();
  served.clock.advance(1);
  const rest = await sse.rest();
  equal(rest.includes("data:!\n"), true);
  equal(rest.includes("streamClosed"), false);
  const again = await connect(served, `a?offset=${tail}&live=sse`);
  equal((await again.frame()).data, "!");
  await again.cancel();
});

Deno.test("sseCloseAfterMs and sseKeepAliveMs are the times that count", async () => {
  const served = new Fixture({ sseCloseAfterMs: 5_000, sseKeepAliveMs: 2_000 });
  await served.make("a", TEXT);
  const sse = await connect(served);
  await sse.frame();
  served.clock.advance(5_000);
  equal(await sse.rest(), ":\n\n:\n\n");
});

Deno.test("SSE while the stream is deleted: the connection ends, and a reader that comes back gets 404", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const sse = await connect(served);
  await sse.frame();
  await served.delete("a");
  equal(await sse.rest(), "");
  equal((await served.get(SSE)).status, 404);
});

Deno.test("SSE while the stream is deleted and made again: the old reader gets none of the new data", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const sse = await connect(served);
  await sse.frame();
  await settle();
  const { storage } = served;
  const body = encodeUtf8("new data");
  await Promise.all([storage.delete("a"), storage.create("a", { body })]);
  equal(await sse.rest(), "");
});

Deno.test("SSE of a stream that was made again beside the old one's readers: only the new data", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "old");
  const old = await connect(served);
  await old.frame();
  await served.delete("a");
  await served.make("a", TEXT, "new");
  const sse = await connect(served);
  equal((await sse.frame()).data, "new");
  equal(await old.rest(), "");
  await served.append("a", TEXT, "er");
  equal((await sse.frame()).data, "er");
  await sse.cancel();
});

Deno.test("SSE while the expiry passes: the connection ends then", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, "stream-expires-at": "2026-01-01T00:00:10Z" });
  const sse = await connect(served);
  await sse.frame();
  served.clock.advance(10_000);
  equal(await sse.rest(), ":\n\n");
  equal((await served.get(SSE)).status, 404);
});

Deno.test("SSE whose client aborts the request: the reader is no longer counted", async () => {
  const served = new Fixture({ maxLiveReaders: 1 });
  await served.make("a", TEXT);
  const gone = new AbortController();
  const answer = await served.app.request(`/v1/stream/${SSE}`, { signal: gone.signal });
  equal((await served.get(SSE)).status, 503);
  gone.abort();
  await settle();
  const sse = await connect(served);
  await sse.cancel();
  await answer.body?.cancel();
});
