import { equal } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { expectError, Fixture, isPending, JSON_TYPE, settle, TEXT } from "../../support/fixture.ts";

/** PROTOCOL §5.7. */

const POLL = "a?offset=-1&live=long-poll";
/** The fixture's clock begins here, in intervals of 20 s since the 9th of October 2024. */
const CURSOR = String((Date.UTC(2026, 0, 1) - Date.UTC(2024, 9, 9)) / 20_000);

Deno.test("long-poll with data there: at once, as catch-up, with a cursor", async () => {
  const served = new Fixture();
  const tail = await served.make("a", TEXT, "hello");
  const answer = await served.get(POLL);
  equal(answer.status, 200);
  equal(answer.headers.get("stream-next-offset"), tail);
  equal(answer.headers.get("stream-up-to-date"), "true");
  equal(answer.headers.get("stream-cursor"), CURSOR);
  equal(answer.headers.get("stream-closed"), null);
  equal(await answer.text(), "hello");
});

Deno.test("long-poll at the tail: it waits, and an append answers it", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE);
  const waiting = served.get(POLL);
  equal(await isPending(waiting), true);
  await served.append("a", JSON_TYPE, "1");
  const answer = await waiting;
  equal(answer.status, 200);
  equal(await answer.text(), "[1]");
});

Deno.test("long-poll: an append right after the request is never missed", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  for (let turns = 0; turns < 12; turns++) {
    const waiting = served.get(`a?offset=${served.offset(turns)}&live=long-poll`);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    await served.append("a", TEXT, "x");
    equal(await (await waiting).text(), "x");
  }
});

Deno.test("long-poll of now: it waits from the tail at the time, without the old data", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "old");
  const waiting = served.get("a?offset=now&live=long-poll");
  equal(await isPending(waiting), true);
  await served.append("a", TEXT, "new");
  const answer = await waiting;
  equal(answer.status, 200);
  equal(answer.headers.get("stream-next-offset"), served.offset(6));
  equal(await answer.text(), "new");
});

for (const from of ["-1", "now"]) {
  Deno.test(`long-poll of ${from} without new data: 204 after 30 s by the clock, not before`, async () => {
    const served = new Fixture();
    const tail = await served.make("a", TEXT);
    const waiting = served.get(`a?offset=${from}&live=long-poll`);
    await settle();
    served.clock.advance(29_999);
    equal(await isPending(waiting), true);
    served.clock.advance(1);
    const answer = await waiting;
    equal(answer.status, 204);
    equal(answer.headers.get("stream-next-offset"), tail);
    equal(answer.headers.get("stream-up-to-date"), "true");
    equal(answer.headers.get("stream-cursor"), String(Number(CURSOR) + 1));
    equal(answer.headers.get("stream-closed"), null);
    equal(answer.headers.get("cache-control"), "no-store");
    equal(answer.headers.get("etag"), null);
    equal(await answer.text(), "");
  });
}

Deno.test("longPollTimeoutMs is the time that it waits; 0 answers at once", async () => {
  const served = new Fixture({ longPollTimeoutMs: 500 });
  await served.make("a", TEXT);
  const waiting = served.get(POLL);
  await settle();
  served.clock.advance(500);
  equal((await waiting).status, 204);

  const hasty = new Fixture({ longPollTimeoutMs: 0 });
  await hasty.make("a", TEXT);
  const answer = hasty.get(POLL);
  await settle();
  hasty.clock.advance(0);
  equal((await answer).status, 204);
});

Deno.test("long-poll: the cursor goes past the one that was sent", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const first = Number((await served.get(`${POLL}&cursor=${CURSOR}`)).headers.get("stream-cursor"));
  equal(first > Number(CURSOR), true);
  const second = Number((await served.get(`${POLL}&cursor=${first}`)).headers.get("stream-cursor"));
  equal(second > first, true);
});

Deno.test("long-poll: an old, a foreign and an absent cursor get the current interval", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  for (const cursor of ["1", "abc", "", "-5"]) {
    const answer = await served.get(`${POLL}&cursor=${cursor}`);
    equal(answer.headers.get("stream-cursor"), CURSOR);
  }
});

Deno.test("long-poll: a timeout's cursor goes past the one that was sent, too", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const waiting = served.get(`${POLL}&cursor=${Number(CURSOR) + 100}`);
  await settle();
  served.clock.advance(30_000);
  equal(Number((await waiting).headers.get("stream-cursor")) > Number(CURSOR) + 100, true);
});

Deno.test("long-poll while the stream is deleted: 404", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const waiting = served.get(POLL);
  await settle();
  await served.delete("a");
  await expectError(await waiting, 404, "not_found");
});

Deno.test("long-poll while the stream is deleted and made again: 410, not the new one's data", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "old");
  const waiting = served.get(`a?offset=${served.offset(3)}&live=long-poll`);
  await settle();
  const { storage } = served;
  const read = storage.read.bind(storage);
  const isMadeAgain = Promise.withResolvers<void>();
  // The reader wakes up late, to the new stream.
  storage.read = async (...request) => {
    await isMadeAgain.promise;
    return await read(...request);
  };
  await storage.delete("a");
  await storage.create("a", { body: encodeUtf8("new data") });
  isMadeAgain.resolve();
  await expectError(await waiting, 410, "offset_gone", /belongs to an earlier stream of this name/);
});

Deno.test("long-poll while the stream is softly deleted: 410", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  await served.make("f", { "stream-forked-from": "/v1/stream/a" });
  const waiting = served.get(POLL);
  await settle();
  await served.delete("a");
  await expectError(await waiting, 410, "gone");
});

Deno.test("long-poll while the expiry passes: 404 then, without the whole wait", async () => {
  const served = new Fixture();
  await served.make("a", { "stream-expires-at": "2026-01-01T00:00:10Z" });
  const waiting = served.get(POLL);
  await settle();
  served.clock.advance(9_999);
  equal(await isPending(waiting), true);
  served.clock.advance(1);
  await expectError(await waiting, 404, "not_found");
});

Deno.test("long-poll: many readers of one stream are all woken by one append", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const waiting = Array.from({ length: 100 }, () => served.get(POLL));
  await settle();
  await served.append("a", TEXT, "x");
  for (const answer of await Promise.all(waiting)) equal(await answer.text(), "x");
});

Deno.test("long-poll: an append to another stream wakes nobody", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  await served.make("b", TEXT);
  const waiting = served.get(POLL);
  await settle();
  await served.append("b", TEXT, "x");
  equal(await isPending(waiting), true);
  served.clock.advance(30_000);
  equal((await waiting).status, 204);
});

Deno.test("long-poll whose client has disconnected: it stops waiting and is no longer counted", async () => {
  const served = new Fixture({ maxLiveReaders: 1 });
  await served.make("a", TEXT);
  const gone = new AbortController();
  const waiting = served.app.request(`/v1/stream/${POLL}`, { signal: gone.signal });
  await settle();
  equal((await served.get(POLL)).status, 503);
  gone.abort();
  await waiting;
  equal(await isPending(served.get(POLL)), true);
  await served.append("a", TEXT, "x");
});
