import { equal } from "node:assert/strict";
import { Fixture, isPending, refused, settle, tailOf, TEXT } from "../support/fixture.ts";

const KIB = new Uint8Array(1024).fill(0x78);

/** A body of `count` times 1 KiB, and how much of it was asked for. */
function countingBody(
  count: number,
): { body: ReadableStream<Uint8Array>; pulled: () => number; cancelled: () => boolean } {
  let pulls = 0;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pulls === count) return controller.close();
      pulls++;
      controller.enqueue(KIB);
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
    await refused(answer, 413, "body_too_large", SAYS);
    equal(pulled(), 0);
    equal((await served.get("a")).status, method === "POST" ? 200 : 404);
  });

  Deno.test(`${method} of more than the limit in chunks: 413 without reading it all`, async () => {
    const served = new Fixture({ maxAppendBytes: 10_240 });
    if (method === "POST") await served.make("a", TEXT);
    const { body, pulled, cancelled } = countingBody(1000);
    const answer = await served.send(method, "a", TEXT, body);
    equal(answer.headers.get("connection"), "close");
    await refused(answer, 413, "body_too_large", SAYS);
    equal(pulled(), 11);
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
  await refused(answer, 413, "body_too_large");
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
    await refused(answer, 400, "body_incomplete", /ended before all of it was here/);
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
    await refused(answer, 408, "body_timeout", /not here within 30000 ms/);
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
