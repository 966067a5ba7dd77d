import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import {
  CLOSE,
  expectError,
  type Fields,
  Fixture,
  header,
  isPending,
  JSON_TYPE,
  producer,
  settle,
  TEXT,
} from "../support/fixture.ts";
import { OFFSET } from "../support/offset.ts";
import { SseConnection } from "../support/sse_connection.ts";

/** What clients rely on beyond the text, read from the packages that people run. */

const P0 = producer("p", 0, 0);
const P1 = producer("p", 0, 1);

const WRITES: readonly (readonly [string, string, Fields, string | undefined, number, boolean])[] =
  [
    ["a create", "PUT", TEXT, "x", 201, false],
    ["a confirmed create", "PUT", TEXT, "x", 200, false],
    ["an append", "POST", TEXT, "x", 204, false],
    ["a producer's append", "POST", { ...TEXT, ...P0 }, "x", 200, false],
    ["a duplicate", "POST", { ...TEXT, ...P0 }, "x", 204, false],
    ["an append that closes", "POST", { ...TEXT, ...CLOSE, ...P1 }, "x", 200, true],
    ["a duplicate of the append that closed", "POST", { ...TEXT, ...CLOSE, ...P1 }, "x", 204, true],
    ["a close of what is closed", "POST", CLOSE, undefined, 204, true],
    ["a confirmed create of what is closed", "PUT", { ...TEXT, ...CLOSE }, undefined, 200, true],
  ];

Deno.test("Stream-Next-Offset is on every create, append, close and duplicate; closes echo Stream-Closed", async (t) => {
  const served = new Fixture();
  for (const [title, method, headers, body, status, closed] of WRITES) {
    await t.step(title, async () => {
      const answer = await served.send(method, "a", headers, body);
      equal(answer.status, status);
      match(header(answer, "stream-next-offset"), OFFSET);
      equal(answer.headers.get("stream-closed"), closed ? "true" : null);
    });
  }
});

Deno.test("SSE and long-poll responses carry Stream-Next-Offset and Stream-Cursor as headers", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  for (const live of ["long-poll", "sse"]) {
    const answer = await served.get(`a?offset=-1&live=${live}`);
    match(header(answer, "stream-next-offset"), OFFSET);
    match(header(answer, "stream-cursor"), /^\d+$/);
    await answer.body?.cancel();
  }
});

Deno.test("every live response has a cursor: data, timeout, closure, each SSE control of an open stream", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const at = `a?offset=${served.offset(5)}&live`;
  match(header(await served.get("a?offset=-1&live=long-poll"), "stream-cursor"), /^\d+$/);
  const waiting = served.get(`${at}=long-poll`);
  await settle();
  served.clock.advance(30_000);
  match(header(await waiting, "stream-cursor"), /^\d+$/);
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  match((await sse.frame()).control.streamCursor ?? "", /^\d+$/);
  await served.append("a", TEXT, "x");
  match((await sse.frame()).control.streamCursor ?? "", /^\d+$/);
  await sse.cancel();
});

Deno.test("SSE: one data event before each control event, an array in JSON mode, however many appends", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, "[1,2]");
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  deepEqual(JSON.parse((await sse.frame()).data ?? ""), [1, 2]);
  await Promise.all([3, 4, 5].map((i) => served.append("a", JSON_TYPE, `[${i}]`)));
  await served.append("a", CLOSE, undefined);
  const seen: unknown[] = [];
  for (let closed = false; !closed;) {
    const { data, control } = await sse.frame();
    seen.push(...JSON.parse(data ?? "[]"));
    closed = control.streamClosed === true;
  }
  deepEqual(seen, [3, 4, 5]);
});

Deno.test("upToDate and streamClosed always come: after data, without data, at the end", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  for (const from of ["-1", served.offset(5), "now"]) {
    const sse = new SseConnection(await served.get(`a?offset=${from}&live=sse`));
    equal((await sse.frame()).control.upToDate, true);
    await sse.cancel();
  }
  await served.append("a", CLOSE, undefined);
  for (const from of ["-1", served.offset(5), "now"]) {
    const sse = new SseConnection(await served.get(`a?offset=${from}&live=sse`));
    const { control } = await sse.frame();
    equal(control.upToDate, true);
    equal(control.streamClosed, true);
  }
});

for (const name of ["Stream-SSE-Data-Encoding", "Retry-After", "ETag", "Location"]) {
  Deno.test(`CORS exposes ${name}, which the reference may forget`, async () => {
    const served = new Fixture();
    const answer = await served.put("a", { ...TEXT, origin: "http://localhost:3000" });
    equal(header(answer, "access-control-expose-headers").split(", ").includes(name), true);
  });
}

Deno.test("If-None-Match is allowed in the preflight", async () => {
  const answer = await new Fixture().send("OPTIONS", "a");
  match(header(answer, "access-control-allow-headers"), /If-None-Match/);
});

Deno.test("an idle SSE connection gets a comment line every 6 s", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  await sse.frame();
  for (let i = 0; i < 3; i++) {
    served.clock.advance(6_000);
    equal(await sse.chunk(), ":\n\n");
  }
  await sse.cancel();
});

Deno.test("a name as one encoded segment and with slashes is one stream, consistently", async () => {
  const served = new Fixture();
  await served.make("docs%2Fa%2Fb", TEXT, "x");
  equal(await served.content("docs/a/b"), "x");
  equal(await served.content("docs%2Fa/b"), "x");
  equal((await served.put("docs/a%2Fb", TEXT)).status, 200);
});

Deno.test("the upstream proxy's /v1/streams/ is an alias, and what is reserved is there too", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "x");
  equal(await served.content("/v1/streams/a"), "x");
  await expectError(await served.get("/v1/streams/__ds/else"), 400, "invalid_name");
  const path = "/v1/streams/__ds/subscriptions/x";
  await expectError(await served.get(path), 404, "SUBSCRIPTION_NOT_FOUND");
});

Deno.test("an offset has the same form wherever one is told", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const offsets = [
    header(await served.head("a"), "stream-next-offset"),
    header(await served.get("a"), "stream-next-offset"),
    header(await served.get("a?offset=-1&live=long-poll"), "stream-next-offset"),
    await served.append("a", TEXT, "x"),
  ];
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  offsets.push((await sse.frame()).control.streamNextOffset);
  await sse.cancel();
  for (const token of offsets) match(token, OFFSET);
});

Deno.test("an empty POST whose Stream-Closed a proxy stripped: 400, never a close", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  for (const headers of [{}, TEXT, P0]) {
    await expectError(await served.post("a", headers), 400, "empty_body");
  }
  equal((await served.head("a")).headers.get("stream-closed"), null);
});

Deno.test("+json content types are JSON mode", async () => {
  const served = new Fixture();
  const type = { "content-type": "application/vnd.api+json; charset=utf-8" };
  await served.make("a", type, "[1,2]");
  await served.append("a", type, "[3]");
  const answer = await served.get("a");
  equal(answer.headers.get("content-type"), type["content-type"]);
  deepEqual(await answer.json(), [1, 2, 3]);
  await expectError(await served.post("a", type, "{"), 400, "invalid_json");
});

Deno.test("a stream made again: the old entity tag and the old waiting readers don't meet it", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "same");
  const etag = header(await served.get("a"), "etag");
  const poll = served.get(`a?offset=${served.offset(4)}&live=long-poll`);
  const sse = new SseConnection(await served.get(`a?offset=${served.offset(4)}&live=sse`));
  await sse.frame();
  await served.delete("a");
  await served.make("a", TEXT, "same");
  await served.append("a", TEXT, "more");
  equal((await poll).status, 404);
  equal(await sse.rest(), "");
  equal((await served.get("a", { "if-none-match": etag })).status, 200);
  notEqual(header(await served.get("a"), "etag"), etag);
});

Deno.test("a stream made again isn't the source of the old one's forks", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "old");
  await served.make("f", { "stream-forked-from": "/v1/stream/a" });
  await served.delete("a");
  await served.delete("f");
  await served.make("a", TEXT, "new");
  await served.make("f", { "stream-forked-from": "/v1/stream/a" });
  equal(await served.content("f"), "new");
  await served.delete("f");
  equal((await served.delete("a")).status, 204);
  equal((await served.head("a")).status, 404);
});

Deno.test("empty and not yet responses are never to be kept", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  for (
    const target of ["a", "a?offset=-1", `a?offset=${served.offset(0)}`, "a?offset=now", "none"]
  ) {
    equal((await served.get(target)).headers.get("cache-control"), "no-store");
  }
  const waiting = served.get("a?offset=-1&live=long-poll");
  await settle();
  served.clock.advance(30_000);
  equal((await waiting).headers.get("cache-control"), "no-store");
});

Deno.test("a slow SSE reader is disconnected, and resumes from its offset with nothing lost", async () => {
  const served = new Fixture({ sseBufferBytes: 1000 });
  await served.make("a", TEXT);
  const slow = new SseConnection(await served.get("a?offset=-1&live=sse"));
  const { control } = await slow.frame();
  for (let i = 0; i < 10; i++) await served.append("a", TEXT, `${i}`.repeat(1000));
  await settle();
  served.clock.advance(75_000);
  const again = new SseConnection(
    await served.get(`a?offset=${control.streamNextOffset}&live=sse`),
  );
  const { data } = await again.frame();
  equal(data, Array.from({ length: 10 }, (_, i) => `${i}`.repeat(1000)).join(""));
  await again.cancel();
});

Deno.test("a reader's stop reaches the producer: its next append gets 409 with Stream-Closed", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  equal((await served.post("a", { ...TEXT, ...P0 }, "x")).status, 200);
  await served.append("a", CLOSE, undefined);
  const answer = await served.post("a", { ...TEXT, ...P1 }, "y");
  equal(answer.status, 409);
  equal(answer.headers.get("stream-closed"), "true");
  equal(answer.headers.get("stream-next-offset"), served.offset(1));
});

Deno.test("Stream-Expected-Offset is checked after producer duplicates and together with Stream-Seq", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const first = { ...TEXT, ...P0, "stream-seq": "1", "stream-expected-offset": served.offset(0) };
  equal((await served.post("a", first, "x")).status, 200);
  equal((await served.post("a", first, "x")).status, 204);
  const wrongPlace = {
    ...TEXT,
    ...P1,
    "stream-seq": "2",
    "stream-expected-offset": served.offset(0),
  };
  const answer = await served.post("a", wrongPlace, "y");
  equal(answer.headers.get("stream-next-offset"), served.offset(1));
  await expectError(answer, 409, "offset_mismatch");
  const wrongOrder = {
    ...TEXT,
    ...P1,
    "stream-seq": "1",
    "stream-expected-offset": served.offset(1),
  };
  await expectError(await served.post("a", wrongOrder, "y"), 409, "sequence_regression");
  const right = { ...wrongOrder, "stream-seq": "2" };
  equal((await served.post("a", right, "y")).status, 200);
});

Deno.test("a catch-up reader of an open stream at its tail knows to go on live", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const answer = await served.get("a");
  equal(answer.headers.get("stream-up-to-date"), "true");
  const next = header(answer, "stream-next-offset");
  const waiting = served.get(`a?offset=${next}&live=long-poll`);
  equal(await isPending(waiting), true);
  await served.append("a", TEXT, "!");
  equal(await (await waiting).text(), "!");
});
