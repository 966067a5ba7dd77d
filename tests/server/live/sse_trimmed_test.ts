import { deepEqual, equal } from "node:assert/strict";
import { Fixture, JSON_TYPE, settle, TEXT } from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

const SSE = "a?offset=-1&live=sse";

/** A stream with a reader that has fallen behind after its first event, at position 0. */
async function behind(): Promise<{ served: Fixture; sse: SseConnection }> {
  const served = new Fixture({ sseBufferBytes: 1 });
  await served.make("a", JSON_TYPE);
  const sse = new SseConnection(await served.get(SSE));
  await served.append("a", JSON_TYPE, "1");
  await served.append("a", JSON_TYPE, "2");
  await settle();
  return { served, sse };
}

Deno.test("a reader that is behind what was trimmed is told where it was and what is left, and its connection ends", async () => {
  const { served, sse } = await behind();
  await served.send("PATCH", "a", { "stream-trim-before": served.offset(3) });
  const first = await sse.frame();
  equal(first.control.streamNextOffset, served.offset(0));
  const { data, control } = await sse.frame();
  equal(data, undefined);
  deepEqual(control, {
    streamNextOffset: served.offset(0),
    streamCursor: control.streamCursor,
    trimmed: true,
    earliestOffset: served.offset(3),
  });
  equal(await sse.rest(), "");
  equal((await served.get(`a?offset=${control.streamNextOffset}&live=sse`)).status, 410);
});

Deno.test("a browser that comes back to the last event of a trimmed place is told 410", async () => {
  const { served } = await behind();
  await served.send("PATCH", "a", { "stream-trim-before": served.offset(3) });
  const answer = await served.get(SSE, { "last-event-id": served.offset(0) });
  equal(answer.status, 410);
});

Deno.test("others of the same stream that are further on go on as if nothing was", async () => {
  const { served, sse } = await behind();
  const other = new SseConnection(await served.get("a?offset=now&live=sse"));
  equal((await other.frame()).control.streamNextOffset, served.offset(6));
  await served.send("PATCH", "a", { "stream-trim-before": served.offset(3) });
  await sse.frame();
  await sse.frame();
  equal(await sse.rest(), "");
  await served.append("a", JSON_TYPE, "3");
  equal((await other.frame()).data, "[3]");
  await other.cancel();
});

Deno.test("a reader at the tail stays, however much is trimmed before it", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "old");
  const sse = new SseConnection(await served.get(SSE));
  equal((await sse.frame()).data, "old");
  await served.send("PATCH", "a", { "stream-trim-before": "now" });
  await served.append("a", TEXT, "new");
  equal((await sse.frame()).data, "new");
  await sse.cancel();
});
