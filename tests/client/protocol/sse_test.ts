import { deepStrictEqual as equal } from "node:assert";
import type { Reader } from "../../../src/client/reader/reader.ts";
import { SseResponse } from "../../support/client/reader_kit.ts";
import { AT_TAIL, json, OtherServer, reply, sse, text } from "./other_server.ts";

const END = 'event: control\ndata: {"streamNextOffset":"z","streamClosed":true}\n\n';
const BASE64 = { "stream-sse-data-encoding": "base64" };
const BINARY = { "content-type": "application/octet-stream", ...AT_TAIL };

function control(fields: Record<string, unknown>): string {
  return `event: control\ndata: ${JSON.stringify(fields)}\n\n`;
}

/** The bytes of all messages, joined. */
async function bytesOf(server: OtherServer, reader: Reader): Promise<number[]> {
  const bytes: number[] = [];
  const readAll = async () => {
    for await (const message of reader) bytes.push(...message.bytes);
  };
  await server.run(readAll());
  return bytes;
}

/** Ways to say the same two messages, all of them legal. */
const SAME_EVENTS: Record<string, string> = {
  "an array in one line": `event: data\ndata: [{"k":"v"},{"k":"w"}]\n\n${END}`,
  "an array over several data lines":
    `event: data\ndata: [\ndata: {"k":"v"},\ndata: {"k":"w"}\ndata: ]\n\n${END}`,
  "a value over several data lines":
    `event: data\ndata: [{"k":\ndata: "v"},\ndata:\ndata: {\ndata: "k":"w"}]\n\n${END}`,
  "no space after the colon": `event:data\ndata:[{"k":"v"},{"k":"w"}]\n\n${END}`,
  "CRLF line ends": `event: data\ndata: [{"k":"v"},{"k":"w"}]\n\n${END}`.replaceAll("\n", "\r\n"),
  "CR line ends": `event: data\ndata: [{"k":"v"},{"k":"w"}]\n\n${END}`.replaceAll("\n", "\r"),
  "the type after the data": `data: [{"k":"v"},{"k":"w"}]\nevent: data\n\n${END}`,
  "several data events before one control event":
    `event: data\ndata: [{"k":"v"}]\n\nevent: data\ndata: []\n\nevent: data\ndata: [{"k":"w"}]\n\n${END}`,
  "a control event after each data event": `event: data\ndata: [{"k":"v"}]\n\n${
    control({ streamNextOffset: "m", streamCursor: "1" })
  }event: data\ndata: [{"k":"w"}]\n\n${END}`,
  "comments, ids, retry times and unknown events in between":
    `: hello\nretry: 5\nid: 7\n\nevent: ping\ndata: {}\n\n:\nevent: data\nfoo: bar\n: x\n` +
    `data: [{"k":"v"},{"k":"w"}]\nid\n\nevent: future\ndata: [1]\n\n${END}`,
  "a byte order mark first": `\ufeffevent: data\ndata: [{"k":"v"},{"k":"w"}]\n\n${END}`,
  "unknown fields in the control event": `event: data\ndata: [{"k":"v"},{"k":"w"}]\n\n${
    control({ future: [1], streamNextOffset: "z", streamClosed: true, streamCursor: null })
  }`,
  "a control event over several data lines":
    `event: data\ndata: [{"k":"v"},{"k":"w"}]\n\nevent: control\n` +
    `data: {"streamNextOffset":\ndata: "z",\ndata: "streamClosed":true}\n\n`,
  "an empty batch first": `event: data\ndata: []\n\n${
    control({ streamNextOffset: "m", streamCursor: "1" })
  }event: data\ndata: [{"k":"v"},{"k":"w"}]\n\n${END}`,
};

for (const [way, body] of Object.entries(SAME_EVENTS)) {
  Deno.test(`PROTOCOL §5.8: JSON is read with ${way}, in chunks of any size`, async () => {
    const bytes = new TextEncoder().encode(body);
    for (const size of [1, 2, 7, 4096]) {
      const answer = new SseResponse();
      for (let at = 0; at < bytes.length; at += size) answer.send(bytes.slice(at, at + size));
      answer.end();
      const server = new OtherServer([json("a", "[]", AT_TAIL), answer.response]);
      const values: unknown[] = [];
      const readAll = async () => {
        for await (const value of server.client.reader("s", { readMode: "sse" }).json()) {
          values.push(value);
        }
      };
      await server.run(readAll());
      equal(values, [{ k: "v" }, { k: "w" }]);
    }
  });
}

const BASE64_BYTES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const SAME_BYTES: Record<string, string> = {
  "over several data lines": `event: data\ndata: AQIDBAUG\ndata: BwgJCg==\n\n${END}`,
  "broken in the middle of a group of four":
    `event: data\ndata: AQI\ndata: DBAUGB\ndata: wgJCg=\ndata: =\n\n${END}`,
  "with CRLF": `event: data\r\ndata: AQIDBAUG\r\ndata: BwgJCg==\r\n\r\n${END}`,
  "in several events": `event: data\ndata: AQIDBA==\n\nevent: data\ndata: BQYHCAkK\n\n${END}`,
  "with an empty event": `event: data\ndata:\n\nevent: data\ndata: AQIDBAUGBwgJCg==\n\n${END}`,
};

for (const [way, body] of Object.entries(SAME_BYTES)) {
  Deno.test(`PROTOCOL §5.8: base64 ${way} is the bytes`, async () => {
    const server = new OtherServer([reply(200, "a", BINARY, ""), sse(body, BASE64)]);
    const reader = server.client.reader("s", { readMode: "sse" });
    equal(await bytesOf(server, reader), BASE64_BYTES);
  });
}

Deno.test("PROTOCOL §5.8: control events are never base64, and all byte values get through", async () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const encoded = btoa(String.fromCharCode(...all));
  const server = new OtherServer([
    reply(200, "a", BINARY, ""),
    sse(`event: data\ndata: ${encoded}\n\n${END}`, { "Stream-SSE-Data-Encoding": "base64" }),
  ]);
  const reader = server.client.reader("s");
  equal(await bytesOf(server, reader), [...all]);
});

Deno.test("PROTOCOL §5.8: without Stream-SSE-Data-Encoding data that looks like base64 is text", async () => {
  const server = new OtherServer([
    text("a", "", AT_TAIL),
    sse(`event: data\ndata: AQID\n\n${END}`),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "sse" })), ["AQID"]);
});

Deno.test("PROTOCOL §5.8: a character may be cut anywhere", async () => {
  const bytes = new TextEncoder().encode(`event: data\ndata: \u{1f600}é\n\n${END}`);
  for (let cut = 1; cut < bytes.length; cut++) {
    const answer = new SseResponse().send(bytes.slice(0, cut)).send(bytes.slice(cut)).end();
    const server = new OtherServer([text("a", "", AT_TAIL), answer.response]);
    equal(await server.read(server.client.reader("s", { readMode: "sse" })), ["\u{1f600}é"]);
  }
});

Deno.test("PROTOCOL §5.8: a client never reconnects after streamClosed", async () => {
  // The connection isn't even closed by the server, and one that is asked again would fail the test.
  const answer = new SseResponse().event("[1]", { streamNextOffset: "b", streamClosed: true });
  const server = new OtherServer([json("a", "[]", AT_TAIL), answer.response]);
  const reader = server.client.reader("s", { readMode: "sse" });
  equal(await server.read(reader), ["1"]);
  equal([answer.isCancelled, reader.closed, reader.upToDate], [true, true, true]);
  equal((await reader.read()).closed, true);
  equal(await server.read(reader), []);
  equal(server.log.length, 2);
});

Deno.test("PROTOCOL §5.8: a client reconnects with the last streamNextOffset and the last cursor", async () => {
  const server = new OtherServer([
    json("a", "[1]", { ...AT_TAIL, "stream-cursor": "10" }),
    sse(
      `event: data\ndata: [2]\n\n${control({ streamNextOffset: "b", streamCursor: "11" })}` +
        `event: data\ndata: [3]\n\n${
          control({ streamNextOffset: "c", streamCursor: "12", upToDate: true })
        }`,
    ),
    sse(control({ streamNextOffset: "c", streamCursor: "13", upToDate: true })),
    sse(`event: data\ndata: [4]\n\n${END}`),
  ]);
  const reader = server.client.reader("s", { readMode: "sse" });
  equal(await server.read(reader), ["1", "2", "3", "4"]);
  equal(server.log, [
    "GET s?offset=-1",
    "GET s?cursor=10&live=sse&offset=a",
    "GET s?cursor=12&live=sse&offset=c",
    "GET s?cursor=13&live=sse&offset=c",
  ]);
});

Deno.test("PROTOCOL §5.8: data without its control event is fetched again, not returned twice", async () => {
  const server = new OtherServer([
    json("a", "[]", AT_TAIL),
    sse(
      `event: data\ndata: [1]\n\n${control({ streamNextOffset: "b", streamCursor: "1" })}` +
        "event: data\ndata: [2]\n\n",
    ),
    sse(`event: data\ndata: [2,3]\n\n${END}`),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "sse" })), ["1", "2", "3"]);
  equal(server.asked[2]?.query.get("offset"), "b");
});

Deno.test("PROTOCOL §5.8: read() disconnects after streamClosed, even where the server doesn't", async () => {
  const answer = new SseResponse().event("[1]", { streamNextOffset: "b", streamClosed: true });
  const server = new OtherServer([json("a", "[]", AT_TAIL), answer.response]);
  const reader = server.client.reader("s", { readMode: "sse" });
  await reader.read();
  equal((await server.run(reader.read())).closed, true);
  equal(answer.isCancelled, true);
});

Deno.test("PROTOCOL §5.8: streamClosed implies upToDate, and needs no streamCursor", async () => {
  const server = new OtherServer([
    json("a", "[]", { ...AT_TAIL, "stream-cursor": "1" }),
    sse(control({ streamNextOffset: "a", streamClosed: true })),
  ]);
  const reader = server.client.reader("s", { readMode: "sse" });
  await reader.read();
  const last = await server.run(reader.read());
  equal([last.closed, last.upToDate, last.messages.length], [true, true, 0]);
});

Deno.test("PROTOCOL §5.8: upToDate false, or streamClosed false, is as if it were absent", async () => {
  const no = { streamNextOffset: "b", streamCursor: "1", upToDate: false, streamClosed: false };
  const server = new OtherServer([
    json("a", "[]", AT_TAIL),
    sse(`event: data\ndata: [1]\n\n${control(no)}event: data\ndata: [2]\n\n${END}`),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "sse" })), ["1", "2"]);
});

Deno.test("PROTOCOL §5.8: text/event-stream may have parameters", async () => {
  const server = new OtherServer([
    json("a", "[]", AT_TAIL),
    sse(`event: data\ndata: [1]\n\n${END}`, { "content-type": "Text/Event-Stream;charset=UTF-8" }),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "sse" })), ["1"]);
});

for (const status of [400, 405, 501]) {
  Deno.test(`PROTOCOL §5.8: a server without SSE (${status}) is read by long-poll in auto`, async () => {
    const server = new OtherServer([
      json("a", "[1]", AT_TAIL),
      new Response(null, { status }),
      json("b", "[2]", { ...AT_TAIL, "stream-cursor": "1" }),
      reply(204, "b", { "stream-closed": "true" }),
    ]);
    equal(await server.read(server.client.reader("s")), ["1", "2"]);
    equal(server.log[2], "GET s?live=long-poll&offset=a");
  });
}

for (const [status, code] of [[404, "not_found"], [410, "gone"]] as const) {
  Deno.test(`PROTOCOL §5.8: ${status} for a reconnection ends the reader`, async () => {
    const server = new OtherServer([
      json("a", "[]", AT_TAIL),
      sse(`event: data\ndata: [1]\n\n${control({ streamNextOffset: "b", streamCursor: "1" })}`),
      new Response(null, { status }),
    ]);
    const reader = server.client.reader("s");
    const seen: string[] = [];
    const readAll = async () => {
      for await (const message of reader) seen.push(message.text());
    };
    await server.failed(readAll(), code);
    equal([seen, reader.offset], [["1"], "b"]);
  });
}

Deno.test("PROTOCOL §5.8: the data of a response that broke is never returned in part", async () => {
  const broken = new SseResponse().send("event: data\ndata: [1,2]\n\nevent: control\ndata: {");
  broken.break();
  const server = new OtherServer([
    json("a", "[]", AT_TAIL),
    broken.response,
    sse(`event: data\ndata: [1,2]\n\n${END}`),
  ]);
  equal(await server.read(server.client.reader("s")), ["1", "2"]);
});
