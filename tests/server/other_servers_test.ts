import { deepEqual, equal } from "node:assert/strict";
import { tokenPosition } from "../../src/protocol/offset.ts";
import {
  CLOSE,
  expectError,
  Fixture,
  header,
  JSON_TYPE,
  settle,
  tailOf,
  TEXT,
} from "../support/fixture.ts";
import { SseConnection } from "../support/sse_connection.ts";

/** What went wrong in other servers: each happened in a published implementation. */

Deno.test("concurrent appends never get the same offset, and the tail is where the data ends", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const bodies = Array.from({ length: 100 }, (_, i) => String(i).padStart(3, "0"));
  const answers = await Promise.all(bodies.map((body) => served.post("a", TEXT, body)));
  const tails = answers.map((answer) => tokenPosition(tailOf(answer, 204)) ?? NaN);
  deepEqual(tails.toSorted((a, b) => a - b), bodies.map((_, i) => 3 * (i + 1)));
  const content = await served.content("a");
  for (const [i, tail] of tails.entries()) equal(content.slice(tail - 3, tail), bodies[i]);
  equal((await served.head("a")).headers.get("stream-next-offset"), served.offset(300));
});

Deno.test("an SSE reader at the tail gets the message that an append closes with, at its new offset", async () => {
  for (
    const [type, body, data] of [[TEXT, "last", "last"], [JSON_TYPE, `"last"`, `["last"]`]] as const
  ) {
    const served = new Fixture();
    await served.make("a", type);
    const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
    await sse.frame();
    const tail = await served.append("a", { ...type, ...CLOSE }, body);
    const frame = await sse.frame();
    equal(frame.data, data);
    equal(frame.control.streamNextOffset, tail);
    equal(frame.control.streamClosed, true);
    equal(await sse.chunk(), undefined);
  }
});

Deno.test("an append and a close right after it: an SSE reader gets the data before closed", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  await sse.frame();
  await served.append("a", TEXT, "last");
  await served.append("a", CLOSE, undefined);
  const text = await sse.rest();
  equal(text.includes("data:last\n"), true);
  equal(text.indexOf("streamClosed") > text.indexOf("last"), true);
});

Deno.test("a fork with another content type: 409, and its source can still be deleted for good", async () => {
  const served = new Fixture();
  await served.make("src", TEXT, "hello");
  const headers = { ...JSON_TYPE, "stream-forked-from": "/v1/stream/src" };
  await expectError(await served.put("f", headers), 409, "content_type_mismatch");
  equal((await served.delete("src")).status, 204);
  equal((await served.get("src")).status, 404);
  await served.make("src", JSON_TYPE);
});

Deno.test("a second DELETE of a softly deleted source: 410", async () => {
  const served = new Fixture();
  await served.make("src", TEXT);
  await served.make("f", { "stream-forked-from": "/v1/stream/src" });
  equal((await served.delete("src")).status, 204);
  equal((await served.delete("src")).status, 410);
  equal((await served.get("f")).status, 200);
});

Deno.test("a fork without a content type takes its source's", async () => {
  const served = new Fixture();
  await served.make("src", JSON_TYPE, "[1]");
  const created = await served.put("f", { "stream-forked-from": "/v1/stream/src" });
  equal(header(created, "content-type"), "application/json");
  equal(await served.content("f"), "[1]");
});

Deno.test("a name whose stream has expired can be created again, with another configuration", async () => {
  for (
    const lifetime of [{ "stream-ttl": "60" }, { "stream-expires-at": "2026-01-01T00:01:00Z" }]
  ) {
    const served = new Fixture();
    await served.make("a", { ...TEXT, ...lifetime }, "old");
    served.clock.advance(60_000);
    equal(await served.make("a", JSON_TYPE), served.offset(0, 2));
    equal(await served.content("a"), "[]");
  }
});

Deno.test("names with slashes work with every verb", async () => {
  const served = new Fixture();
  await served.make("teams/a/events", TEXT, "one");
  await served.append("teams/a/events", TEXT, "two");
  equal(await served.content("teams/a/events"), "onetwo");
  await served.make("teams/a", { "stream-forked-from": "/v1/stream/teams/a/events" });
  equal(await served.content("teams/a"), "onetwo");
  equal((await served.delete("teams/a")).status, 204);
  equal((await served.head("teams/a/events")).status, 200);
});

Deno.test("an acknowledged DELETE doesn't come back, not even by a reader that waits", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "old");
  const waiting = served.get(`a?offset=${served.offset(3)}&live=long-poll`);
  await settle();
  await served.delete("a");
  await waiting;
  served.clock.advance(3_600_000);
  equal((await served.get("a")).status, 404);
});

Deno.test("a sliding TTL is renewed by what the reference forgets: now and close-only POSTs", async () => {
  const uses = [
    (served: Fixture) => served.get("a?offset=now"),
    (served: Fixture) => served.post("a", CLOSE),
    (served: Fixture) =>
      served.post("a", {
        ...CLOSE,
        "producer-id": "p",
        "producer-epoch": "0",
        "producer-seq": "0",
      }),
  ];
  for (const use of uses) {
    const served = new Fixture();
    await served.make("a", { ...TEXT, "stream-ttl": "60" });
    served.clock.advance(59_000);
    await use(served);
    served.clock.advance(59_000);
    equal((await served.head("a")).status, 200);
  }
});

Deno.test("in JSON and base64 SSE catch-up every data event is followed by its control event", async () => {
  for (const type of ["application/json", "application/octet-stream"]) {
    const served = new Fixture({ chunkBytes: 4096 });
    await served.make("a", { "content-type": type });
    const body = `"${"x".repeat(3000)}"`;
    for (let i = 0; i < 5; i++) await served.append("a", { "content-type": type }, body);
    await served.append("a", CLOSE, undefined);
    const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
    for (let closed = false; !closed;) {
      const { data, control } = await sse.frame();
      equal(data === undefined, false);
      closed = control.streamClosed === true;
    }
  }
});
