import { deepEqual, equal, ok } from "node:assert/strict";
import type { RequestEntry, RequestLog } from "../../../src/server/common/request_entry.ts";
import { type FrameSink, isLiveBody, type LiveBody } from "../../../src/http/handler.ts";
import { nameClient, observeRequest } from "../../../src/server/log/request_log.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { Fixture, TEXT } from "../../support/fixture.ts";

function observed(): { fixture: Fixture; entries: RequestEntry[]; requestLog: RequestLog } {
  const entries: RequestEntry[] = [];
  const requestLog: RequestLog = { observer: (entry) => void entries.push(entry) };
  return { fixture: new Fixture({ requestLog }), entries, requestLog };
}

Deno.test("each request is told of with its status, its bytes and its time", async () => {
  const { fixture, entries } = observed();
  await fixture.put("a", TEXT, "hello");
  await fixture.get("a?token=geheim");
  await fixture.head("a");
  await fixture.post("a", TEXT, "!");
  deepEqual(
    entries.map(({ method, path, status, bytes }) => [method, path, status, bytes]),
    [
      ["PUT", "/v1/stream/a", 201, 0],
      ["GET", "/v1/stream/a?token=***", 200, 5],
      ["HEAD", "/v1/stream/a", 200, 0],
      ["POST", "/v1/stream/a", 204, 0],
    ],
  );
  ok(entries.every(({ atMs }) => atMs === fixture.clock.nowMs()));
  equal(new Set(entries.map(({ id }) => id)).size, 4);
});

Deno.test("a failure's line has the id that its answer has, and the bytes of the whole answer", async () => {
  const { fixture, entries } = observed();
  const answer = await fixture.get("none");
  const body = await answer.text();
  equal(JSON.parse(body).error.requestId, answer.headers.get("x-request-id"));
  equal(entries[0]?.id, answer.headers.get("x-request-id"));
  equal(entries[0]?.bytes, body.length);
  await fixture.get("none", { "x-request-id": "mine" });
  equal(entries[1]?.id, "mine");
});

Deno.test("an SSE connection is told of once it has ended, with all its bytes", async () => {
  const { fixture, entries } = observed();
  await fixture.put("a", { ...TEXT, "stream-closed": "true" }, "hello");
  const answer = await fixture.get("a?offset=-1&live=sse");
  const body = await answer.text();
  deepEqual(entries.slice(1).map(({ status, bytes }) => [status, bytes]), [[200, body.length]]);
});

Deno.test("an SSE connection that its client leaves is told of, too, and only once", async () => {
  const { fixture, entries } = observed();
  await fixture.make("a", TEXT, "hello");
  const answer = await fixture.get("a?offset=-1&live=sse");
  equal(entries.length, 1);
  await answer.body?.cancel();
  fixture.clock.advance(120_000);
  equal(entries.length, 2);
});

Deno.test("an observer may come and go", async () => {
  const { fixture, entries, requestLog } = observed();
  const { observer } = requestLog;
  requestLog.observer = undefined;
  await fixture.get("none");
  requestLog.observer = observer;
  await fixture.get("none");
  equal(entries.length, 1);
});

Deno.test("the client is who was named, else the address, and the time is until the answer began", () => {
  const entries: RequestEntry[] = [];
  const clock = new ManualClock();
  for (const name of [undefined, "u1"]) {
    const request = Object.assign(new Request("http://h/a"), { peerAddress: () => "192.0.2.1" });
    const observer = (entry: RequestEntry) => void entries.push(entry);
    const respond = observeRequest(request, () => {}, observer, clock);
    if (name !== undefined) nameClient(request, name);
    clock.advance(7);
    respond({ status: 204, headers: {}, body: null });
  }
  deepEqual(entries.map(({ client, ms }) => [client, ms]), [["192.0.2.1", 7], ["u1", 7]]);
});

Deno.test("a body that is made while it is sent is told of once, however often it ends", () => {
  const entries: RequestEntry[] = [];
  const observer = (entry: RequestEntry) => void entries.push(entry);
  let sink: FrameSink | undefined;
  const live: LiveBody = {
    limitBytes: 1,
    attach: (given) => void (sink = given),
    drained: () => {},
    disconnected: () => {},
  };
  const respond = observeRequest(
    new Request("http://h/a"),
    ({ body }) => {
      ok(isLiveBody(body));
      body.attach({ queuedBytes: 0, write: () => {}, end: () => {}, destroy: () => {} });
      sink?.write(new Uint8Array(3));
      sink?.end();
      body.disconnected();
    },
    observer,
    new ManualClock(),
  );
  respond({ status: 200, headers: {}, body: live });
  deepEqual(entries.map(({ bytes }) => bytes), [3]);
});

Deno.test("whoever's permit let a request in is its client, also where the authority answers late", async () => {
  const entries: RequestEntry[] = [];
  const requestLog: RequestLog = { observer: (entry) => void entries.push(entry) };
  const permit = { subject: "u1", grants: ["read,append,create **"] };
  for (const authorize of [() => permit, () => Promise.resolve(permit)]) {
    const fixture = new Fixture({ requestLog, authorize });
    await fixture.put("a", TEXT, "hello");
    await fixture.post("a", TEXT, "!");
    await fixture.delete("a");
  }
  deepEqual(
    entries.map(({ client, status }) => [client, status]),
    [201, 204, 403, 201, 204, 403].map((status) => ["u1", status]),
  );
});

Deno.test("a failure has the same id in its line and in its answer, also where the authority answers late", async () => {
  const entries: RequestEntry[] = [];
  const requestLog: RequestLog = { observer: (entry) => void entries.push(entry) };
  const fixture = new Fixture({ requestLog, authorize: () => Promise.resolve(undefined) });
  const answer = await fixture.post("a", TEXT, "hello");
  equal(answer.status, 401);
  equal(answer.headers.get("x-request-id"), entries[0]?.id);
  equal(entries[0]?.client, undefined);
});
