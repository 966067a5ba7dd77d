import { deepStrictEqual as equal } from "node:assert";
import { NO_BYTES } from "../../../src/protocol/bytes.ts";
import { AT_END, AT_TAIL, json, OtherServer, reply, sse, text } from "./other_server.ts";

/** A field that lets caches keep an answer. */
const KEPT = { "cache-control": "public, max-age=60" };

Deno.test("PROTOCOL §4.1: Stream-Closed is any case of true, in any case of the header", async () => {
  for (const [name, value] of [["Stream-Closed", "TRUE"], ["STREAM-CLOSED", "True"]] as const) {
    const server = new OtherServer([json("a", "[1]", { [name]: value })]);
    const reader = server.client.reader("s");
    equal(await server.read(reader), ["1"]);
    equal(reader.closed, true);
  }
});

for (const value of ["false", "yes", "1", ""]) {
  Deno.test(`PROTOCOL §4.1: Stream-Closed: ${JSON.stringify(value)} is as if it were absent`, async () => {
    const server = new OtherServer([
      json("a", "[1]", { ...AT_TAIL, "stream-closed": value }),
      reply(204, "a", { ...AT_TAIL, "stream-closed": value, "stream-cursor": "1" }),
      json("b", "[2]", AT_END),
      reply(204, "b", { "stream-closed": value }),
      reply(200, "b", { "stream-closed": value }),
    ]);
    const reader = server.client.reader("s", { readMode: "long-poll" });
    const seen: string[] = [];
    const readAll = async () => {
      for await (const message of reader) seen.push(message.text());
      return [
        await server.client.writer("s", { contentType: "application/json" }).send("1"),
        await server.client.head("s"),
      ].map(({ closed }) => closed);
    };
    equal(await server.run(readAll()), [false, false]);
    equal(seen, ["1", "2"]);
  });
}

Deno.test("PROTOCOL §4.1: up to date isn't the end", async () => {
  const server = new OtherServer([
    json("a", "[1]", AT_TAIL),
    reply(204, "a", AT_TAIL),
    json("b", "[2]", AT_TAIL),
    reply(204, "b", AT_END),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "long-poll" })), ["1", "2"]);
});

Deno.test("PROTOCOL §5.6: chunks without Stream-Up-To-Date are followed to the tail", async () => {
  const server = new OtherServer([
    text("a", "one"),
    text("b", "two"),
    text("c", "three"),
    text("c", "", AT_TAIL),
  ]);
  const reader = server.client.reader("s", { readMode: "catch-up" });
  equal(await server.read(reader), ["one", "two", "three"]);
  equal(server.asked.map(({ query }) => query.get("offset")), ["-1", "a", "b", "c"]);
});

Deno.test("PROTOCOL §5.6: an empty chunk in the middle isn't the tail", async () => {
  for (const empty of [json("b", "[]"), json("b", " [ ] ")]) {
    const server = new OtherServer([json("a", "[1]"), empty, json("c", "[2]", AT_END)]);
    equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["1", "2"]);
  }
  const server = new OtherServer([text("a", "x"), text("b", ""), text("c", "y", AT_END)]);
  equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["x", "y"]);
});

Deno.test("PROTOCOL §5.6: nothing at the offset that was asked for is the tail, header or not", async () => {
  for (const last of [json("a", "[]"), reply(200, "a"), json("a", "")]) {
    const server = new OtherServer([json("a", "[1]"), last]);
    const reader = server.client.reader("s", { readMode: "catch-up" });
    equal(await server.read(reader), ["1"]);
    equal(reader.upToDate, true);
  }
});

Deno.test("PROTOCOL §5.6: a stream that is empty and closed ends at once", async () => {
  const server = new OtherServer([text("0", "", { "stream-closed": "true" })]);
  const reader = server.client.reader("s");
  equal(await server.read(reader), []);
  equal([reader.closed, reader.upToDate], [true, true]);
});

Deno.test("PROTOCOL §5.6: closure behind a cached last chunk is found by asking at the tail", async () => {
  for (const readMode of ["auto", "sse", "long-poll"] as const) {
    const isSse = readMode !== "long-poll";
    const server = new OtherServer([
      json("a", "[1]", AT_TAIL),
      isSse
        ? sse('event: control\ndata: {"streamNextOffset":"a","streamClosed":true}\n\n')
        : reply(204, "a", { "stream-closed": "true" }),
    ]);
    const reader = server.client.reader("s", { readMode });
    equal(await server.read(reader), ["1"]);
    equal(reader.closed, true);
  }
});

Deno.test("PROTOCOL §5.6: read() in catch-up mode finds the closure behind a cached last chunk", async () => {
  const server = new OtherServer([
    json("a", "[1]", AT_TAIL),
    json("a", "[]", AT_END),
    json("a", "[]", { "stream-closed": "true" }),
  ]);
  const reader = server.client.reader("s", { readMode: "catch-up" });
  const first = await reader.read();
  equal([first.messages.length, first.upToDate, first.closed], [1, true, false]);
  const second = await server.run(reader.read());
  equal([second.messages.length, second.upToDate, second.closed], [0, true, true]);
  const third = await server.run(reader.read());
  equal([third.messages.length, third.data, third.closed], [0, NO_BYTES, true]);
  equal(server.log.length, 3);
});

Deno.test("PROTOCOL §10.1: what a cache may have kept is up to date once the stream's tail says so", async () => {
  const server = new OtherServer([
    json("a", "[1]", { ...AT_TAIL, ...KEPT }),
    // Two more since; the tail is asked for once, however many answers of a cache come before it.
    reply(200, "c"),
    json("b", "[2]", { ...AT_TAIL, ...KEPT }),
    json("c", "[3]", { ...AT_TAIL, ...KEPT }),
  ]);
  const reader = server.client.reader("s", { readMode: "catch-up" });
  equal(await server.read(reader), ["1", "2", "3"]);
  equal(reader.upToDate, true);
  equal(server.log, [
    "GET s?offset=-1",
    "GET s?offset=now",
    "GET s?offset=a",
    "GET s?offset=b",
  ]);
});

Deno.test("PROTOCOL §10.1: each time that a reader catches up again the tail is a new one", async () => {
  const server = new OtherServer([
    json("a", "[1]", { ...AT_TAIL, ...KEPT }),
    reply(200, "a"),
    json("b", "[2]", { ...AT_TAIL, ...KEPT }),
    reply(200, "c"),
    json("c", "[3]", { ...AT_TAIL, ...KEPT }),
  ]);
  const reader = server.client.reader("s", { readMode: "catch-up" });
  const told: boolean[] = [];
  for (let i = 0; i < 3; i++) told.push((await reader.read()).upToDate);
  equal(told, [true, false, true]);
  equal(server.asked.length, 5);
});

Deno.test("PROTOCOL §10.1: of a stream that grows as fast as it is read, what there was at first is enough", async () => {
  const server = new OtherServer([
    json("a", "[1]", { ...AT_TAIL, ...KEPT }),
    reply(200, "b"),
    json("c", "[2,3]", { ...AT_TAIL, ...KEPT }),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["1", "2", "3"]);
});

Deno.test("PROTOCOL §10.1: a tail that can't be had is found by reading on, to an empty answer", async () => {
  for (const without of [new Error("reset"), reply(405, "x"), reply(503, "x"), new Response()]) {
    const server = new OtherServer([
      json("a", "[1]", { ...AT_TAIL, ...KEPT }),
      without,
      json("b", "[2]", { ...AT_TAIL, "cache-control": "no-store" }),
    ]);
    equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["1", "2"]);
  }
  const server = new OtherServer([
    json("a", "[1]", { ...AT_TAIL, ...KEPT }),
    reply(405, "x"),
    json("a", "[]", { ...AT_TAIL, ...KEPT }),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["1"]);
});

for (const control of ["no-store", "No-Cache, max-age=60", "private,no-store"]) {
  Deno.test(`PROTOCOL §10.1: Cache-Control: ${control} is up to date without another request`, async () => {
    const server = new OtherServer([json("a", "[1]", { ...AT_TAIL, "cache-control": control })]);
    equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["1"]);
  });
}

for (const control of ["private, max-age=60", 'no-cache="set-cookie", max-age=60']) {
  Deno.test(`PROTOCOL §10.1: Cache-Control: ${control} may be kept, so that the tail is asked for`, async () => {
    const server = new OtherServer([
      json("a", "[1]", { ...AT_TAIL, "cache-control": control }),
      reply(200, "a"),
    ]);
    equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["1"]);
  });
}

Deno.test("PROTOCOL §5.6: a closed answer is the end, wherever it was kept", async () => {
  const server = new OtherServer([json("a", "[1]", { ...AT_END, ...KEPT })]);
  equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["1"]);
});

Deno.test("PROTOCOL §5.6: no optional header is needed, no Stream-Cursor, no ETag, no Cache-Control", async () => {
  const server = new OtherServer([
    new Response("[1]", {
      headers: { "STREAM-NEXT-OFFSET": "a", "Content-Type": "Application/JSON; charset=utf-8" },
    }),
    new Response("[]", {
      headers: { "sTREAM-nEXT-oFFSET": "a", "content-type": "application/json" },
    }),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["1"]);
});

Deno.test("PROTOCOL §5.6: a response without Stream-Next-Offset is rejected, not read again and again", async () => {
  const server = new OtherServer([
    new Response("[1]", { headers: { "content-type": "application/json" } }),
  ]);
  const error = await server.failed(server.client.reader("s").read(), "invalid_response");
  equal(/Stream-Next-Offset/.test(error.message), true);
});

for (const [status, code] of [[404, "not_found"], [410, "gone"], [400, "bad_request"]] as const) {
  Deno.test(`PROTOCOL §5.6: ${status} in the middle of a read is ${code}, at once, and the place stays`, async () => {
    const server = new OtherServer([json("a", "[1,2]"), new Response(null, { status })]);
    const reader = server.client.reader("s");
    const seen: string[] = [];
    const readAll = async () => {
      for await (const message of reader) seen.push(message.text());
    };
    equal((await server.failed(readAll(), code)).status, status);
    equal([seen, reader.offset], [["1", "2"], "a"]);
  });
}

Deno.test("PROTOCOL §10.1: no request is conditional, so that no server answers 304", async () => {
  const server = new OtherServer([json("a", "[1]", { etag: '"x"' }), json("b", "[2]", AT_END)]);
  await server.read(server.client.reader("s"));
  for (const { headers } of server.asked) {
    equal([headers.has("if-none-match"), headers.has("if-modified-since")], [false, false]);
  }
});

Deno.test("PROTOCOL §10.1: a 304 that nobody asked for is no response of the protocol", async () => {
  const server = new OtherServer([new Response(null, { status: 304 })]);
  await server.failed(server.client.reader("s").read(), "invalid_response");
});
