import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { SERIES_NAMES } from "../../../src/page/api/series.ts";
import { SERIES } from "../../../src/server/figures/point.ts";
import { serve } from "../../../src/server/serve.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { yieldToEventLoop as settle } from "../../support/event_loop.ts";
import { expectError, Fixture, TEXT } from "../../support/fixture.ts";
import { GuardedFixture } from "../access/authority.ts";
import { Feed } from "./feed_kit.ts";

/** What an open page is told by its one connection. */

const FEED = "__ds/page/feed";

async function open(served: Fixture, query = "", headers = {}): Promise<Feed> {
  return new Feed(await served.get(`${FEED}${query}`, headers));
}

/** Seconds go by, each with its turns of the event loop. */
async function pass(served: Fixture, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    served.clock.advance(1000);
    await settle();
  }
}

Deno.test("the page knows the figures that the server keeps, all of them", () => {
  deepEqual([...SERIES_NAMES], [...SERIES]);
});

Deno.test("a feed begins with what the server is, its figures and its health", async () => {
  const served = new Fixture({ page: true, listing: true, version: "1.2.3" });
  await served.make("a", TEXT, "hello");
  await pass(served, 62);
  const answer = await served.get(FEED);
  equal(answer.headers.get("content-type"), "text/event-stream");
  equal(answer.headers.get("cache-control"), "no-cache");
  const feed = new Feed(answer);
  const hello = await feed.next("hello");
  deepEqual(
    [hello.version, hello.storage, hello.access, hello.grants, hello.listing, hello.uptimeMs],
    ["1.2.3", "memory", false, null, true, 62_000],
  );
  ok(hello.verbs.admin && hello.verbs.append && hello.now === served.clock.nowMs());
  const { minutes, day } = await feed.next("history");
  deepEqual([minutes.t.length, day.t.length], [62, 1]);
  deepEqual(Object.keys(minutes.series).sort(), [...SERIES].sort());
  equal(minutes.series.readers[0], 0);
  equal(minutes.series.logBytes[0], null);
  equal((await feed.next("health")).status, "ok");
  await feed.cancel();
});

Deno.test("each second brings a sample, with rates and not sums", async () => {
  const served = new Fixture({ page: true });
  await served.make("a", TEXT, "");
  const feed = await open(served);
  for (let i = 0; i < 10; i++) await served.append("a", TEXT, "0123456789");
  served.clock.advance(1000);
  const { t, series } = await feed.next("sample");
  equal(t, served.clock.nowMs());
  deepEqual([series.appends, series.bytes, series.readers, series.errors], [10, 100, 1, 0]);
  await expectError(await served.get("missing"), 404, "not_found");
  served.clock.advance(1000);
  const next = await feed.next("sample");
  deepEqual([next.series.appends, next.series.errors, next.series.failures], [0, 1, 0]);
  await feed.cancel();
});

Deno.test("the rates of streams are told where they are asked for, of those that are there", async () => {
  const served = new Fixture({ page: true });
  await served.make("a", TEXT, "");
  const feed = await open(served, "?rates=a&rates=missing&rates=a");
  await pass(served, 1);
  await served.append("a", TEXT, "0123456789");
  await pass(served, 2);
  await feed.next("sample");
  await feed.next("sample");
  const { rates } = await feed.next("sample");
  deepEqual(rates, {
    a: { tail: served.offset(10), bytesPerS: 10 },
    missing: { tail: null, bytesPerS: null },
  });
  await feed.cancel();
  const many = Array.from({ length: 9 }, (_, i) => `rates=${i}`).join("&");
  await expectError(await served.get(`${FEED}?${many}`), 400, "invalid_query", /8 streams/);
});

Deno.test("that streams came or went is told once in two seconds, however many", async () => {
  const served = new Fixture({ page: true });
  await pass(served, 5);
  const feed = await open(served);
  for (const name of ["a", "b", "c"]) await served.make(name);
  await pass(served, 1);
  await feed.next("changed");
  await served.delete("a");
  await pass(served, 1);
  await served.delete("b");
  await pass(served, 4);
  await feed.cancel();
  const events = await changesIn(served);
  equal(events, 2);
});

/** How many changes a feed is told of, where streams are made in each of four seconds. */
async function changesIn(served: Fixture): Promise<number> {
  const stop = new AbortController();
  const feed = await open(served);
  for (let i = 0; i < 4; i++) {
    await served.make(`made-${i}`);
    await pass(served, 1);
  }
  let changes = 0;
  const counting = (async () => {
    while (!stop.signal.aborted) {
      await feed.next("changed");
      changes++;
    }
  })().catch(() => {});
  await settle();
  stop.abort();
  await feed.cancel();
  await counting;
  return changes;
}

Deno.test("the health is told when it changes, with what to do about it", async () => {
  const served = new Fixture({ page: true });
  const feed = await open(served);
  await feed.next("health");
  const status = served.storage.status();
  served.storage.status = () => ({ ...status, state: "full", reason: "There is no room." });
  await pass(served, 3);
  const health = await feed.next("health");
  deepEqual([health.status, health.reason], ["full", "There is no room."]);
  ok(health.advice.includes("Make room"));
  served.storage.status = () => status;
  await pass(served, 1);
  const well = await feed.next("health");
  deepEqual([well.status, well.advice], ["ok", undefined]);
  await feed.cancel();
});

Deno.test("who isn't an admin sees neither figures nor the health's details, and is told what is granted", async () => {
  const served = new GuardedFixture({ page: true });
  await served.fill("mine/a", "secret/a");
  const some = served.authority.token("some", ["read,list mine/**", "append mine/a"]);
  const feed = await open(served, "?rates=mine/a", some);
  const hello = await feed.next("hello");
  deepEqual(hello.grants, [
    { verbs: ["read", "list"], patterns: ["mine/**"] },
    { verbs: ["append"], patterns: ["mine/a"] },
  ]);
  deepEqual([hello.verbs.read, hello.verbs.delete, hello.verbs.admin], [true, false, false]);
  deepEqual(Object.keys(await feed.next("health")), ["status"]);
  await pass(served, 2);
  const { series, rates } = await feed.next("sample");
  deepEqual([series, Object.keys(rates)], [{}, ["mine/a"]]);
  await feed.cancel();
  const refused = await served.get(`${FEED}?rates=secret/a`, some);
  equal(refused.status, 403);
  const { minutes } = await (await open(served, "", served.root)).next("history");
  equal(minutes.t.length, 2);
});

Deno.test("a feed ends with its token, and says why", async () => {
  const served = new GuardedFixture({ page: true });
  const revoked = new AbortController();
  const timed = served.authority.token("timed", ["read **"], {
    expiresAtMs: served.clock.nowMs() + 2500,
  });
  const ended = served.authority.token("ended", ["read **"], { signal: revoked.signal });
  const [first, second] = [await open(served, "", timed), await open(served, "", ended)];
  await pass(served, 2);
  revoked.abort();
  deepEqual((await second.rest()).at(-1), { type: "end", data: { reason: "revoked" } });
  await pass(served, 1);
  deepEqual((await first.rest()).at(-1), { type: "end", data: { reason: "expired" } });
});

Deno.test("a feed that is hung up leaves no timer for its token", async () => {
  const served = new GuardedFixture({ page: true });
  const timed = served.authority.token("timed", ["read **"], {
    expiresAtMs: served.clock.nowMs() + 60_000,
  });
  const timers = served.clock.pendingTimers;
  const feed = await open(served, "", timed);
  equal(served.clock.pendingTimers, timers + 1);
  await feed.cancel();
  await settle();
  equal(served.clock.pendingTimers, timers);
});

Deno.test("feeds count as live readers, and end where the server stops", async () => {
  const stop = new AbortController();
  const served = new Fixture({ page: true, maxLiveReaders: 1, signal: stop.signal });
  const feed = await open(served);
  await expectError(await served.get(FEED), 503, "too_many_readers");
  stop.abort();
  deepEqual((await feed.rest()).at(-1), { type: "end", data: { reason: "stopping" } });
  equal(served.clock.pendingTimers, 0);
});

Deno.test("a client's limit of live readers counts feeds, too", async () => {
  const clientLimits = { readers: 1 };
  const server = await serve({ storage: createMemoryStorage(), port: 0, clientLimits });
  const first = await fetch(`${server.url}/${FEED}`);
  equal(first.status, 200);
  const second = await fetch(`${server.url}/${FEED}?since=1`);
  equal(second.status, 429);
  await second.body?.cancel();
  await first.body?.cancel();
  await server.stop();
});

Deno.test("figures since a time are those after it", async () => {
  const served = new Fixture({ page: true });
  await pass(served, 10);
  const sinceMs = served.clock.nowMs() - 3000;
  const feed = await open(served, `?since=${sinceMs}`);
  const { minutes } = await feed.next("history");
  deepEqual(minutes.t.map((t: number) => t - sinceMs), [1000, 2000, 3000]);
  await feed.cancel();
  await expectError(await served.get(`${FEED}?since=x`), 400, "invalid_query");
});

Deno.test("a page that reads nothing for a minute is disconnected, and nothing piles up for it", async () => {
  const served = new Fixture({ page: true });
  await pass(served, 400);
  const answer = await served.get(FEED);
  await pass(served, 400);
  await rejects(answer.text(), /too much unread/);
});
