import { deepEqual, equal, ok } from "node:assert/strict";
import {
  BINARY,
  CLOSE,
  expectError,
  type Fields,
  Fixture,
  JSON_TYPE,
  TEXT,
} from "../../support/fixture.ts";
import { parseSse, type SseEvent } from "../../support/sse_parser.ts";
import { SseConnection } from "../../support/sse_connection.ts";

/** `id` and `Last-Event-ID`, as a browser's own EventSource uses them (an extension to PROTOCOL §5.8). */

const SSE = "a?offset=-1&live=sse";

async function eventsOf(sse: SseConnection): Promise<SseEvent[]> {
  return parseSse(await sse.chunk() ?? "").events;
}

function resume(served: Fixture, lastEventId: string, target = SSE): Promise<Response> {
  return served.get(target, { "last-event-id": lastEventId });
}

/**
 * What a page gets of a stream over an `EventSource` whose connection is cut behind each event in turn, with
 * the status that ends it.
 */
async function followCut(served: Fixture, target: string): Promise<[SseEvent[], number]> {
  const events: SseEvent[] = [];
  let lastEventId = "";
  while (true) {
    const answer = await resume(served, lastEventId, target);
    if (answer.status !== 200) return [events, answer.status];
    const sse = new SseConnection(answer);
    const first = (await eventsOf(sse))[0];
    await sse.cancel();
    ok(first !== undefined && first.lastEventId !== lastEventId, "each event has its own id");
    events.push(first);
    lastEventId = first.lastEventId;
  }
}

Deno.test("EventSource: the data after an event's id is exactly that after the event", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, "[1,2]");
  const sse = new SseConnection(await served.get(SSE));
  const ids = [(await eventsOf(sse)).at(0)?.lastEventId ?? ""];
  for (const body of ["[3]", "[4,5]"]) {
    await served.append("a", JSON_TYPE, body);
    ids.push((await eventsOf(sse)).at(0)?.lastEventId ?? "");
  }
  await sse.cancel();
  const rests = ["[3,4,5]", "[4,5]", undefined];
  for (const [i, id] of ids.entries()) {
    const again = new SseConnection(await resume(served, id));
    const { data } = await again.frame();
    deepEqual(data === undefined ? undefined : JSON.parse(data), rests[i] && JSON.parse(rests[i]));
    await again.cancel();
  }
});

const STREAMS: readonly (readonly [string, Fields, Uint8Array])[] = [
  ["text", TEXT, new TextEncoder().encode("añ\r\n€\rid: 7\n\n🌍")],
  ["bytes", BINARY, Uint8Array.from({ length: 40 }, (_, i) => i)],
];

for (const [kind, type, bytes] of STREAMS) {
  Deno.test(`EventSource: ${kind} that came a byte at a time, over a connection cut behind each event`, async () => {
    const served = new Fixture();
    await served.make("a", type);
    const following = new SseConnection(await served.get(SSE));
    await following.frame();
    const ids: string[] = [];
    const parts: string[] = [];
    for (const byte of bytes) await served.append("a", type, Uint8Array.of(byte));
    await served.append("a", CLOSE, undefined);
    const all = parseSse(await following.rest()).events;
    for (const { type, data, lastEventId } of all) {
      if (type !== "data") continue;
      parts.push(data);
      ids.push(lastEventId);
    }
    for (const [i, id] of ids.entries()) {
      const rest = parseSse(await (await resume(served, id)).text()).events;
      const data = rest.filter(({ type }) => type === "data").map(({ data }) => data);
      equal(decoded(kind, data), decoded(kind, parts.slice(i + 1)));
    }
  });
}

function decoded(kind: string, events: readonly string[]): string {
  return kind === "text" ? events.join("") : events.map(atob).join("");
}

Deno.test("EventSource: a closed stream is told once, then 204 says not to come back", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, "hello");
  const [events, status] = await followCut(served, SSE);
  equal(status, 204);
  deepEqual(events.map(({ type }) => type), ["data", "control"]);
  equal(JSON.parse(events[1]?.data ?? "").streamClosed, true);
  const answer = await resume(served, events[1]?.lastEventId ?? "");
  equal(answer.headers.get("stream-next-offset"), served.offset(5));
  equal(answer.headers.get("stream-closed"), "true");
  equal(answer.headers.get("stream-up-to-date"), "true");
  equal(answer.headers.get("cache-control"), "no-store");
  equal(answer.headers.get("vary"), "last-event-id, origin");
});

for (const offset of ["-1", "now"]) {
  Deno.test(`EventSource: a closed stream without data from ${offset} on is told once, then 204`, async () => {
    const served = new Fixture();
    await served.make("a", { ...TEXT, ...CLOSE });
    const [events, status] = await followCut(served, `a?offset=${offset}&live=sse`);
    deepEqual([events.map(({ type }) => type), status], [["control"], 204]);
  });
}

Deno.test("EventSource: a closure that came while it was away is told, though no data came", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const sse = new SseConnection(await served.get(SSE));
  const [data] = await eventsOf(sse);
  await sse.cancel();
  await served.append("a", CLOSE, undefined);
  const again = new SseConnection(await resume(served, data?.lastEventId ?? ""));
  equal((await again.frame()).control.streamClosed, true);
});

Deno.test("a client that reconnects at a closed stream's end without Last-Event-ID is told of it each time", async () => {
  const served = new Fixture();
  const tail = await served.make("a", { ...TEXT, ...CLOSE }, "hello");
  for (const from of [tail, tail, "now"]) {
    const sse = new SseConnection(await served.get(`a?offset=${from}&live=sse`));
    equal((await sse.frame()).control.streamClosed, true);
  }
});

for (const place of ["offset=now", "tail=0", "time=2026-01-01T00:00:01Z"]) {
  Deno.test(`EventSource of ${place}: data from while it was away is sent, though none came before`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT, "old");
    const target = `a?${place}&live=sse`;
    const sse = new SseConnection(await served.get(target));
    const [control] = await eventsOf(sse);
    await sse.cancel();
    await served.append("a", TEXT, "new");
    const again = new SseConnection(await resume(served, control?.lastEventId ?? "", target));
    equal((await again.frame()).data, "new");
    await again.cancel();
  });
}

Deno.test("EventSource: the greater of Last-Event-ID and the query's offset counts", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "0123456789");
  for (
    const [last, queried, data] of [[3, 5, "56789"], [5, 3, "56789"], [5, 5, "56789"]] as const
  ) {
    const target = `a?offset=${served.offset(queried)}&live=sse`;
    const sse = new SseConnection(await resume(served, served.offset(last), target));
    equal((await sse.frame()).data, data);
    await sse.cancel();
  }
});

Deno.test("EventSource of a fork: ids go on over the fork's point", async () => {
  const served = new Fixture();
  await served.make("src", TEXT, "abc");
  await served.make("f", { "stream-forked-from": "/v1/stream/src" });
  await served.append("f", TEXT, "def");
  for (const [id, data] of [[served.offset(1), "bcdef"], [served.offset(4, 2), "ef"]] as const) {
    const sse = new SseConnection(await resume(served, id, "f?offset=-1&live=sse"));
    equal((await sse.frame()).data, data);
    await sse.cancel();
  }
});

Deno.test("Last-Event-ID of a stream that was deleted and made again: 410, as its offset", async () => {
  const served = new Fixture();
  const old = await served.make("a", TEXT, "old");
  await served.delete("a");
  await served.make("a", TEXT, "new stream");
  for (const target of [SSE, "a?offset=now&live=sse"]) {
    await expectError(await resume(served, old, target), 410, "offset_gone", /earlier stream/);
  }
  await expectError(await resume(served, `${old}_closed`), 410, "offset_gone");
});

Deno.test("Last-Event-ID that no event of this server had: 400, and it is named", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "x");
  for (const id of ["7", "x", "-1", "now", "_closed"]) {
    await expectError(await resume(served, id), 400, "invalid_offset", /^Last-Event-ID /);
  }
  await expectError(await resume(served, served.offset(9)), 400, "offset_past_tail");
});

Deno.test("an empty Last-Event-ID is none, and other reads take no notice of it", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "x");
  const sse = new SseConnection(await resume(served, ""));
  equal((await sse.frame()).data, "x");
  await sse.cancel();
  for (const target of ["a", "a?offset=-1", "a?offset=-1&live=long-poll"]) {
    equal(await (await resume(served, "garbage", target)).text(), "x");
  }
});

Deno.test("caches are told that an SSE response depends on Last-Event-ID", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "x");
  const open = new Fixture({ cors: "*" });
  await open.make("a", TEXT, "x");
  for (
    const [{ app }, vary] of [[served, "last-event-id, origin"], [open, "last-event-id"]] as const
  ) {
    const answer = await app.request(`/v1/stream/${SSE}`);
    equal(answer.headers.get("vary"), vary);
    await answer.body?.cancel();
  }
});
