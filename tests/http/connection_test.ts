import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  type FrameSink,
  isBodySource,
  type LiveBody,
  type SliceBody,
} from "../../src/http/handler.ts";
import { type Bytes, concatBytes, decodeUtf8, encodeUtf8 } from "../../src/protocol/bytes.ts";
import { bodyOf, codes, ConnectionKit, FakeSlice, GET, sent, settle } from "./connection_kit.ts";

Deno.test("requests that come together are answered one after the other", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(
    concatBytes([GET, sent("POST /b HTTP/1.1\nHost: h\nContent-Length: 2\n\nhi"), GET]),
  );
  equal(kit.only.request.url, "http://h/a");
  kit.only.respond({ status: 404 });
  equal(kit.only.request.method, "POST");
  equal(decodeUtf8(kit.only.request.whole ?? new Uint8Array(0)), "hi");
  kit.only.respond({ status: 201 });
  kit.only.respond({ status: 200, body: "last" });
  deepEqual(codes(socket.received), ["404", "201", "200"]);
  match(socket.received, /content-length: 4\r\n\r\nlast$/);
  equal(socket.ending, undefined);
});

/** A handler that answers with what it was sent. */
function echo(kit: { seen: string[] }): ConstructorParameters<typeof ConnectionKit>[0] {
  return (request, respond) => {
    const answer = (body: Bytes) => {
      kit.seen.push(`${request.method} ${request.url} ${decodeUtf8(body)}`);
      respond({ status: 200, headers: {}, body });
    };
    void bodyOf(request).then(answer);
  };
}

const request = fc.oneof(
  fc.record({ kind: fc.constant("none" as const) }),
  fc.record({
    kind: fc.constant("length" as const),
    body: fc.string({ unit: fc.constantFrom("a", "\r\n", "0"), maxLength: 40 }),
  }),
  fc.record({
    kind: fc.constant("chunks" as const),
    parts: fc.array(fc.constantFrom("x", "0\r\n\r\n", "hello"), { maxLength: 4 }),
  }),
);

Deno.test("requests are the same however their bytes are split, and responses however slow the client is", async () => {
  const requests = fc.array(request, { minLength: 1, maxLength: 5 });
  const cuts = fc.array(fc.nat(), { maxLength: 10 });
  const rooms = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(requests, cuts, rooms, async (all, places, room) => {
      let text = "";
      const expected: string[] = [];
      all.forEach((each, i) => {
        if (each.kind === "none") {
          text += `GET /${i} HTTP/1.1\r\nHost: h\r\n\r\n`;
          expected.push(`GET http://h/${i} `);
        } else if (each.kind === "length") {
          text +=
            `POST /${i} HTTP/1.1\r\nHost: h\r\nContent-Length: ${each.body.length}\r\n\r\n${each.body}`;
          expected.push(`POST http://h/${i} ${each.body}`);
        } else {
          const chunks = each.parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
            .join("");
          text +=
            `PUT /${i} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
          expected.push(`PUT http://h/${i} ${each.parts.join("")}`);
        }
      });
      const seen: string[] = [];
      const kit = new ConnectionKit(echo({ seen }));
      const { socket, connection } = kit.connect();
      socket.roomBytes = 0;
      const at = [...new Set([0, ...places.map((place) => place % text.length), text.length])].sort(
        (a, b) => a - b,
      );
      for (let i = 1; i < at.length; i++) {
        connection.received(new Uint8Array(Buffer.from(text.slice(at[i - 1], at[i]), "latin1")));
        await settle();
        socket.roomBytes = room[i % room.length] ?? 1;
        connection.drained();
      }
      for (let turn = 0; turn < 400 && codes(socket.received).length < all.length; turn++) {
        await settle();
        socket.roomBytes = room[turn % room.length] ?? 1;
        connection.drained();
      }
      socket.roomBytes = Infinity;
      connection.drained();
      await settle();
      deepEqual(seen, expected);
      const bodies = expected.map((line) => line.split(" ").slice(2).join(" "));
      const answers = bodies.map((body) => `content-length: ${body.length}\r\n\r\n${body}`);
      let from = 0;
      for (const answer of answers) {
        const found = socket.received.indexOf(answer, from);
        ok(found >= 0, `${JSON.stringify(answer)} in ${JSON.stringify(socket.received)}`);
        from = found + answer.length;
      }
      equal(from, socket.received.length);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a body that comes later: 100 Continue as it is asked for, once", async () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(
    sent("POST /a HTTP/1.1\nHost: h\nContent-Length: 4\nExpect: 100-continue\n\n"),
  );
  equal(socket.received, "");
  const body = bodyOf(kit.only.request);
  equal(socket.received, "HTTP/1.1 100 Continue\r\n\r\n");
  connection.received(sent("ab"));
  connection.received(sent("cd"));
  equal(decodeUtf8(await body), "abcd");
  kit.only.respond({ status: 204 });
  deepEqual(codes(socket.received), ["100", "204"]);
});

Deno.test("a response before the body ends the connection, and further input is discarded", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(
    sent("POST /a HTTP/1.1\nHost: h\nContent-Length: 4\nExpect: 100-continue\n\n"),
  );
  kit.only.respond({ status: 413, body: "no" });
  match(socket.received, /^HTTP\/1\.1 413 .*\r\nconnection: close\r\n.*no$/s);
  equal(socket.ending, "shutdown");
  connection.received(sent("abcd"));
  connection.received(GET);
  equal(kit.pending.length, 0);
  kit.clock.advance(60_000);
  equal(socket.ending, "terminate");
});

Deno.test("Connection: close ends the connection once the response is out", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  socket.roomBytes = 20;
  connection.received(sent("GET /a HTTP/1.1\nHost: h\nConnection: close\n\n"));
  kit.only.respond({ body: "all of it" });
  equal(socket.ending, undefined);
  socket.roomBytes = Infinity;
  connection.drained();
  match(socket.received, /connection: close\r\n.*all of it$/s);
  equal(socket.ending, "end");
});

Deno.test("a response to HTTP/1.0 ends the connection, unless the request asked to keep it", () => {
  for (const [more, ending] of [["", "end"], ["Connection: keep-alive\n", undefined]] as const) {
    const kit = new ConnectionKit();
    const { socket, connection } = kit.connect();
    connection.received(sent(`GET /a HTTP/1.0\nHost: h\n${more}\n`));
    kit.only.respond({ body: "x" });
    equal(socket.ending, ending);
  }
});

Deno.test("HEAD, 204 and 304 have no body, whatever the response holds", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(sent("HEAD /a HTTP/1.1\nHost: h\n\n"));
  kit.only.respond({ body: "secret" });
  connection.received(GET);
  kit.only.respond({ status: 304, body: "secret" });
  connection.received(GET);
  kit.only.respond({ status: 204, body: "secret" });
  ok(!/secret|content-length|transfer-encoding/.test(socket.received));
  connection.received(GET);
  kit.only.respond({ status: 201 });
  match(socket.received, /content-length: 0\r\n\r\n$/);
});

Deno.test("malformed requests are answered as such, and nothing that follows is read", () => {
  for (
    const [text, code] of [
      ["GET / HTTP/1.1\n\n", "400"],
      ["NONSENSE", "400"].map((part, i) => i === 0 ? `{${part}` : part),
      ["GET / HTTP/3.0\nHost: h\n\n", "505"],
      [`GET /${"a".repeat(20_000)}`, "431"],
      ["POST / HTTP/1.1\nHost: h\nContent-Length: 1\nTransfer-Encoding: chunked\n\n0\n\n", "400"],
    ]
  ) {
    const kit = new ConnectionKit();
    const { socket, connection } = kit.connect();
    connection.received(sent(text ?? ""));
    connection.received(GET);
    deepEqual(codes(socket.received), [code]);
    match(socket.received, /\{"error":\{"code":"malformed_request","message":"[^"]+"\}\}\n$/);
    equal(socket.ending, "shutdown");
    equal(kit.pending.length, 0);
  }
});

Deno.test("a malformed chunk is the end of the body and of the connection", async () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(sent("POST /a HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n2\nab\n"));
  const body = bodyOf(kit.only.request);
  connection.received(sent("x\n"));
  await rejects(body, /malformed/);
  kit.only.respond({ status: 400 });
  deepEqual(codes(socket.received), ["400"]);
  equal(socket.ending, "shutdown");
});

Deno.test("after a malformed chunk no input is kept, however late the response is", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(sent("GET /a HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\nx\n"));
  let reads = 0;
  const watched = new Proxy(new Uint8Array(100), {
    get: (target, key) => {
      reads++;
      return Reflect.get(target, key, target);
    },
  });
  connection.received(watched);
  equal(reads, 0);
  kit.only.respond({ body: "late" });
  match(socket.received, /connection: close\r\n.*late$/s);
  equal(socket.ending, "shutdown");
});

Deno.test("an empty line before a request is skipped", () => {
  const kit = new ConnectionKit();
  kit.connect().connection.received(concatBytes([sent("\n\n"), GET]));
  equal(kit.only.request.url, "http://h/a");
});

Deno.test("a disconnect aborts the request, fails its body and drops its response", async () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(sent("POST /a HTTP/1.1\nHost: h\nContent-Length: 4\n\nab"));
  const { request, respond } = kit.only;
  let departures = 0;
  request.signal.addEventListener("abort", () => departures++);
  const body = bodyOf(request);
  kit.connections.close(connection);
  equal(departures, 1);
  equal(request.signal.aborted, true);
  await rejects(body, /ended before the body did/);
  respond({ status: 204 });
  equal(socket.received, "");
});

/** A live body that tells what it learns. */
class Feed implements LiveBody {
  readonly limitBytes = 100;
  sink: FrameSink | undefined;
  readonly events: string[] = [];

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  drained(): void {
    this.events.push(`drained ${this.sink?.queuedBytes}`);
  }

  disconnected(): void {
    this.events.push("gone");
  }
}

Deno.test("a live body goes out in chunks as it comes, and the connection stays", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  const feed = new Feed();
  kit.only.respond({ body: feed });
  feed.sink?.write(encodeUtf8("one"));
  feed.sink?.write(encodeUtf8(""));
  feed.sink?.write(encodeUtf8("0123456789abcdef"));
  feed.sink?.end();
  match(
    socket.received,
    /transfer-encoding: chunked\r\n\r\n3\r\none\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n$/,
  );
  connection.received(GET);
  equal(kit.pending.length, 1);
  deepEqual(feed.events, []);
});

Deno.test("to HTTP/1.0 a live body goes out as it is, and ends with the connection", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(sent("GET /a HTTP/1.0\nConnection: keep-alive\n\n"));
  const feed = new Feed();
  kit.only.respond({ body: feed });
  feed.sink?.write(encodeUtf8("one"));
  feed.sink?.end();
  match(socket.received, /connection: close\r\n\r\none$/);
  equal(socket.ending, "end");
});

Deno.test("a live body learns how much its client hasn't taken, and of the disconnect", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  const feed = new Feed();
  kit.only.respond({ body: feed });
  socket.roomBytes = 5;
  feed.sink?.write(encodeUtf8("x".repeat(50)));
  equal(feed.sink?.queuedBytes, 51);
  socket.roomBytes = 10;
  connection.drained();
  socket.roomBytes = 100;
  connection.drained();
  kit.connections.close(connection);
  deepEqual(feed.events, ["drained 41", "drained 0", "gone"]);
});

Deno.test("a live body that is cut ends the connection in the middle", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  const feed = new Feed();
  kit.only.respond({ body: feed });
  feed.sink?.destroy(new Error("too slow"));
  equal(socket.ending, "terminate");
  ok(!socket.received.endsWith("0\r\n\r\n"));
});

Deno.test("a blob is sent in pieces, as fast as the client takes them", async () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  const bytes = new Uint8Array(700_000).map((_, i) => i % 251);
  connection.received(GET);
  socket.roomBytes = 1000;
  kit.only.respond({ body: new Blob([bytes]) });
  for (
    let i = 0;
    i < 100 && kit.connections !== undefined && socket.received.length < 700_000;
    i++
  ) {
    await settle();
    socket.roomBytes = 100_000;
    connection.drained();
  }
  const body = socket.received.slice(socket.received.indexOf("\r\n\r\n") + 4);
  deepEqual(new Uint8Array(Buffer.from(body, "latin1")), bytes);
  connection.received(GET);
  equal(kit.pending.length, 1);
});

/** How an answer with a part of a file may end, and how it is told. */
const SLICE_ENDINGS: readonly (readonly [string, (slice: FakeSlice, at: SliceResponse) => void])[] =
  [
    ["it is sent", () => {}],
    ["its client goes in the middle", (slice, { kit, socket, connection, respond }) => {
      socket.roomBytes = 200;
      respond({ body: inBrackets(slice) });
      equal(slice.releases, 0);
      kit.connections.close(connection);
    }],
    ["its client is gone before", (slice, { kit, connection, respond }) => {
      kit.connections.close(connection);
      respond({ body: inBrackets(slice) });
    }],
    ["its headers can't be sent", (slice, { socket, respond }) => {
      respond({ body: inBrackets(slice), headers: { "x": "\r\n" } });
      equal(socket.ending, "terminate");
    }],
    [
      "there is no body to send",
      (slice, { respond }) => respond({ body: inBrackets(slice), status: 304 }),
    ],
    ["its file is too short", (slice, { socket, respond }) => {
      slice.text = slice.text.slice(0, 900);
      respond({ body: inBrackets(slice) });
      equal(socket.ending, "terminate");
    }],
    ["its file is too short once the client takes more", (slice, at) => {
      at.socket.roomBytes = 200;
      at.respond({ body: inBrackets(slice) });
      slice.text = slice.text.slice(0, 900);
      at.socket.roomBytes = Infinity;
      at.connection.drained();
      equal(at.socket.ending, "terminate");
      at.kit.connections.close(at.connection);
    }],
  ];

function inBrackets(slice: FakeSlice): SliceBody {
  return { before: "[", slice, after: "]" };
}

interface SliceResponse extends ReturnType<ConnectionKit["connect"]> {
  readonly kit: ConnectionKit;
  readonly respond: ConnectionKit["only"]["respond"];
}

for (const [how, end] of SLICE_ENDINGS) {
  Deno.test(`a part of a file is let go of once where ${how}`, () => {
    const kit = new ConnectionKit();
    const client = kit.connect();
    client.connection.received(GET);
    const { respond } = kit.only;
    const slice = new FakeSlice(client.socket, "x".repeat(1000), 0, 1000);
    end(slice, { kit, ...client, respond });
    if (kit.pending.length > 0) {
      respond({ body: inBrackets(slice) });
      equal(client.socket.received.endsWith(`\r\n\r\n[${slice.text}]`), true);
      match(client.socket.received, /content-length: 1002\r\n/);
    }
    equal(slice.releases, 1);
  });
}

Deno.test("a part of a file follows a head that isn't ASCII, and what is before it", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  const slice = new FakeSlice(socket, "xyz", 1, 3);
  kit.only.respond({ body: inBrackets(slice), headers: { "x": "\xe9" } });
  match(socket.received, /x: \xe9\r\n[^]*content-length: 4\r\n\r\n\[yz\]$/);
  equal(slice.releases, 1);
});

Deno.test("a client that sends ahead has to wait, and goes on after the response", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  connection.received(concatBytes(Array.from({ length: 3000 }, () => GET)));
  equal(socket.isPaused, true);
  equal(kit.pending.length, 1);
  while (kit.pending.length > 0) kit.only.respond({ status: 204 });
  equal(codes(socket.received).length, 3001);
  equal(socket.isPaused, false);
});

Deno.test("a client that sends on and doesn't read gets no more responses", () => {
  const kit = new ConnectionKit((_request, respond) =>
    respond({ status: 200, headers: {}, body: new Uint8Array(100_000) })
  );
  const { socket, connection } = kit.connect();
  socket.roomBytes = 0;
  connection.received(concatBytes(Array.from({ length: 3000 }, () => GET)));
  equal(socket.isPaused, true);
  kit.clock.advance(60_000);
  equal(socket.ending, undefined);
  socket.roomBytes = Infinity;
  connection.drained();
  equal(codes(socket.received).length, 3000);
  equal(socket.isPaused, false);
  equal(socket.ending, undefined);
});

Deno.test("a body that nobody asks for isn't taken without end", async () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(sent("POST /a HTTP/1.1\nHost: h\nContent-Length: 200000\n\n"));
  connection.received(new Uint8Array(100_000));
  equal(socket.isPaused, true);
  const body = bodyOf(kit.only.request);
  equal(socket.isPaused, false);
  connection.received(new Uint8Array(100_000));
  equal((await body).byteLength, 200_000);
});

Deno.test("a body of a million chunks of a byte is decoded in place, in a few milliseconds each read", async () => {
  const kit = new ConnectionKit();
  const { connection } = kit.connect();
  connection.received(sent("POST /a HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n"));
  const body = bodyOf(kit.only.request);
  connection.received(sent("1\nx\n".repeat(60_000) + "f4240\n"));
  connection.received(new Uint8Array(1_000_000));
  connection.received(sent("\n0\n\n"));
  equal((await body).length, 1_060_000);
});

Deno.test("a body in far more chunks than it has bytes for is refused", async () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(sent("POST /a HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n"));
  const body = bodyOf(kit.only.request);
  connection.received(sent("1\nx\n".repeat(70_000)));
  await rejects(body, /more than 65536 chunks of less than 64 bytes/);
  kit.only.respond({ status: 400 });
  equal(socket.ending, "shutdown");
});

Deno.test("a handler may respond in the middle of a body: the rest is discarded", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(sent("POST /a HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n"));
  const { request, respond } = kit.only;
  ok(isBodySource(request.body));
  let writes = 0;
  request.body.attach({
    write() {
      if (++writes === 1) respond({ status: 413 });
    },
    end() {},
    fail() {},
  });
  connection.received(sent("1\nx\n".repeat(100) + "0\n\nGET /b HTTP/1.1\nHost: h\n\n"));
  deepEqual(codes(socket.received), ["413"]);
  equal(socket.ending, "shutdown");
  equal(kit.pending.length, 0);
});

Deno.test("a stop ends a connection whose response has begun, once that is over", async () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  const feed = new Feed();
  kit.only.respond({ body: feed });
  match(socket.received, /^HTTP\/1\.1 200 /);
  const stopped = kit.connections.stop();
  // Sent ahead, and not taken any more.
  connection.received(GET);
  feed.sink?.end();
  equal(socket.ending, "end");
  equal(kit.pending.length, 0);
  kit.connections.close(connection);
  await stopped;
});

Deno.test("a response that can't be sent ends its connection, and no other", () => {
  const kit = new ConnectionKit();
  const one = kit.connect();
  const other = kit.connect();
  one.connection.received(GET);
  kit.only.respond({ headers: { x: "a\r\nSet-Cookie: b" } });
  equal(one.socket.received, "");
  equal(one.socket.ending, "terminate");
  other.connection.received(GET);
  kit.only.respond({ status: 204 });
  deepEqual(codes(other.socket.received), ["204"]);
});
