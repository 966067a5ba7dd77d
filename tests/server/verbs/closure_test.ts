import { equal } from "node:assert/strict";
import {
  CLOSE,
  expectError,
  Fixture,
  isPending,
  JSON_TYPE,
  settle,
  TEXT,
} from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

/** PROTOCOL §4.1: closure, in every verb and mode. */

Deno.test("PUT with Stream-Closed and a body: the whole stream in one request", async () => {
  const served = new Fixture();
  const answer = await served.put("a", { ...TEXT, ...CLOSE }, "all");
  equal(answer.status, 201);
  equal(answer.headers.get("stream-closed"), "true");
  equal(answer.headers.get("stream-next-offset"), served.offset(3));
  equal((await served.post("a", TEXT, "more")).status, 409);
  equal(await served.content("a"), "all");
});

Deno.test("PUT with Stream-Closed and no body: an empty stream that is complete", async () => {
  const served = new Fixture();
  equal((await served.put("a", { ...TEXT, ...CLOSE })).status, 201);
  const read = await served.get("a");
  equal(read.headers.get("stream-closed"), "true");
  equal(await read.text(), "");
});

Deno.test("PUT of a closed stream: with Stream-Closed 200, without 409", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, "all");
  const again = await served.put("a", { ...TEXT, ...CLOSE }, "all");
  equal(again.status, 200);
  equal(again.headers.get("stream-closed"), "true");
  await expectError(
    await served.put("a", TEXT),
    409,
    "stream_exists",
    /already exists and is closed/,
  );
});

Deno.test("PUT without Stream-Closed of a stream that was closed later: 409", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  await served.append("a", CLOSE, undefined);
  equal((await served.put("a", TEXT)).status, 409);
  equal((await served.put("a", { ...TEXT, ...CLOSE })).status, 200);
});

Deno.test("POST with Stream-Closed and a body: appended and closed in one step", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "one");
  const answer = await served.post("a", { ...TEXT, ...CLOSE }, "two");
  equal(answer.status, 204);
  equal(answer.headers.get("stream-closed"), "true");
  equal(answer.headers.get("stream-next-offset"), served.offset(6));
  equal(await served.content("a"), "onetwo");
});

Deno.test("POST with Stream-Closed alone: closed, and closing again is a success", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "one");
  for (let i = 0; i < 2; i++) {
    const answer = await served.post("a", CLOSE);
    equal(answer.status, 204);
    equal(answer.headers.get("stream-closed"), "true");
    equal(answer.headers.get("stream-next-offset"), served.offset(3));
  }
});

Deno.test("a close-only POST with another content type: the type is ignored", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  equal((await served.post("a", { ...CLOSE, ...JSON_TYPE })).status, 204);
  equal((await served.post("a", { ...CLOSE, "content-type": "none" })).status, 204);
});

Deno.test("POST with a body to a closed stream: 409 with Stream-Closed and the final offset", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, "all");
  for (const headers of [TEXT, { ...TEXT, ...CLOSE }]) {
    const answer = await served.post("a", headers, "more");
    equal(answer.headers.get("stream-closed"), "true");
    equal(answer.headers.get("stream-next-offset"), served.offset(3));
    await expectError(answer, 409, "stream_closed", /closed at offset \w{8}-0{15}3/);
  }
  equal(await served.content("a"), "all");
});

Deno.test("closed comes before the content type, the JSON and Stream-Seq", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, "[1]");
  await served.append("a", { ...JSON_TYPE, ...CLOSE, "stream-seq": "5" }, "2");
  for (const headers of [TEXT, JSON_TYPE, { ...JSON_TYPE, "stream-seq": "1" }]) {
    const answer = await served.post("a", headers, "{");
    equal(answer.headers.get("stream-closed"), "true");
    await expectError(answer, 409, "stream_closed");
  }
});

for (const value of ["false", "yes", "1", ""]) {
  Deno.test(`Stream-Closed: "${value}" counts as absent, in PUT and POST`, async () => {
    const served = new Fixture();
    const headers = { ...TEXT, "stream-closed": value };
    equal((await served.put("a", headers)).headers.get("stream-closed"), null);
    equal((await served.post("a", headers, "x")).headers.get("stream-closed"), null);
    await expectError(await served.post("a", headers), 400, "empty_body", /Stream-Closed: true/);
    equal((await served.head("a")).headers.get("stream-closed"), null);
  });
}

Deno.test("Stream-Closed: TRUE closes", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  await served.append("a", { "stream-closed": "TRUE" }, undefined);
  equal((await served.head("a")).headers.get("stream-closed"), "true");
});

Deno.test("HEAD tells of the closure", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  equal((await served.head("a")).headers.get("stream-closed"), null);
  await served.append("a", CLOSE, undefined);
  equal((await served.head("a")).headers.get("stream-closed"), "true");
});

Deno.test("catch-up: the last chunk of a closed stream says so, an earlier one doesn't", async () => {
  const served = new Fixture({ chunkBytes: 4096 });
  await served.make("a", TEXT, "x".repeat(5000));
  await served.append("a", { ...TEXT, ...CLOSE }, "y".repeat(5000));
  const first = await served.get("a");
  equal(first.headers.get("stream-closed"), null);
  equal(first.headers.get("stream-up-to-date"), null);
  const next = first.headers.get("stream-next-offset");
  equal(next, served.offset(5000));
  const last = await served.get(`a?offset=${next}`);
  equal(last.headers.get("stream-closed"), "true");
  equal(last.headers.get("stream-up-to-date"), "true");
});

Deno.test("catch-up at the tail of a closed stream: empty, closed and up to date", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, "all");
  const answer = await served.get(`a?offset=${served.offset(3)}`);
  equal(answer.status, 200);
  equal(answer.headers.get("stream-closed"), "true");
  equal(answer.headers.get("stream-up-to-date"), "true");
  equal(answer.headers.get("stream-next-offset"), served.offset(3));
  equal(await answer.text(), "");
});

Deno.test("long-poll with data left of a closed stream: the data, and closed", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, "all");
  const answer = await served.get("a?offset=-1&live=long-poll");
  equal(answer.status, 200);
  equal(answer.headers.get("stream-closed"), "true");
  equal(await answer.text(), "all");
});

Deno.test("long-poll at the tail of a closed stream: 204 at once", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, "all");
  const answer = await served.get(`a?offset=${served.offset(3)}&live=long-poll`);
  equal(answer.status, 204);
  equal(answer.headers.get("stream-closed"), "true");
  equal(answer.headers.get("stream-up-to-date"), "true");
  equal(answer.headers.get("stream-next-offset"), served.offset(3));
});

Deno.test("long-poll that waits: a close wakes it with 204, an append that closes with the data", async () => {
  const served = new Fixture();
  for (const body of [undefined, "last"]) {
    const name = body ?? "none";
    await served.make(name, TEXT);
    const waiting = served.get(`${name}?offset=-1&live=long-poll`);
    equal(await isPending(waiting), true);
    await served.append(name, { ...TEXT, ...CLOSE }, body);
    const answer = await waiting;
    equal(answer.status, body === undefined ? 204 : 200);
    equal(answer.headers.get("stream-closed"), "true");
    equal(await answer.text(), body ?? "");
  }
});

Deno.test("SSE of a closed stream: data, closed, and the end of the connection", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, "all");
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  const { data, control } = await sse.frame();
  equal(data, "all");
  equal(control.streamClosed, true);
  equal(control.upToDate, true);
  equal(control.streamNextOffset, served.offset(3));
  equal(control.streamCursor, undefined);
  equal(await sse.chunk(), undefined);
});

Deno.test("SSE at the tail of a closed stream: closed and up to date at once, and the end", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, "all");
  const sse = new SseConnection(await served.get(`a?offset=${served.offset(3)}&live=sse`));
  const { data, control } = await sse.frame();
  equal(data, undefined);
  equal(control.streamClosed, true);
  equal(control.upToDate, true);
  equal(await sse.chunk(), undefined);
});

Deno.test("SSE that waits: a close ends it with a control event alone", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "one");
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  equal((await sse.frame()).control.streamClosed, undefined);
  await served.append("a", CLOSE, undefined);
  const { data, control } = await sse.frame();
  equal(data, undefined);
  equal(control.streamClosed, true);
  equal(await sse.chunk(), undefined);
});

Deno.test("SSE of a closed stream in several chunks: only the last says closed", async () => {
  const served = new Fixture({ chunkBytes: 4096 });
  await served.make("a", TEXT, "x".repeat(5000));
  await served.append("a", { ...TEXT, ...CLOSE }, "y".repeat(5000));
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  const first = await sse.frame();
  equal(first.data, "x".repeat(5000));
  equal(first.control.upToDate, undefined);
  equal(first.control.streamClosed, undefined);
  const second = await sse.frame();
  equal(second.data, "y".repeat(5000));
  equal(second.control.streamClosed, true);
  equal(await sse.chunk(), undefined);
});

Deno.test("SSE of a closed stream leaves nobody waiting: its TTL runs out", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE, "stream-ttl": "60" }, "all");
  const sse = new SseConnection(await served.get("a?offset=-1&live=sse"));
  await sse.rest();
  await settle();
  served.clock.advance(60_000);
  equal((await served.head("a")).status, 404);
});

for (const type of ["text/plain", "application/json"]) {
  const body = type === "text/plain" ? "" : "[]";
  Deno.test(`now on a closed stream of ${type}: closed at once in every mode`, async () => {
    const served = new Fixture();
    await served.make("a", { "content-type": type, ...CLOSE }, "[1]");
    const tail = (await served.head("a")).headers.get("stream-next-offset");
    for (
      const [live, status] of [["", 200], ["&live=long-poll", 204], ["&live=sse", 200]] as const
    ) {
      const answer = await served.get(`a?offset=now${live}`);
      equal(answer.status, status);
      equal(answer.headers.get("stream-closed"), "true");
      equal(answer.headers.get("stream-up-to-date"), "true");
      equal(answer.headers.get("stream-next-offset"), tail);
      if (live !== "&live=sse") {
        equal(await answer.text(), live === "" ? body : "");
        continue;
      }
      const sse = new SseConnection(answer);
      const { data, control } = await sse.frame();
      equal(data, undefined);
      equal(control.streamClosed, true);
      equal(control.upToDate, true);
      equal(await sse.chunk(), undefined);
    }
  });
}
