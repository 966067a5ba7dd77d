import { equal } from "node:assert/strict";
import { Outbox } from "../../src/http/outbox.ts";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { FakeSocket } from "./connection_kit.ts";

Deno.test("what is sent goes out in its order, also where there is room before it drains", () => {
  const socket = new FakeSocket();
  const outbox = new Outbox(socket);
  socket.roomBytes = 3;
  outbox.send("abcdef");
  equal(outbox.queuedBytes, 3);
  socket.roomBytes = 100;
  outbox.send(encodeUtf8("gh"));
  equal(socket.received, "abc");
  equal(outbox.queuedBytes, 5);
  equal(outbox.drain(), true);
  equal(socket.received, "abcdefgh");
  equal(outbox.queuedBytes, 0);
});

Deno.test("a head and its body go out whole, wherever the socket stops taking them", () => {
  for (let roomBytes = 0; roomBytes <= 8; roomBytes++) {
    const socket = new FakeSocket();
    const outbox = new Outbox(socket);
    const other = new Outbox(new FakeSocket());
    socket.roomBytes = roomBytes;
    outbox.sendBoth("head", encodeUtf8("body"));
    // Both go through the same memory.
    other.sendBoth("HEAD", encodeUtf8("BODY"));
    equal(outbox.queuedBytes, 8 - roomBytes);
    outbox.sendBoth("next", encodeUtf8("one"));
    socket.roomBytes = 100;
    equal(outbox.drain(), true);
    equal(socket.received, "headbodynextone");
  }
});

Deno.test("a socket that is gone takes nothing", () => {
  const socket = new FakeSocket();
  socket.write = () => -1;
  const outbox = new Outbox(socket);
  outbox.send("abc");
  equal(outbox.drain(), false);
  equal(outbox.queuedBytes, 3);
});
