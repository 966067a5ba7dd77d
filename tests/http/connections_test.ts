import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ConnectionCounts } from "../../src/http/connection_counts.ts";
import { codes, ConnectionKit, GET, settle } from "./connection_kit.ts";

/** All connections of a listener together: the date, ticks, a stop and the limit. */

Deno.test("responses have the date", () => {
  const kit = new ConnectionKit((_request, respond) =>
    respond({ status: 204, headers: {}, body: null })
  );
  const { socket, connection } = kit.connect();
  connection.received(GET);
  kit.clock.advance(999);
  connection.received(GET);
  kit.clock.advance(1);
  connection.received(GET);
  const dates = [...socket.received.matchAll(/date: (.*)\r/g)].map(([, date]) => date);
  deepEqual(dates, [
    "Thu, 01 Jan 2026 00:00:00 GMT",
    "Thu, 01 Jan 2026 00:00:00 GMT",
    "Thu, 01 Jan 2026 00:00:01 GMT",
  ]);
});

Deno.test("nothing is looked after where nobody is connected", () => {
  const kit = new ConnectionKit();
  const { connection } = kit.connect();
  equal(kit.clock.pendingTimers, 1);
  kit.connections.close(connection);
  kit.clock.advance(5_000);
  equal(kit.clock.pendingTimers, 0);
});

Deno.test("clients that come and go leave one timer, so that others' time runs no faster", () => {
  const kit = new ConnectionKit();
  for (let i = 0; i < 10; i++) kit.connections.close(kit.connect().connection);
  const { socket } = kit.connect();
  equal(kit.clock.pendingTimers, 1);
  kit.clock.advance(119_000);
  equal(socket.ending, undefined);
});

Deno.test("a stop ends idle connections, answers those that wait, and resolves then", async () => {
  const kit = new ConnectionKit();
  const idle = kit.connect();
  const busy = kit.connect();
  busy.connection.received(GET);
  let isOver = false;
  const stopped = kit.connections.stop().then(() => isOver = true);
  await settle();
  equal(idle.socket.ending, "end");
  equal(isOver, false);
  kit.only.respond({ body: "done" });
  match(busy.socket.received, /connection: close\r\n.*done$/s);
  kit.connections.close(busy.connection);
  await stopped;
  equal(kit.clock.pendingTimers, 0);
});

Deno.test("connections are counted as they come, go, are refused and end for taking too long", () => {
  const counts = new ConnectionCounts();
  const kit = new ConnectionKit(undefined, { maxConnections: 3, counts });
  const [idle, head, unread] = [kit.connect(), kit.connect(), kit.connect()];
  const refused = kit.connect();
  deepEqual([counts.open, counts.accepted, counts.refused], [4, 3, 1]);
  kit.connections.close(refused.connection);
  kit.connections.close(refused.connection);
  equal(counts.open, 3);
  head.connection.received(GET.subarray(0, 5));
  unread.socket.roomBytes = 0;
  unread.connection.received(GET);
  kit.only.respond({ body: "x" });
  kit.clock.advance(200_000);
  equal(idle.socket.received, "");
  equal(head.socket.received.startsWith("HTTP/1.1 408"), true);
  equal(unread.socket.ending, "terminate");
  const { head: heads, idle: idles, unread: unreads } = counts.timedOut;
  deepEqual([heads, idles, unreads], [1, 1, 1]);
  // The client that was told doesn't close.
  ok(counts.timedOut.end >= 1);
  equal(counts.timedOut.handshake, 0);
});

Deno.test("a connection past the limit is told so, more are disconnected, and one that ends makes room", () => {
  const kit = new ConnectionKit(undefined, { maxConnections: 2 });
  const [first] = [kit.connect(), kit.connect()];
  const turnedAway = Array.from({ length: 64 }, () => kit.connect());
  const cut = kit.connect();
  for (const { socket, connection } of turnedAway) {
    match(socket.received, /^HTTP\/1\.1 503 .*\r\nretry-after: 1\r\n/s);
    match(socket.received, /\r\nconnection: close\r\n.*"too_many_connections".*2 connections/s);
    equal(socket.ending, "shutdown");
    connection.received(GET);
  }
  equal(kit.pending.length, 0);
  equal(cut.socket.received, "");
  equal(cut.socket.ending, "terminate");
  for (const { connection } of [...turnedAway, cut, first]) kit.connections.close(connection);
  const { socket, connection } = kit.connect();
  connection.received(GET);
  kit.only.respond({ status: 204 });
  deepEqual(codes(socket.received), ["204"]);
});
