import { equal } from "node:assert/strict";
import {
  CLOSE,
  type Fields,
  Fixture,
  isPending,
  producer,
  settle,
  TEXT,
} from "../../support/fixture.ts";
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
  ["a GET at the tail", (served) => served.get(`a?offset=${served.offset(5)}`)],
  ["a GET of now", (served) => served.get("a?offset=now")],
  ["a long-poll", (served) => served.get("a?offset=-1&live=long-poll")],
  ["a POST", (served) => served.post("a", TEXT, "x")],
  ["a close-only POST", (served) => served.post("a", CLOSE)],
  ["a producer's POST", (served) => served.post("a", { ...TEXT, ...producer("p", 0, 0) }, "x")],
  [
    "a producer's close-only POST",
    (served) => served.post("a", { ...CLOSE, ...producer("p", 0, 0) }),
  ],
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

Deno.test("a TTL is renewed by a producer's duplicate", async () => {
  const served = await withTtl();
  const headers = { ...TEXT, ...producer("p", 0, 0) };
  equal((await served.post("a", headers, "x")).status, 200);
  served.clock.advance(40_000);
  equal((await served.post("a", headers, "x")).status, 204);
  served.clock.advance(59_999);
  equal(await isThere(served), true);
});

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

const HOUR_AWAY = "2026-01-01T01:00:00Z";
const DAY_AWAY = "2026-01-02T00:00:00Z";
const TTL_1H: Fields = { "stream-ttl": "3600" };
const TTL_2H: Fields = { "stream-ttl": "7200" };
const UNTIL_1H: Fields = { "stream-expires-at": HOUR_AWAY };
const UNTIL_1D: Fields = { "stream-expires-at": DAY_AWAY };
const NEITHER: Fields = {};

/** PROTOCOL §4.2's table: the source's, the request's, and what the fork gets. */
const TABLE: readonly (readonly [string, Fields, Fields, string | null, string | null])[] = [
  ["no expiry, none asked: none", NEITHER, NEITHER, null, null],
  ["no expiry, a TTL asked: the TTL", NEITHER, TTL_1H, "3600", null],
  ["no expiry, an expiry asked: the expiry", NEITHER, UNTIL_1H, null, HOUR_AWAY],
  ["a TTL, none asked: the source's TTL", TTL_1H, NEITHER, "3600", null],
  ["a TTL, a TTL asked: the one asked", TTL_1H, TTL_2H, "7200", null],
  ["a TTL, an expiry asked: the expiry", TTL_1H, UNTIL_1D, null, DAY_AWAY],
  ["an expiry, none asked: the source's expiry", UNTIL_1H, NEITHER, null, HOUR_AWAY],
  ["an expiry, a TTL asked: the TTL", UNTIL_1H, TTL_2H, "7200", null],
  ["an expiry, an expiry asked: the one asked", UNTIL_1H, UNTIL_1D, null, DAY_AWAY],
];

for (const [title, source, request, ttl, expiresAt] of TABLE) {
  Deno.test(`a fork of a source with ${title}`, async () => {
    const served = new Fixture();
    await served.make("src", { ...TEXT, ...source });
    const from = { "stream-forked-from": "/v1/stream/src" };
    await served.make("a", { ...from, ...request });
    const { headers } = await served.head("a");
    equal(headers.get("stream-ttl"), ttl);
    const expected = expiresAt === null ? null : new Date(expiresAt).toISOString();
    equal(headers.get("stream-expires-at"), expected);
    equal((await served.put("a", { ...from, ...request })).status, 200);
    equal((await served.put("a", { ...from, "stream-ttl": "1" })).status, 409);
  });
}

Deno.test("a fork's inherited TTL slides on its own: the source's end isn't the fork's", async () => {
  const served = new Fixture();
  await served.make("src", { ...TEXT, "stream-ttl": "60" }, "hello");
  served.clock.advance(30_000);
  await served.make("a", { "stream-forked-from": "/v1/stream/src" });
  served.clock.advance(30_000);
  equal((await served.head("src")).status, 410);
  equal(await served.content("a"), "hello");
  served.clock.advance(60_000);
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
