import { equal, rejects } from "node:assert/strict";
import { CLOSE, Fixture, isPending, settle, TEXT } from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

const SSE = "a?offset=-1&live=sse";

/** How many bytes the server has read from its storage for readers. */
function countReads(served: Fixture): () => number {
  const { storage } = served;
  const read = storage.read.bind(storage);
  let bytes = 0;
  storage.read = async (...request) => {
    const chunk = await read(...request);
    bytes += chunk.data.length;
    return chunk;
  };
  return () => bytes;
}

Deno.test("a reader that doesn't read: pushes stop at the buffer's limit", async () => {
  const served = new Fixture({ sseBufferBytes: 10_000 });
  await served.make("a", TEXT);
  const pushed = countReads(served);
  const answer = await served.get(SSE);
  for (let i = 0; i < 100; i++) await served.append("a", TEXT, "x".repeat(1000));
  await settle();
  // The last push may begin with one byte of room left.
  equal(pushed() >= 9_000 && pushed() <= 11_000, true, `${pushed()} bytes were read for it`);
  await answer.body?.cancel();
});

Deno.test("a reader that was behind: it catches up when it reads on, with everything in order", async () => {
  const served = new Fixture({ sseBufferBytes: 10_000 });
  await served.make("a", TEXT);
  const sse = new SseConnection(await served.get(SSE));
  let text = "";
  for (let i = 0; i < 1000; i++) {
    const line = `${i} `.padEnd(200, ".");
    text += line;
    await served.append("a", TEXT, line);
  }
  let seen = "";
  for (let next = served.offset(0); next !== served.offset(text.length);) {
    const { data, control } = await sse.frame();
    seen += data ?? "";
    next = control.streamNextOffset;
    equal(next, served.offset(seen.length));
  }
  equal(seen, text);
  await served.append("a", TEXT, "live again");
  equal((await sse.frame()).data, "live again");
  await sse.cancel();
});

Deno.test("a reader that was behind when the stream was closed: the rest, closed, and the end", async () => {
  const served = new Fixture({ sseBufferBytes: 1000 });
  await served.make("a", TEXT);
  const sse = new SseConnection(await served.get(SSE));
  for (let i = 0; i < 10; i++) await served.append("a", TEXT, "x".repeat(1000));
  await served.append("a", CLOSE, undefined);
  let length = 0;
  let closed = false;
  while (!closed) {
    const { data, control } = await sse.frame();
    length += data?.length ?? 0;
    closed = control.streamClosed === true;
  }
  equal(length, 10_000);
  equal(await sse.chunk(), undefined);
});

Deno.test("a slow reader keeps nobody else waiting", async () => {
  const served = new Fixture({ sseBufferBytes: 1000 });
  await served.make("a", TEXT);
  const slow = new SseConnection(await served.get(SSE));
  const quick = new SseConnection(await served.get(SSE));
  await quick.frame();
  for (let i = 0; i < 10; i++) {
    await served.append("a", TEXT, `${i}`.repeat(1000));
    equal((await quick.frame()).data, `${i}`.repeat(1000));
  }
  await slow.cancel();
  await quick.cancel();
});

Deno.test("a reader that never reads on is disconnected 15 s after its 60 s, and no longer counted", async () => {
  const served = new Fixture({ sseBufferBytes: 1000, maxLiveReaders: 1 });
  await served.make("a", TEXT);
  const sse = new SseConnection(await served.get(SSE));
  await served.append("a", TEXT, "x".repeat(2000));
  await settle();
  served.clock.advance(74_000);
  equal((await served.get(SSE)).status, 503);
  served.clock.advance(1_000);
  await rejects(sse.rest(), /left too much unread for too long/);
  const next = new SseConnection(await served.get(SSE));
  await next.cancel();
});

Deno.test("a slow reader gets no keep-alive comments on top, only when it has read on", async () => {
  const served = new Fixture({ sseBufferBytes: 1000 });
  await served.make("a", TEXT);
  const sse = new SseConnection(await served.get(SSE));
  await sse.frame();
  await served.append("a", TEXT, "x".repeat(2000));
  await settle();
  served.clock.advance(45_000);
  equal((await sse.frame()).data?.length, 2000);
  served.clock.advance(15_000);
  equal(await sse.rest(), ":\n\n".repeat(3));
});

Deno.test("a reader that was behind while the stream was deleted and made again: none of the new data", async () => {
  const served = new Fixture({ sseBufferBytes: 1000 });
  await served.make("a", TEXT, "x".repeat(2000));
  const sse = new SseConnection(await served.get(SSE));
  await served.append("a", TEXT, "x".repeat(2000));
  await settle();
  await served.delete("a");
  await served.make("a", TEXT, "y".repeat(5000));
  equal((await sse.rest()).includes("yyy"), false);
});

Deno.test("a clock that is set back leaves no quiet reader without keep-alives", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const sse = new SseConnection(await served.get(SSE));
  await sse.frame();
  const nowMs = served.clock.nowMs.bind(served.clock);
  served.clock.nowMs = () => nowMs() - 3_600_000;
  served.clock.advance(1_000);
  const chunk = sse.chunk();
  equal(await isPending(chunk), false);
  equal(await chunk, ":\n\n");
  served.clock.advance(8_000);
  equal(await sse.chunk(), ":\n\n");
  await sse.cancel();
});
