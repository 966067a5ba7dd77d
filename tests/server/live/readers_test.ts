import { equal } from "node:assert/strict";
import { expectError, Fixture, isPending, settle, TEXT } from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

const POLL = "a?offset=-1&live=long-poll";
const SSE = "a?offset=-1&live=sse";

Deno.test("one live reader more than may wait: 503 with Retry-After, in both modes", async () => {
  const served = new Fixture({ maxLiveReaders: 2 });
  await served.make("a", TEXT);
  const poll = served.get(POLL);
  const sse = new SseConnection(await served.get(SSE));
  await settle();
  for (const target of [POLL, SSE]) {
    const answer = await served.get(target);
    equal(answer.headers.get("retry-after"), "1");
    await expectError(answer, 503, "too_many_readers", /2 readers wait.*try again/);
  }
  await sse.cancel();
  await settle();
  const next = served.get(POLL);
  equal(await isPending(next), true);
  await served.append("a", TEXT, "x");
  equal((await poll).status, 200);
  equal((await next).status, 200);
});

Deno.test("at the limit of live readers, a request that needn't wait is answered", async () => {
  const served = new Fixture({ maxLiveReaders: 0 });
  await served.make("a", TEXT, "hello");
  equal(await served.content("a"), "hello");
  equal((await served.get(POLL)).status, 200);
  await expectError(
    await served.get(`a?offset=${served.offset(5)}&live=long-poll`),
    503,
    "too_many_readers",
  );
});

Deno.test("a live read is no longer counted, in whichever way it ends", async () => {
  const served = new Fixture({ maxLiveReaders: 1 });
  await served.make("a", TEXT);
  const ends: readonly (() => unknown)[] = [
    () => served.append("a", TEXT, "x"),
    () => served.clock.advance(60_000),
    () => served.delete("a").then(() => served.put("a", TEXT)),
  ];
  for (const end of ends) {
    const poll = served.get("a?offset=now&live=long-poll");
    await settle();
    await end();
    await poll;
    const sse = new SseConnection(await served.get("a?offset=now&live=sse"));
    await settle();
    await end();
    if (end === ends[0]) await sse.cancel();
    else await sse.rest();
    await settle();
  }
  equal(await isPending(served.get(POLL)), true);
});

Deno.test("the app's signal: waiting readers are answered at once", async () => {
  const stop = new AbortController();
  const served = new Fixture({ signal: stop.signal });
  await served.make("a", TEXT);
  const poll = served.get(POLL);
  const sse = new SseConnection(await served.get(SSE));
  await settle();
  stop.abort();
  const answer = await poll;
  equal(answer.status, 204);
  equal(answer.headers.get("stream-up-to-date"), "true");
  equal((await sse.frame()).control.upToDate, true);
  equal(await sse.chunk(), undefined);
});

Deno.test("after the app's signal: a new reader gets the data that is there and doesn't wait", async () => {
  const stop = new AbortController();
  const served = new Fixture({ signal: stop.signal });
  await served.make("a", TEXT, "hello");
  stop.abort();
  equal((await served.get(`a?offset=${served.offset(5)}&live=long-poll`)).status, 204);
  equal(await (await served.get(POLL)).text(), "hello");
  const sse = new SseConnection(await served.get(SSE));
  equal((await sse.frame()).data, "hello");
  equal(await sse.chunk(), undefined);
  await served.append("a", TEXT, "!");
});
