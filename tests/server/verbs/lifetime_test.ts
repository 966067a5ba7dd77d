import { equal } from "node:assert/strict";
import { CLOSE, type Fields, Fixture, isPending, settle, TEXT } from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

/** PROTOCOL §5.1: TTL and expiry, by the clock. */

const MINUTE: Fields = { ...TEXT, "stream-ttl": "60" };

async function withTtl(): Promise<Fixture> {
  const served = new Fixture();
  await served.make("a", MINUTE, "hello");
  return served;
}

async function isThere(served: Fixture): Promise<boolean> {
  const { status } = await served.head("a");
  equal(status === 200 || status === 404, true);
  return status === 200;
}

Deno.test("a TTL without any use: the stream is there until then, and not from then on", async () => {
  const served = await withTtl();
  served.clock.advance(59_999);
  equal(await isThere(served), true);
  served.clock.advance(1);
  equal(await isThere(served), false);
  equal((await served.get("a")).status, 404);
  equal((await served.post("a", TEXT, "x")).status, 404);
  equal((await served.delete("a")).status, 404);
});

const RENEWING: readonly (readonly [string, (served: Fixture) => Promise<Response>])[] = [
  ["a GET", (served) => served.get("a")],
  ["a long-poll", (served) => served.get("a?offset=-1&live=long-poll")],
  ["a POST", (served) => served.post("a", TEXT, "x")],
  ["a close-only POST", (served) => served.post("a", CLOSE)],
];

for (const [title, use] of RENEWING) {
  Deno.test(`a TTL is renewed by ${title}`, async () => {
    const served = await withTtl();
    served.clock.advance(40_000);
    equal((await use(served)).ok, true);
    served.clock.advance(59_999);
    equal(await isThere(served), true);
    served.clock.advance(1);
    equal(await isThere(served), false);
  });
}

const NOT_RENEWING: readonly (readonly [string, (served: Fixture) => Promise<Response>])[] = [
  ["HEAD", (served) => served.head("a")],
  ["OPTIONS", (served) => served.send("OPTIONS", "a")],
  ["a refused POST", (served) => served.post("a", { "content-type": "text/html" }, "x")],
];

for (const [title, use] of NOT_RENEWING) {
  Deno.test(`a TTL is not renewed by ${title}`, async () => {
    const served = await withTtl();
    served.clock.advance(40_000);
    await use(served);
    served.clock.advance(20_000);
    equal(await isThere(served), false);
  });
}

Deno.test("a TTL of 0: the stream is over at once, and its name free", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, "stream-ttl": "0" }, "x");
  equal(await isThere(served), false);
  await served.make("a", TEXT);
});

Deno.test("a TTL doesn't run out while a long-poll waits, and starts anew when it ends", async () => {
  const served = new Fixture({ longPollTimeoutMs: 1_000_000 });
  await served.make("a", { ...TEXT, "stream-ttl": "60" });
  // One reader after the other, with never a moment without one.
  let waiting = served.get("a?offset=-1&live=long-poll");
  await settle();
  for (let i = 0; i < 5; i++) {
    served.clock.advance(59_000);
    const next = served.get("a?offset=-1&live=long-poll");
    await settle();
    served.clock.advance(1_000);
    await waiting;
    waiting = next;
    equal(await isThere(served), true);
  }
  await served.append("a", TEXT, "x");
  equal((await waiting).status, 200);
  served.clock.advance(59_999);
  equal(await isThere(served), true);
  served.clock.advance(1);
  equal(await isThere(served), false);
});

Deno.test("a TTL shorter than the long-poll's wait: the reader is never told 404", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, "stream-ttl": "5" });
  for (let i = 0; i < 3; i++) {
    const waiting = served.get("a?offset=-1&live=long-poll");
    await settle();
    served.clock.advance(30_000);
    equal((await waiting).status, 204);
  }
});

Deno.test("a TTL doesn't run out while an SSE reader is connected, and starts anew when it leaves", async () => {
  const served = new Fixture({ sseCloseAfterMs: 10_000_000 });
  await served.make("a", { ...TEXT, "stream-ttl": "20" });
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  await sse.frame();
  served.clock.advance(19_000);
  equal(await isThere(served), true);
  await sse.cancel();
  await settle();
  served.clock.advance(19_999);
  equal(await isThere(served), true);
  served.clock.advance(1);
  equal(await isThere(served), false);
});

Deno.test("an expiry: there until then whatever happens, and not from then on", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, "stream-expires-at": "2026-01-01T00:01:00Z" });
  served.clock.advance(59_999);
  await served.append("a", TEXT, "x");
  equal((await served.get("a")).status, 200);
  served.clock.advance(1);
  equal(await isThere(served), false);
});

Deno.test("an expiry in the past: the stream is over at once", async () => {
  const served = new Fixture();
  await served.make("a", { "stream-expires-at": "2020-01-01T00:00:00Z" });
  equal(await isThere(served), false);
});

Deno.test("a waiting long-poll doesn't keep a stream past its expiry", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, "stream-expires-at": "2026-01-01T00:00:10Z" });
  const waiting = served.get("a?offset=-1&live=long-poll");
  await settle();
  served.clock.advance(9_999);
  equal(await isPending(waiting), true);
  served.clock.advance(1);
  equal((await waiting).status, 404);
  equal(await isThere(served), false);
});
