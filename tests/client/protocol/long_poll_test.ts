import { deepStrictEqual as equal, ok } from "node:assert";
import {
  AT_END,
  AT_TAIL,
  json,
  OtherServer,
  type Reply,
  reply,
  sse,
  text,
} from "./other_server.ts";

Deno.test("PROTOCOL §5.7: a long-poll names offset and live, and 204 is asked again from the tail", async () => {
  const server = new OtherServer([
    json("a", "[]", AT_TAIL),
    reply(204, "a", { ...AT_TAIL, "stream-cursor": "1" }),
    json("b", "[1]", { ...AT_TAIL, "stream-cursor": "2" }),
    reply(204, "b", AT_END),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "long-poll" })), ["1"]);
  equal(server.log, [
    "GET s?offset=-1",
    "GET s?live=long-poll&offset=a",
    "GET s?cursor=1&live=long-poll&offset=a",
    "GET s?cursor=2&live=long-poll&offset=b",
  ]);
});

Deno.test("PROTOCOL §5.7: closure with the last data ends a reader without a Stream-Cursor", async () => {
  const server = new OtherServer([
    text("a", "", AT_TAIL),
    text("b", "end", { "stream-closed": "true" }),
  ]);
  const reader = server.client.reader("s", { readMode: "long-poll" });
  equal(await server.read(reader), ["end"]);
  equal([reader.closed, reader.upToDate], [true, true]);
});

Deno.test("PROTOCOL §5.7: data that isn't all there is is followed by more", async () => {
  const server = new OtherServer([
    json("a", "[]", AT_TAIL),
    json("b", "[1]", { "stream-cursor": "1" }),
    json("c", "[2]", { "stream-cursor": "1", ...AT_TAIL }),
    reply(204, "c", AT_END),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "long-poll" })), ["1", "2"]);
});

Deno.test("PROTOCOL §5.7: a 204 that names a tail further on is believed", async () => {
  const server = new OtherServer([
    json("a", "[]", AT_TAIL),
    reply(204, "b", { ...AT_TAIL, "stream-cursor": "1" }),
    reply(204, "b", AT_END),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "long-poll" })), []);
  equal(server.asked[2]?.query.get("offset"), "b");
});

for (const [status, code] of [[404, "not_found"], [410, "gone"], [400, "bad_request"]] as const) {
  Deno.test(`PROTOCOL §5.7: ${status} for a long-poll is ${code}, at once`, async () => {
    const server = new OtherServer([json("a", "[1]", AT_TAIL), new Response(null, { status })]);
    const reader = server.client.reader("s", { readMode: "long-poll" });
    const readAll = async () => {
      for await (const _ of reader);
    };
    await server.failed(readAll(), code);
    equal(reader.offset, "a");
  });
}

Deno.test("PROTOCOL §10.1: every live request echoes the last cursor, also the first and after 204", async () => {
  const server = new OtherServer([
    json("a", "[]", { ...AT_TAIL, "stream-cursor": "1000" }),
    reply(204, "a", { ...AT_TAIL, "Stream-Cursor": "1050" }),
    // One that forgets it: the last one stands.
    reply(204, "a", AT_TAIL),
    json("b", "[1]", { ...AT_TAIL, "stream-cursor": "c/u&r=s o+r" }),
    reply(204, "b", AT_END),
  ]);
  await server.read(server.client.reader("s", { readMode: "long-poll" }));
  equal(server.asked.map(({ query }) => query.get("cursor")), [
    null,
    "1000",
    "1050",
    "1050",
    "c/u&r=s o+r",
  ]);
});

Deno.test("PROTOCOL §10.1: the cursor continues where auto falls back from SSE to long-poll", async () => {
  const server = new OtherServer([
    json("a", "[]", { ...AT_TAIL, "stream-cursor": "7" }),
    text("a", "no SSE here"),
    reply(204, "a", AT_END),
  ]);
  await server.read(server.client.reader("s"));
  equal(server.log.slice(1), [
    "GET s?cursor=7&live=sse&offset=a",
    "GET s?cursor=7&live=long-poll&offset=a",
  ]);
});

Deno.test("PROTOCOL §10.1: a plain GET has no cursor, so that catch-up stays in caches", async () => {
  const server = new OtherServer([
    json("a", "[1]", { "stream-cursor": "1" }),
    json("b", "[2]", { ...AT_END, "stream-cursor": "1" }),
  ]);
  await server.read(server.client.reader("s"));
  equal(server.log, ["GET s?offset=-1", "GET s?offset=a"]);
});

Deno.test("PROTOCOL §10.1: the query is in the order of its keys, beside what the base URL has", async () => {
  const replies: Reply[] = [
    json("a", "[]", { ...AT_TAIL, "stream-cursor": "1" }),
    sse('event: control\ndata: {"streamNextOffset":"a","streamClosed":true}\n\n'),
  ];
  const server = new OtherServer(replies);
  await server.read(server.client.reader("s", { readMode: "sse" }));
  for (const { target } of server.asked) {
    const keys = [...new URLSearchParams(target.split("?")[1]).keys()];
    equal(keys, keys.toSorted());
  }
});

Deno.test("PROTOCOL §10.1: live answers from a cache that never change don't make a hot loop", async () => {
  // Without a cursor that moves, a cache gives the same answer at once, again and again.
  const stale = () => reply(204, "a", { ...AT_TAIL, "stream-cursor": "1" });
  const server = new OtherServer([
    json("a", "[]", AT_TAIL),
    ...Array.from({ length: 20 }, () => stale),
    reply(204, "a", AT_END),
  ]);
  const startMs = server.clock.nowMs();
  await server.read(server.client.reader("s", { readMode: "long-poll" }));
  const elapsedMs = server.clock.nowMs() - startMs;
  ok(elapsedMs > 20_000, `21 requests in ${elapsedMs} ms`);
});
