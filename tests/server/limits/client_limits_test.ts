import { equal, match, ok, throws } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { ClientLimitOptions } from "../../../src/server/common/limit_options.ts";
import { failureResponse } from "../../../src/server/common/errors.ts";
import { Counters } from "../../../src/server/common/counters.ts";
import {
  type FrameSink,
  type HttpRequest,
  type HttpResponse,
  isLiveBody,
  type LiveBody,
  type Peer,
  type Respond,
} from "../../../src/http/handler.ts";
import { ClientLimits } from "../../../src/server/limits/client_limits.ts";
import {
  expectError,
  type Fields,
  Fixture,
  type FixtureOptions,
  isPending,
  settle,
  TEXT,
} from "../../support/fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { SseConnection } from "../../support/sse_connection.ts";

const ALICE: Fields = { ...TEXT, "x-forwarded-for": "198.51.100.1" };
const BOB: Fields = { ...TEXT, "x-forwarded-for": "198.51.100.2" };

async function served(limits: ClientLimitOptions, options: FixtureOptions = {}): Promise<Fixture> {
  const fixture = new Fixture({ clientLimits: limits, trustProxy: true, ...options });
  await fixture.storage.create("a", { contentType: "text/plain" });
  return fixture;
}

/** Told of requests by a test, without a server. */
function limitsOf(limits: ClientLimitOptions, clock = new ManualClock()): ClientLimits {
  const counters = new Counters();
  return new ClientLimits({ limits, trustProxy: false, clock, counters, maxAppendBytes: 1000 });
}

/** An append of Alice's, with the length that it declares, if any. */
function append(
  fixture: Fixture,
  body: string | Uint8Array<ArrayBuffer>,
  length?: string,
  headers: Fields = {},
): Promise<Response> {
  const declared: Fields = length === undefined ? {} : { "content-length": length };
  return fixture.post("a", { ...ALICE, ...headers, ...declared }, body);
}

/** One of so many bytes, which it declares. */
function appendBytes(fixture: Fixture, bytes: number): Promise<Response> {
  return append(fixture, "x".repeat(bytes), String(bytes));
}

Deno.test("requests: a client gets its burst and then its rate, others are none of its business", async () => {
  const fixture = await served({ requests: { perSecond: 2, burst: 4 } });
  for (let i = 0; i < 4; i++) equal((await fixture.post("a", ALICE, "x")).status, 204);
  const refused = await fixture.post("a", ALICE, "x");
  equal(refused.headers.get("retry-after"), "1");
  const limit = /2 requests a second, 4 at once \(client-requests\): try again in 1 s\./;
  await expectError(refused, 429, "too_many_requests", limit);
  equal((await fixture.post("a", BOB, "x")).status, 204);
  fixture.clock.advance(499);
  equal((await fixture.get("a", ALICE)).status, 429);
  fixture.clock.advance(1);
  equal((await fixture.get("a", ALICE)).status, 200);
  equal((await fixture.delete("a")).status, 204);
  equal((await fixture.get("a", ALICE)).status, 429);
});

Deno.test("the health and preflights count for nobody, all else does, pages are told of a refusal", async () => {
  const fixture = await served({ requests: { perSecond: 1 } }, {
    health: "/health",
    listing: true,
  });
  const page = { ...ALICE, origin: "http://localhost:3000" };
  equal((await fixture.get("/v1/stream/__ds/streams", ALICE)).status, 200);
  for (let i = 0; i < 3; i++) {
    equal((await fixture.get("/health", ALICE)).status, 200);
    equal((await fixture.send("OPTIONS", "a", page)).status, 204);
    for (
      const target of ["/v1/stream/__ds/streams", "/nowhere", "/v1/stream/__ds/subscriptions/x"]
    ) {
      equal((await fixture.get(target, ALICE)).status, 429, target);
    }
  }
  equal((await fixture.get("a", page)).headers.get("access-control-allow-origin"), page.origin);
});

Deno.test("what is about subscriptions is refused with a code in capitals, whoever refuses it", async () => {
  const fixture = await served({ requests: { perSecond: 1 } }, { allowedHosts: [] });
  const subscriptions = "/v1/stream/__ds/subscriptions/x";
  const page = { ...ALICE, origin: "https://elsewhere.example" };
  await expectError(await fixture.get(subscriptions, page), 403, "ORIGIN_NOT_ALLOWED");
  await expectError(await fixture.get("a", page), 403, "origin_not_allowed");
  equal((await fixture.get("a", ALICE)).status, 200);
  await expectError(await fixture.get(subscriptions, ALICE), 429, "TOO_MANY_REQUESTS");
  await expectError(await fixture.get("a", ALICE), 429, "too_many_requests");
});

Deno.test("a client that goes on after refusals gets them a second later", async () => {
  const fixture = await served({ requests: { perSecond: 1 } });
  equal((await fixture.get("a", ALICE)).status, 200);
  for (let i = 0; i < 10; i++) equal((await fixture.get("a", ALICE)).status, 429);
  const held = fixture.get("a", ALICE);
  equal(await isPending(held), true);
  equal((await fixture.get("a", BOB)).status, 200);
  fixture.clock.advance(900);
  equal(await isPending(held), true);
  fixture.clock.advance(200);
  const refused = await held;
  equal(refused.status, 429);
  equal(refused.headers.get("retry-after"), "1");
});

Deno.test("bytes that a client sends: one body more than fits passes, and is waited for", async () => {
  const fixture = await served({ bytes: { perSecond: 100, burst: 200 } });
  equal((await appendBytes(fixture, 199)).status, 204);
  equal((await appendBytes(fixture, 500)).status, 204);
  const refused = await appendBytes(fixture, 1);
  equal(refused.headers.get("retry-after"), "5");
  const limit = /may send 100 bytes a second, 200 at once \(client-bytes\): try again in 5 s\./;
  await expectError(refused, 429, "too_many_requests", limit);
  equal((await fixture.post("a", BOB, "x")).status, 204);
  // What it sends is nothing to what it fetches, and a delete has no body.
  equal((await fixture.get("a?offset=now", ALICE)).status, 200);
  fixture.clock.advance(5000);
  // Without a length it counts once it is here, compressed by what it comes to.
  equal((await append(fixture, "x".repeat(300))).status, 204);
  equal((await appendBytes(fixture, 1)).status, 429);
  fixture.clock.advance(3000);
  const zip = gzipSync("x".repeat(1000));
  const coded = { "content-encoding": "gzip" };
  ok(zip.length < 100);
  equal((await append(fixture, new Uint8Array(zip), String(zip.length), coded)).status, 204);
  const after = await appendBytes(fixture, 1);
  equal(after.headers.get("retry-after"), "10");
});

Deno.test("a declared length that nobody would take costs no more than the longest body", async () => {
  const fixture = await served({ bytes: { perSecond: 100 } }, { maxAppendBytes: 1000 });
  equal((await append(fixture, "x", "999999999999999")).status, 413);
  equal((await append(fixture, "x", "1")).headers.get("retry-after"), "10");
  fixture.clock.advance(20_000);
  equal((await append(fixture, "x", "nonsense")).status, 400);
  equal((await append(fixture, "x", "1")).status, 204);
});

Deno.test("bytes that a client fetches count by what its reads were answered with", async () => {
  const fixture = await served({ bytes: { perSecond: 100 } }, { compress: false });
  await fixture.storage.append("a", { contentType: "text/plain", body: new Uint8Array(350) });
  equal((await fixture.get("a", ALICE)).status, 200);
  const refused = await fixture.get("a", ALICE);
  equal(refused.headers.get("retry-after"), "3");
  await expectError(refused, 429, "too_many_requests", /may fetch 100 bytes a second/);
  equal((await fixture.post("a", ALICE, "x")).status, 204);
  equal((await fixture.get("a", BOB)).status, 200);
  fixture.clock.advance(2600);
  equal((await fixture.get("a", ALICE)).status, 200);
});

Deno.test("live readers: one more than a client may have open, until one ends in whichever way", async () => {
  const fixture = await served({ readers: 2 });
  const live = (mode: string, headers = ALICE) => fixture.get(`a?offset=now&live=${mode}`, headers);
  const sse = new SseConnection(await live("sse"));
  const poll = live("long-poll");
  await settle();
  for (const mode of ["sse", "long-poll", "sse&x=1", "%73se"]) {
    const refused = await live(mode);
    equal(refused.headers.get("retry-after"), "1");
    await expectError(refused, 429, "too_many_requests", /2 live readers open \(client-readers\)/);
  }
  for (const query of ["l%69ve=sse&offset=now", "offset=now&%6c%69%76%65=long-poll"]) {
    equal((await fixture.get(`a?${query}`, ALICE)).status, 429, query);
  }
  equal((await fixture.get("a", ALICE)).status, 200);
  equal((await fixture.get("a?offset=-1&x=%20", ALICE)).status, 200);
  const other = new SseConnection(await live("sse", BOB));
  await other.cancel();
  // A poll that is answered, an SSE connection that hangs up, and one whose time is over.
  await fixture.append("a", BOB, "x");
  equal((await poll).status, 200);
  const second = new SseConnection(await live("sse"));
  equal((await live("sse")).status, 429);
  await sse.cancel();
  await settle();
  const third = new SseConnection(await live("sse"));
  fixture.clock.advance(120_000);
  await second.rest();
  await third.rest();
  for (let i = 0; i < 5; i++) equal((await fixture.get("b?live=sse&offset=-1", ALICE)).status, 404);
  await settle();
  await (await live("sse")).body?.cancel();
});

Deno.test("a clock that is set back makes nobody wait for the time that it lost", () => {
  class Clock extends ManualClock {
    setBackMs = 0;
    override nowMs(): number {
      return super.nowMs() - this.setBackMs;
    }
  }
  const clock = new Clock();
  const limits = limitsOf({ requests: { perSecond: 1 } }, clock);
  equal(statusOf(limits, undefined), 200);
  clock.advance(60_000);
  equal(statusOf(limits, undefined), 200);
  clock.setBackMs = 3_600_000;
  equal(statusOf(limits, undefined), 429);
  clock.advance(1000);
  equal(statusOf(limits, undefined), 200);
});

Deno.test("a token's subject is a client by itself, whatever its address", () => {
  const limits = limitsOf({ requests: { perSecond: 1 } });
  equal(statusOf(limits, "u1"), 200);
  equal(statusOf(limits, "u1"), 429);
  equal(statusOf(limits, "u2"), 200);
  // No subject can take the bucket of an address.
  equal(statusOf(limits, "192.0.2.1"), 200);
  equal(statusOf(limits, undefined), 200);
  equal(statusOf(limits, undefined), 429);
  equal(limits.size, 4);
});

Deno.test("a connection remembers its client, and a dropped one gives nobody a bucket of its own", () => {
  const clock = new ManualClock();
  const limits = limitsOf({ requests: { perSecond: 1 } }, clock);
  const [one, other] = [{ peerAddress: "192.0.2.1" }, { peerAddress: "192.0.2.1" }];
  equal(statusOf(limits, undefined, one), 200);
  equal(statusOf(limits, undefined, other), 429);
  equal(statusOf(limits, undefined, one), 429);
  clock.advance(60_000);
  // Another client comes, and the idle one is dropped.
  equal(statusOf(limits, undefined, { peerAddress: "192.0.2.9" }), 200);
  equal(limits.size, 1);
  equal(statusOf(limits, undefined, one), 200);
  equal(statusOf(limits, undefined, other), 429);
});

Deno.test("what a request took counts however many others came before it was answered", () => {
  const clock = new ManualClock();
  const limits = limitsOf({ bytes: { perSecond: 10 } }, clock);
  let finish = () => {};
  const next = (respond: Respond) => {
    finish = () => respond({ status: 200, headers: {}, body: "x".repeat(100) });
  };
  limits.admit(requestFrom("192.0.2.1"), undefined, () => {}, next, failureResponse);
  for (let i = 2; i < 50; i++) {
    limits.admit(requestFrom(`192.0.2.${i}`), undefined, () => {}, () => {}, failureResponse);
  }
  finish();
  equal(statusOf(limits, undefined), 429);
  clock.advance(60_000);
  for (let i = 50; i < 100; i++) {
    limits.admit(requestFrom(`192.0.2.${i}`), undefined, (_) => {}, () => {}, failureResponse);
  }
  // Its debt is over, and so is what it was kept for; those others wait for their answers.
  equal(limits.size, 98);
});

Deno.test("a live reader that ends from both sides is one reader less, and not two", () => {
  const limits = limitsOf({ readers: 1 });
  const sinks: FrameSink[] = [];
  const body: LiveBody = {
    limitBytes: 10,
    attach: (sink) => sinks.push(sink),
    drained: () => {},
    disconnected: () => {},
  };
  const sent: HttpResponse[] = [];
  const request = { ...requestFrom("192.0.2.1"), url: "http://localhost/v1/stream/a?live=sse" };
  const open = () => {
    const next = (respond: Respond) => respond({ status: 200, headers: {}, body });
    limits.admit(request, undefined, (response) => sent.push(response), next, failureResponse);
    return sent.at(-1)?.status;
  };
  equal(open(), 200);
  const first = sent.at(-1)?.body ?? null;
  ok(isLiveBody(first));
  first.attach({ queuedBytes: 0, write: () => {}, end: () => {}, destroy: () => {} });
  equal(open(), 429);
  sinks[0]?.end();
  first.disconnected();
  equal(open(), 200);
  equal(open(), 429);
});

function statusOf(limits: ClientLimits, subject: string | undefined, peer?: Peer): number {
  let status = 200;
  const address = peer?.peerAddress ?? "192.0.2.1";
  const request = { ...requestFrom(address), ...(peer !== undefined && { peer }) };
  limits.admit(request, subject, (response) => status = response.status, () => {}, failureResponse);
  return status;
}

function requestFrom(address: string): HttpRequest {
  return {
    method: "GET",
    url: "http://localhost/v1/stream/a",
    headers: new Headers(),
    body: null,
    signal: new AbortController().signal,
    peerAddress: () => address,
  };
}

Deno.test("an app is told who its clients are by the program that embeds it", async () => {
  const fixture = await served({ requests: { perSecond: 1 } }, {
    trustProxy: false,
    clientAddress: (request) => request.headers.get("x-real-ip") ?? undefined,
  });
  for (const address of ["192.0.2.1", "192.0.2.2"]) {
    equal((await fixture.get("a", { "x-real-ip": address })).status, 200);
    equal((await fixture.get("a", { "x-real-ip": address })).status, 429);
  }
});

Deno.test("limits that make no sense are refused by name", () => {
  const wrong: readonly (readonly [ClientLimitOptions, RegExp])[] = [
    [{ requests: { perSecond: 0 } }, /clientLimits\.requests\.perSecond is 0.*more than 0/],
    [{ bytes: { perSecond: 1, burst: 0 } }, /clientLimits\.bytes\.burst is 0.*at least 1/],
    [{ readers: NaN }, /clientLimits\.readers is NaN.*at least 1/],
  ];
  for (const [clientLimits, message] of wrong) {
    throws(() => new Fixture({ clientLimits }), (error) => {
      ok(error instanceof RangeError);
      match(error.message, message);
      return true;
    });
  }
});
