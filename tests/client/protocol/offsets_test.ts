import { deepStrictEqual as equal } from "node:assert";
import { AT_END, AT_TAIL, json, OtherServer, reply, sse } from "./other_server.ts";

const OFFSETS = [
  "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  "0000000000000000_0000000000000042",
  "123_456",
  "x".repeat(255),
  "a+b",
  "100%",
  "%2F",
  "12:34:56",
  "~tilde.dot-dash",
  "a;b@c!d$e'f(g)*h",
  "#fragment",
  '"quoted"',
  "\\back[slash]",
  "0",
  "-2",
  "NOW",
  "caf\u00e9",
];

for (const offset of OFFSETS) {
  const shown = JSON.stringify(offset.slice(0, 40));

  Deno.test(`PROTOCOL §8: the offset ${shown} comes back as it was given, in every mode`, async () => {
    for (const readMode of ["catch-up", "long-poll", "sse"] as const) {
      const control = JSON.stringify({ streamNextOffset: "z", streamClosed: true });
      const last = readMode === "sse"
        ? sse(`event: data\ndata: [2]\n\nevent: control\ndata: ${control}\n\n`)
        : json("z", "[2]", AT_END);
      // In catch-up mode the first chunk isn't the last one.
      const server = new OtherServer([
        json(offset, "[1]", readMode === "catch-up" ? {} : AT_TAIL),
        last,
      ]);
      const reader = server.client.reader("s", { readMode });
      equal(await server.read(reader), ["1", "2"]);
      equal(server.asked[1]?.query.get("offset"), offset);
      equal(server.asked[1]?.query.size, readMode === "catch-up" ? 1 : 2);
    }
  });

  Deno.test(`PROTOCOL §8: a reader resumes at the offset ${shown} and between two messages after it`, async () => {
    const server = new OtherServer([
      json(offset, "[1]"),
      json("z", "[2,3,4]", AT_END),
      json("z", "[2,3,4]", AT_END),
    ]);
    const first = server.client.reader("s", { readMode: "catch-up" });
    const seen: string[] = [];
    for await (const message of first) {
      seen.push(message.text());
      if (seen.length === 2) break;
    }
    const second = server.client.reader("s", { offset: first.offset, readMode: "catch-up" });
    equal([...seen, ...await server.read(second)], ["1", "2", "3", "4"]);
    equal(server.asked[2]?.query.get("offset"), offset);
  });
}

Deno.test("PROTOCOL §8: offsets in SSE control events are opaque too, whatever is in them", async () => {
  const control = (next: Record<string, unknown>) =>
    `event: control\ndata: ${JSON.stringify(next)}\n\n`;
  const odd = "\u00fc+\u{1f600}%:~";
  const server = new OtherServer([
    json("a", "[]", AT_TAIL),
    sse(`event: data\ndata: [1]\n\n${control({ streamNextOffset: odd, streamCursor: "c" })}`),
    sse(`${control({ streamNextOffset: odd, streamClosed: true })}`),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "sse" })), ["1"]);
  equal(server.asked[2]?.query.get("offset"), odd);
});

Deno.test("PROTOCOL §8: -1 is where a reader begins that names no offset", async () => {
  const server = new OtherServer([json("a", "[1]", AT_END)]);
  await server.read(server.client.reader("s"));
  equal(server.log, ["GET s?offset=-1"]);
});

Deno.test("PROTOCOL §8: now in catch-up mode reads nothing of what was there", async () => {
  const server = new OtherServer([
    json("t", "[]", { ...AT_TAIL, "cache-control": "no-store" }),
  ]);
  const reader = server.client.reader("s", { offset: "now", readMode: "catch-up" });
  equal(await server.read(reader), []);
  equal([reader.offset, reader.upToDate, reader.closed], ["t", true, false]);
  equal(server.log, ["GET s?offset=now"]);
});

Deno.test("PROTOCOL §8: now by long-poll loses nothing that is written meanwhile", async () => {
  const server = new OtherServer([
    json("t", "[]", { ...AT_TAIL, "stream-cursor": "5" }),
    json("u", "[1]", { ...AT_TAIL, "stream-cursor": "6" }),
    reply(204, "u", AT_END),
  ]);
  const reader = server.client.reader("s", { offset: "now", readMode: "long-poll" });
  equal(await server.read(reader), ["1"]);
  equal(server.log, [
    "GET s?offset=now",
    "GET s?cursor=5&live=long-poll&offset=t",
    "GET s?cursor=6&live=long-poll&offset=u",
  ]);
});

Deno.test("PROTOCOL §8: now over SSE continues from the tail", async () => {
  const server = new OtherServer([
    json("t", "[]", AT_TAIL),
    sse(
      'event: control\ndata: {"streamNextOffset":"t","upToDate":true,"streamCursor":"1"}\n\n' +
        "event: data\ndata: [1]\n\n" +
        'event: control\ndata: {"streamNextOffset":"u","streamClosed":true}\n\n',
    ),
  ]);
  equal(await server.read(server.client.reader("s", { offset: "now", readMode: "sse" })), ["1"]);
  equal(server.log, ["GET s?offset=now", "GET s?live=sse&offset=t"]);
});

for (const readMode of ["auto", "sse", "long-poll", "catch-up"] as const) {
  Deno.test(`PROTOCOL §8: now in a closed stream ends a reader at once, ${readMode}`, async () => {
    const server = new OtherServer([json("t", "[]", AT_END)]);
    const reader = server.client.reader("s", { offset: "now", readMode });
    equal(await server.read(reader), []);
    equal([reader.offset, reader.upToDate, reader.closed], ["t", true, true]);
  });
}

Deno.test("PROTOCOL §8: a reader continues from the server's offset, never from one of its own making", async () => {
  const server = new OtherServer([
    json("q7", "[1,2]"),
    json("q9", "[3]"),
    json("r", "[]"),
    json("r", "[]", AT_TAIL),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "catch-up" })), ["1", "2", "3"]);
  equal(server.asked.map(({ query }) => query.get("offset")), ["-1", "q7", "q9", "r"]);
});
