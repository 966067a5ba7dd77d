import { deepStrictEqual as equal, ok } from "node:assert";
import type { ClientErrorCode } from "../../../src/client/errors/client_error.ts";
import type { Fields } from "../../support/fixture.ts";
import { OtherServer, reply } from "./other_server.ts";

const TEXT = { contentType: "text/plain" };

Deno.test("PROTOCOL §5.2: an append names the stream's content type, which HEAD tells", async () => {
  const server = new OtherServer([
    reply(200, "a", { "Content-Type": "text/plain; charset=utf-8" }),
    reply(204, "b"),
    reply(204, "c"),
  ]);
  const writer = server.client.writer("s");
  const send = async () => {
    await writer.send("x");
    return await writer.send("y");
  };
  equal((await server.run(send())).offset, "c");
  equal(server.log, ["HEAD s?offset=now", "POST s", "POST s"]);
  equal(server.asked[1]?.headers.get("content-type"), "text/plain; charset=utf-8");
});

Deno.test("PROTOCOL §5.2: Stream-Seq goes out as it is, and only where it is given", async () => {
  const server = new OtherServer([reply(204, "b"), reply(204, "c")]);
  const writer = server.client.writer("s", TEXT);
  const send = async () => {
    await writer.send("x", { seq: "0000001" });
    await writer.send("y");
  };
  await server.run(send());
  equal(server.asked.map(({ headers }) => headers.get("stream-seq")), ["0000001", null]);
});

/** What a 409 to a plain append means, told by nothing but headers. */
const CONFLICTS: readonly [string, Fields, { seq?: string }, ClientErrorCode][] = [
  [
    "with Stream-Closed",
    { "stream-closed": "true", "stream-next-offset": "t" },
    {},
    "stream_closed",
  ],
  ["with Stream-Closed: TRUE", { "STREAM-CLOSED": "TRUE" }, {}, "stream_closed"],
  [
    "with Stream-Closed, to one with Stream-Seq",
    { "stream-closed": "true" },
    { seq: "1" },
    "stream_closed",
  ],
  ["without a header", {}, {}, "conflict"],
  ["with Stream-Closed: false", { "stream-closed": "false" }, {}, "conflict"],
  ["without a header, to one with Stream-Seq", {}, { seq: "1" }, "sequence_conflict"],
];

for (const [which, headers, options, code] of CONFLICTS) {
  for (const body of [null, "Whatever a body says, stream closed", '{"error":"stream closed"}']) {
    const shown = body === null ? "no body" : JSON.stringify(body);
    Deno.test(`PROTOCOL §5.2: 409 ${which} is ${code}, with ${shown}`, async () => {
      const server = new OtherServer([new Response(body, { status: 409, headers })]);
      const call = server.client.writer("s", TEXT).send("x", options);
      const error = await server.failed(call, code);
      equal(error.status, 409);
      ok(error.message.length > 0);
      if (code === "stream_closed") equal(error.offset, headers["stream-next-offset"]);
    });
  }
}

Deno.test("PROTOCOL §5.2: an append is never repeated, whatever became of it", async () => {
  const outcomes = [
    new TypeError("reset"),
    new Response(null, { status: 500 }),
    new Response(null, { status: 502 }),
    new Response(null, { status: 503, headers: { "retry-after": "1" } }),
    new Response(null, { status: 504 }),
    new Response(null, { status: 408 }),
  ];
  for (const outcome of outcomes) {
    const server = new OtherServer([outcome]);
    const code = outcome instanceof Error ? "network" : "unavailable";
    await server.failed(server.client.writer("s", TEXT).send("x"), code);
    const closing = new OtherServer([
      outcome instanceof Error ? outcome : new Response(null, outcome),
    ]);
    await closing.failed(closing.client.writer("s", TEXT).send("x", { close: true }), code);
    equal([server.log, closing.log], [["POST s"], ["POST s"]]);
  }
});

const REFUSALS: readonly [number, ClientErrorCode][] = [
  [400, "bad_request"],
  [401, "unauthenticated"],
  [403, "forbidden"],
  [404, "not_found"],
  [405, "unsupported"],
  [410, "gone"],
  [413, "too_large"],
  [415, "bad_request"],
  [501, "unsupported"],
];

for (const [status, code] of REFUSALS) {
  Deno.test(`PROTOCOL §5.2: ${status} without a body is ${code}, and final`, async () => {
    const server = new OtherServer([new Response(null, { status })]);
    equal((await server.failed(server.client.writer("s", TEXT).send("x"), code)).status, status);
  });
}

Deno.test("PROTOCOL §5.2: success is 200 or 204, as the server likes", async () => {
  const server = new OtherServer([
    reply(200, "b", {}, "ok"),
    reply(204, "c", { "stream-closed": "true" }),
  ]);
  const writer = server.client.writer("s", TEXT);
  const send = async () => [await writer.send("x"), await writer.send("y", { close: true })];
  const answers = await server.run(send());
  equal(answers.map(({ offset, closed }) => [offset, closed]), [["b", false], ["c", true]]);
});

Deno.test("PROTOCOL §5.3: a close has no body and needs no content type, so it asks for none", async () => {
  const server = new OtherServer([reply(204, "c", { "stream-closed": "true" })]);
  const answer = await server.run(server.client.writer("s").close());
  equal([answer.offset, answer.closed], ["c", true]);
  equal(server.log, ["POST s"]);
  equal(server.asked[0]?.headers.get("stream-closed"), "true");
  equal(server.asked[0]?.body, "");
});

Deno.test("PROTOCOL §5.3: a close is repeated until it is answered", async () => {
  const server = new OtherServer([
    new TypeError("reset"),
    new Response(null, { status: 503 }),
    reply(204, "c", { "stream-closed": "true" }),
  ]);
  equal((await server.run(server.client.close("s"))).closed, true);
});

Deno.test("PROTOCOL §5.4: a DELETE that is repeated and finds nothing has done it", async () => {
  for (const status of [404, 410]) {
    const server = new OtherServer([new TypeError("reset"), new Response(null, { status })]);
    await server.run(server.client.delete("s"));
  }
  const server = new OtherServer([new Response(null, { status: 404 })]);
  await server.failed(server.client.delete("s"), "not_found");
});

Deno.test("PROTOCOL §5.4: a DELETE that was only rate limited before didn't do it", async () => {
  const server = new OtherServer([
    new Response(null, { status: 429 }),
    new Response(null, { status: 404 }),
  ]);
  await server.failed(server.client.delete("s"), "not_found");
});

Deno.test("PROTOCOL §5.5: HEAD tells what the headers tell, and absent ones are absent", async () => {
  const server = new OtherServer([
    reply(200, "a", {
      "content-type": "text/plain",
      "stream-ttl": "60",
      "stream-expires-at": "2026-01-01T00:00:00Z",
      "stream-closed": "true",
    }),
    reply(200, "b"),
  ]);
  const heads = async () => [await server.client.head("s"), await server.client.head("t")];
  equal(await server.run(heads()), [
    {
      nextOffset: "a",
      closed: true,
      contentType: "text/plain",
      ttlSeconds: 60,
      expiresAt: new Date("2026-01-01T00:00:00Z"),
    },
    { nextOffset: "b", closed: false },
  ]);
});

for (const status of [404, 410]) {
  Deno.test(`PROTOCOL §5.5: a HEAD's ${status}, which has no body, isn't retried`, async () => {
    const server = new OtherServer([new Response(null, { status })]);
    await server.failed(server.client.head("s"), status === 404 ? "not_found" : "gone");
  });
}

Deno.test("PROTOCOL §5.5: a HEAD without Stream-Next-Offset isn't retried for ever", async () => {
  const server = new OtherServer([new Response(null, { status: 200 })]);
  await server.failed(server.client.head("s"), "invalid_response");
});
