import { equal } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { expectError, Fixture, isPending, settle, tailOf, TEXT } from "../../support/fixture.ts";

const KIB = new Uint8Array(1024).fill(0x78);

/** A body of `count` times a part, and how much of it was asked for. */
function countingBody(
  count: number,
  part = KIB,
): { body: ReadableStream<Uint8Array>; pulled: () => number; cancelled: () => boolean } {
  let pulls = 0;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pulls === count) return controller.close();
      pulls++;
      controller.enqueue(part);
    },
    cancel() {
      isCancelled = true;
    },
  }, { highWaterMark: 0 });
  return { body, pulled: () => pulls, cancelled: () => isCancelled };
}

const SAYS = /longer than 10240 bytes, the most that one request may append/;

for (const method of ["POST", "PUT"]) {
  Deno.test(`${method} of more than the limit by content-length: 413 without a look at the body`, async () => {
    const served = new Fixture({ maxAppendBytes: 10_240 });
    if (method === "POST") await served.make("a", TEXT);
    const { body, pulled } = countingBody(1000);
    const headers = { ...TEXT, "content-length": String(1000 * 1024) };
    const answer = await served.send(method, "a", headers, body);
    equal(answer.headers.get("connection"), "close");
    await expectError(answer, 413, "body_too_large", SAYS, /^The body of 1024000 bytes is/);
    equal(pulled(), 0);
    equal((await served.get("a")).status, method === "POST" ? 200 : 404);
  });

  Deno.test(`${method} of more than the limit in chunks: 413 without reading it all`, async () => {
    const served = new Fixture({ maxAppendBytes: 10_240 });
    if (method === "POST") await served.make("a", TEXT);
    const { body, pulled, cancelled } = countingBody(1000);
    const answer = await served.send(method, "a", TEXT, body);
    equal(answer.headers.get("connection"), "close");
    await expectError(answer, 413, "body_too_large", SAYS);
    equal(pulled(), 11);
    equal(cancelled(), false, "the answer goes first");
    served.clock.advance(1_000);
    equal(cancelled(), true);
    if (method === "POST") equal(await served.content("a"), "");
    else equal((await served.get("a")).status, 404);
  });

  Deno.test(`${method} of just the limit: taken, by length and in chunks`, async () => {
    const served = new Fixture({ maxAppendBytes: 10_240 });
    for (const headers of [TEXT, { ...TEXT, "content-length": "10240" }]) {
      const name = headers === TEXT ? "chunked" : "declared";
      if (method === "POST") await served.make(name, TEXT);
      const answer = await served.send(method, name, headers, countingBody(10).body);
      equal(
        tailOf(answer, method === "POST" ? 204 : 201),
        served.offset(10_240, headers === TEXT ? 1 : 2),
      );
    }
  });
}

Deno.test("an endless body: 413", async () => {
  const served = new Fixture({ maxAppendBytes: 10_240 });
  await served.make("a", TEXT);
  const answer = await served.post("a", TEXT, countingBody(Infinity).body);
  await expectError(answer, 413, "body_too_large");
});

Deno.test("a body that breaks off: 400, nothing kept", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  for (const headers of [TEXT, { ...TEXT, "content-length": "10" }]) {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(KIB);
        controller.error(new Error("connection reset"));
      },
    });
    const answer = await served.post("a", headers, body);
    await expectError(answer, 400, "body_incomplete", /ended before all of it was here/);
  }
  equal(await served.content("a"), "");
});

for (const headers of [TEXT, { ...TEXT, "content-length": "10" }]) {
  const kind = headers === TEXT ? "chunked" : "declared";
  Deno.test(`a ${kind} body that doesn't come: 408 after 30 s by the clock and a thirtieth at most, not before, nothing kept`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const waiting = served.post("a", headers, readable);
    await writer.write(KIB);
    served.clock.advance(29_999);
    equal(await isPending(waiting), true);
    served.clock.advance(1_001);
    const answer = await waiting;
    equal(answer.headers.get("connection"), "close");
    await expectError(answer, 408, "body_timeout", /not here within 30000 ms/);
    writer.close().catch(() => {});
    await settle();
    equal(await served.content("a"), "");
  });
}

Deno.test("a body that comes slowly but in time is taken", async () => {
  const served = new Fixture({ bodyTimeoutMs: 10_000 });
  await served.make("a", TEXT);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const waiting = served.post("a", TEXT, readable);
  for (let i = 0; i < 9; i++) {
    await writer.write(KIB);
    served.clock.advance(1_000);
  }
  await writer.close();
  equal((await waiting).status, 204);
  equal((await served.content("a")).length, 9 * 1024);
});

Deno.test("each late body is cut at its own time", async () => {
  const served = new Fixture({ bodyTimeoutMs: 10_000 });
  await served.make("a", TEXT);
  const never = () => new ReadableStream<Uint8Array>();
  const first = served.post("a", TEXT, never());
  await settle();
  served.clock.advance(5_000);
  const second = served.post("a", TEXT, never());
  await settle();
  served.clock.advance(5_400);
  equal((await first).status, 408);
  equal(await isPending(second), true);
  served.clock.advance(5_000);
  equal((await second).status, 408);
});

/** The answer, where work that goes on for long gives way to others from time to time. */
async function inTurns(served: Fixture, waiting: Promise<Response>): Promise<Response> {
  while (await isPending(waiting)) {
    await settle();
    served.clock.advance(1);
  }
  return await waiting;
}

/** A body of short parts that are all here, and of which each takes a while to get. */
function shortParts(served: Fixture, count: number, eachMs: number): ReadableStream<Uint8Array> {
  let parts = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (parts++ === count) return controller.close();
      served.clock.advance(eachMs);
      controller.enqueue(encodeUtf8("token"));
    },
  }, { highWaterMark: 0 });
}

Deno.test("20,000 parts of five bytes are taken where they cost next to nothing", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const waiting = served.post("a", TEXT, shortParts(served, 20_000, 0.01));
  equal((await inTurns(served, waiting)).status, 204);
  equal((await served.content("a")).length, 100_000);
});

Deno.test("parts of five bytes are taken as they are made, a hundred a second", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const waiting = served.post("a", TEXT, shortParts(served, 2_700, 10));
  equal((await inTurns(served, waiting)).status, 204);
});

Deno.test("parts of five bytes that cost far more than they bring are refused", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const waiting = served.post("a", TEXT, shortParts(served, 20_000, 1));
  const answer = await inTurns(served, waiting);
  equal(answer.headers.get("connection"), "close");
  await expectError(answer, 400, "malformed_body", /gather what is sent into longer ones/);
  equal(await served.content("a"), "");
});

Deno.test("a body whose parts keep coming is late as well, and others are served meanwhile", async () => {
  const served = new Fixture({ bodyTimeoutMs: 10_000 });
  await served.make("a", TEXT);
  let pulls = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls++;
      controller.enqueue(KIB.subarray(0, 64));
      // Where nobody gives way to others the clock's timers don't run either.
      if (pulls % 16 === 0) setTimeout(() => served.clock.advance(11), 0);
    },
  }, { highWaterMark: 0 });
  const answer = await served.post("a", TEXT, endless);
  await expectError(answer, 408, "body_timeout");
});

Deno.test("Content-Length twice: 400, though a runtime makes one list of them", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const answer = await served.post(
    "a",
    { ...TEXT, "content-length": "5, 5" },
    countingBody(1).body,
  );
  await expectError(answer, 400, "invalid_header", /"5, 5" is not a number of bytes/);
});

Deno.test("bodies on their way in are bounded together, and what they took is given back", async () => {
  const served = new Fixture({ maxAppendBytes: 1024 * 1024, maxBodyBytesInFlight: 1280 * 1024 });
  await served.make("a", TEXT);
  const half = new Uint8Array(768 * 1024).fill(0x78);
  const parts = (count: number) => countingBody(count, new Uint8Array(64 * 1024).fill(0x78)).body;
  const first = new TransformStream<Uint8Array, Uint8Array>();
  const writer = first.writable.getWriter();
  const waiting = served.post("a", TEXT, first.readable);
  await writer.write(half);
  await settle();
  const refusal = await served.post("a", TEXT, parts(12));
  equal(refusal.headers.get("retry-after"), "1");
  equal(refusal.headers.get("connection"), "close");
  await expectError(refusal, 503, "too_many_bodies", /take 1310720 bytes already.*try again/);
  await writer.close();
  equal((await waiting).status, 204);
  equal((await served.post("a", TEXT, parts(12))).status, 204);
});

Deno.test("no more than 65,536 parts of five bytes are taken, however cheap they are", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const waiting = served.post("a", TEXT, shortParts(served, 70_000, 0.01));
  await expectError(
    await inTurns(served, waiting),
    400,
    "malformed_body",
    /more than 65536 chunks/,
  );
});
