import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { FrameSink } from "../../src/http/handler.ts";
import { concatBytes } from "../../src/protocol/bytes.ts";
import { codes, ConnectionKit, GET, sent } from "./connection_kit.ts";

type Client = ReturnType<ConnectionKit["connect"]>;

/** After how many seconds the connection was cut, where the client sends something every 3 s. */
function cutAfter(kit: ConnectionKit, { socket, connection }: Client, drip: string): number {
  let seconds = 0;
  while (socket.ending !== "terminate" && seconds < 1000) {
    kit.clock.advance(3_000);
    seconds += 3;
    connection.received(sent(drip));
  }
  return seconds;
}

for (
  const [what, text] of [
    ["a rejection", "BAD\n\n"],
    ["an early response", "POST /a HTTP/1.1\nHost: h\nContent-Length: 99999\n\n"],
    ["the last response", "GET /a HTTP/1.1\nHost: h\nConnection: close\n\n"],
  ] as const
) {
  Deno.test(`a client that goes on sending after ${what} is disconnected half a minute later`, () => {
    const kit = new ConnectionKit((_request, respond) =>
      respond({ status: 413, headers: {}, body: null })
    );
    const client = kit.connect();
    client.connection.received(sent(text));
    ok(client.socket.ending === "shutdown" || client.socket.ending === "end");
    const seconds = cutAfter(kit, client, "x");
    ok(seconds >= 25 && seconds <= 39, String(seconds));
  });
}

Deno.test("empty lines before a head are a part of its time", () => {
  const kit = new ConnectionKit();
  const client = kit.connect();
  client.connection.received(sent("\n"));
  const seconds = cutAfter(kit, client, "\n");
  match(client.socket.received, /^HTTP\/1\.1 408 /);
  ok(seconds <= 75, String(seconds));
});

Deno.test("empty lines before a head are a part of its length", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  for (let i = 0; i < 20; i++) connection.received(sent("\n".repeat(1000)));
  match(socket.received, /^HTTP\/1\.1 431 /);
});

Deno.test("a few empty lines between requests take nothing away from the later ones", () => {
  const kit = new ConnectionKit((_request, respond) =>
    respond({ status: 204, headers: {}, body: null })
  );
  const { socket, connection } = kit.connect();
  for (let i = 0; i < 20; i++) {
    connection.received(concatBytes([sent("\n".repeat(1000)), GET]));
    kit.clock.advance(4_000);
  }
  equal(socket.received.match(/HTTP\/1\.1 204/g)?.length, 20);
});

Deno.test("a client that sends on and takes nothing is disconnected after two minutes", () => {
  const kit = new ConnectionKit((_request, respond) =>
    respond({ status: 200, headers: {}, body: new Uint8Array(1000) })
  );
  const client = kit.connect();
  client.socket.roomBytes = 0;
  client.connection.received(GET);
  const seconds = cutAfter(kit, client, "GET /a HTTP/1.1\nHost: h\n\n");
  ok(seconds >= 115 && seconds <= 135, String(seconds));
});

Deno.test("a client that takes a little isn't idle, though the socket has no room for minutes", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  socket.roomBytes = 5000;
  kit.heldBytes = 5000;
  kit.only.respond({ body: "x".repeat(100_000) });
  for (let minute = 0; minute < 30; minute++) {
    kit.clock.advance(60_000);
    kit.heldBytes -= 100;
  }
  equal(socket.ending, undefined);
  kit.clock.advance(135_000);
  equal(socket.ending, "terminate");
});

Deno.test("a client that takes less than is sent isn't idle either", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  let sink: FrameSink | undefined;
  kit.only.respond({
    body: { limitBytes: 1, attach: (given) => sink = given, drained() {}, disconnected() {} },
  });
  for (let minute = 0; minute < 30; minute++) {
    sink?.write(new Uint8Array(1000));
    kit.heldBytes += 900;
    kit.clock.advance(60_000);
  }
  equal(socket.ending, undefined);
  kit.clock.advance(135_000);
  equal(socket.ending, "terminate");
});

for (
  const head of ["GET /a HTTP/1.1\nHost: h\n\n", "GET /a HTTP/1.1\nHost: h\nConnection: close\n\n"]
) {
  const kind = head.includes("close") ? "the last response" : "a response";
  Deno.test(`a client that still takes ${kind} from the system isn't disconnected`, () => {
    const kit = new ConnectionKit();
    const { socket, connection } = kit.connect();
    connection.received(sent(head));
    kit.heldBytes = 100_000;
    kit.only.respond({ body: "x".repeat(100_000) });
    for (let minute = 0; minute < 30; minute++) {
      kit.clock.advance(60_000);
      kit.heldBytes -= 1000;
    }
    ok(socket.ending === undefined || socket.ending === "end");
    kit.clock.advance(135_000);
    equal(socket.ending, "terminate");
  });
}

Deno.test("the disconnect of a client that sent much ahead of a long wait is seen", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  let departures = 0;
  kit.only.request.signal.addEventListener("abort", () => departures++);
  connection.received(concatBytes(Array.from({ length: 3000 }, () => GET)));
  equal(socket.isPaused, true);
  kit.clock.advance(10_000);
  equal(socket.isPaused, false);
  kit.connections.close(connection);
  equal(departures, 1);
});

Deno.test("a client that sent much ahead of a long wait and stays is answered, and told to connect again", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(GET);
  connection.received(concatBytes(Array.from({ length: 3000 }, () => GET)));
  kit.clock.advance(10_000);
  connection.received(GET);
  kit.only.respond({ status: 204 });
  match(socket.received, /^HTTP\/1\.1 204 .*\r\nconnection: close\r\n/s);
  equal(socket.ending, "shutdown");
  deepEqual(kit.pending, []);
});

Deno.test("a head that doesn't come to its end is refused after 30 s, however slowly it goes on", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  connection.received(sent("GET /a HTTP/1.1\nHost: h\n"));
  for (let i = 0; i < 9; i++) {
    kit.clock.advance(4_000);
    connection.received(sent("X: 1\n"));
  }
  deepEqual(codes(socket.received), ["408"]);
  equal(socket.ending, "shutdown");
});

Deno.test("an idle connection ends after two minutes, one that waits for a response doesn't", () => {
  const kit = new ConnectionKit();
  const idle = kit.connect();
  const waiting = kit.connect();
  waiting.connection.received(GET);
  kit.clock.advance(119_000);
  equal(idle.socket.ending, undefined);
  kit.clock.advance(8_000);
  equal(idle.socket.ending, "end");
  kit.clock.advance(600_000);
  equal(waiting.socket.ending, undefined);
});

Deno.test("a client that doesn't take its response is disconnected after two minutes", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  socket.roomBytes = 100;
  connection.received(GET);
  kit.only.respond({ body: "x".repeat(1000) });
  kit.clock.advance(100_000);
  socket.roomBytes = 1;
  connection.drained();
  kit.clock.advance(100_000);
  equal(socket.ending, undefined);
  kit.clock.advance(60_000);
  equal(socket.ending, "terminate");
});
