import { equal, fail, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { FileSlice } from "../../src/env/file_body.ts";
import { WriteQueue } from "../../src/http/write_queue.ts";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { FakeSlice, FakeSocket } from "./connection_kit.ts";

Deno.test("what is sent goes out in its order, also where there is room before it drains", () => {
  const socket = new FakeSocket();
  const outbox = new WriteQueue(socket);
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
    const outbox = new WriteQueue(socket);
    const other = new WriteQueue(new FakeSocket());
    socket.roomBytes = roomBytes;
    outbox.sendTogether("head", encodeUtf8("body"));
    // Both go through the same memory.
    other.sendTogether("HEAD", encodeUtf8("BODY"));
    equal(outbox.queuedBytes, 8 - roomBytes);
    outbox.sendTogether("next", encodeUtf8("one"));
    socket.roomBytes = 100;
    equal(outbox.drain(), true);
    equal(socket.received, "headbodynextone");
  }
});

Deno.test("a part of a file goes out whole and in its place, wherever the socket stops taking it", () => {
  const long = "0123456789".repeat(5000);
  for (const roomBytes of [0, 1, 4, 5, 10, 20_003, 40_000, 49_991, 60_000]) {
    const socket = new FakeSocket();
    const outbox = new WriteQueue(socket);
    const slice = new FakeSlice(socket, long, 3, 49_990);
    socket.roomBytes = roomBytes;
    outbox.send("head");
    outbox.send(slice);
    equal(outbox.queuedBytes, Math.max(0, 4 + 49_987 - roomBytes));
    equal(slice.releases, roomBytes < 4 + 49_987 ? 0 : 1);
    outbox.send("next");
    for (let drains = 0; !outbox.drain(); drains++) {
      equal(drains < 10, true);
      socket.roomBytes = 17_000;
    }
    equal(socket.received, `head${long.slice(3, 49_990)}next`);
    equal([slice.releases, outbox.queuedBytes].join(), "1,0");
  }
});

Deno.test("a short part of a file goes out in one write with what is around it, wherever it stops", () => {
  for (let roomBytes = 0; roomBytes <= 12; roomBytes++) {
    const socket = new FakeSocket();
    const outbox = new WriteQueue(socket);
    const slice = new FakeSlice(socket, "0123456789", 2, 8);
    socket.roomBytes = roomBytes;
    outbox.sendTogether("head[", slice, "]");
    equal(socket.writes, 1);
    equal(slice.releases, roomBytes < 11 ? 0 : 1);
    equal(outbox.queuedBytes, Math.max(0, 12 - roomBytes));
    socket.roomBytes = 100;
    equal(outbox.drain(), true);
    equal(socket.received, "head[234567]");
    equal([slice.releases, outbox.queuedBytes, outbox.sentBytes].join(), "1,0,12");
  }
});

Deno.test("a long part of a file is left to the system, and what is around it goes out in its place", () => {
  const socket = new FakeSocket();
  const outbox = new WriteQueue(socket);
  const slice = new FakeSlice(socket, "0123456789".repeat(20_000), 5, 199_995);
  let reads = 0;
  const { readSync } = slice.file;
  slice.file.readSync = (...args) => (reads++, readSync(...args));
  outbox.sendTogether("head[", slice, "]");
  equal(socket.received, `head[${slice.text.slice(5, 199_995)}]`);
  equal([reads, slice.releases].join(), "0,1");
});

Deno.test("a part of a file isn't read where the system can be told that more follows", () => {
  for (let roomBytes = 0; roomBytes <= 11; roomBytes++) {
    const socket = new FakeSocket();
    const told: string[] = [];
    const outbox = new WriteQueue(socket, (fd, data) => {
      equal(fd, socket.fd);
      const taken = socket.write(data);
      told.push(socket.received);
      return taken;
    });
    const slice = new FakeSlice(socket, "0123456789", 2, 8);
    let reads = 0;
    const { readSync } = slice.file;
    slice.file.readSync = (...args) => (reads++, readSync(...args));
    socket.roomBytes = roomBytes;
    outbox.sendTogether("head[", slice, "");
    equal(told.join(), "head[".slice(0, roomBytes));
    equal(slice.releases, roomBytes < 11 ? 0 : 1);
    equal(outbox.queuedBytes, Math.max(0, 11 - roomBytes));
    // Only where the socket has no room, to be told when it has.
    equal(reads, roomBytes >= 5 && roomBytes < 11 ? 1 : 0);
    socket.roomBytes = 100;
    equal(outbox.drain(), true);
    equal(socket.received, "head[234567");
    equal([slice.releases, outbox.queuedBytes, outbox.sentBytes].join(), "1,0,11");
  }
});

Deno.test("a short part of a file is read where something follows it: that would be a packet of its own", () => {
  const socket = new FakeSocket();
  const outbox = new WriteQueue(socket, (_, data) => socket.write(data));
  outbox.sendTogether("head[", new FakeSlice(socket, "0123456789", 2, 8), "]");
  equal([socket.writes, socket.received].join(), "1,head[234567]");
});

Deno.test("where the system takes nothing of what more follows, it is written", () => {
  const socket = new FakeSocket();
  const outbox = new WriteQueue(socket, () => 0);
  outbox.sendTogether("head", new FakeSlice(socket, "abc", 0, 3), "");
  equal(socket.received, "headabc");
});

Deno.test("a slice of memory is written as it lies, and copied only where it has to wait", () => {
  for (let roomBytes = 0; roomBytes <= 12; roomBytes++) {
    const socket = new FakeSocket();
    const memory = Buffer.from("0123456789");
    const events: string[] = [];
    const slice = lentSlice(memory, 2, 8, events);
    const outbox = new WriteQueue(socket, (_, data) => socket.write(data));
    socket.roomBytes = roomBytes;
    outbox.sendTogether("head[", slice, "]");
    const from = Math.max(2, Math.min(8, 2 + roomBytes - 5));
    equal(events.join(), roomBytes < 11 ? `copied ${from}-8,released` : "released");
    memory.fill("x");
    socket.roomBytes = 100;
    equal(outbox.drain(), true);
    equal(socket.received, "head[234567]");
    equal([outbox.queuedBytes, outbox.sentBytes].join(), "0,12");
  }
});

Deno.test("a slice of memory is copied for a socket that keeps what it takes", () => {
  const socket: FakeSocket & { borrow?(lengthBytes: number): Buffer<ArrayBuffer> } =
    new FakeSocket();
  const kept: (Uint8Array | string)[] = [];
  socket.borrow = (lengthBytes) => Buffer.alloc(lengthBytes);
  socket.write = (data) => {
    kept.push(data);
    return data.length;
  };
  const memory = Buffer.from("0123456789");
  const outbox = new WriteQueue(socket);
  outbox.send(lentSlice(memory, 2, 8, []));
  memory.fill("x");
  equal(Buffer.concat(kept.map((data) => Buffer.from(data))).toString(), "234567");
});

/** A slice of lent memory, in views of at most three bytes. */
function lentSlice(
  memory: Buffer<ArrayBuffer>,
  start: number,
  end: number,
  events: string[],
): FileSlice {
  const file: FileSlice["file"] = {
    path: "memory",
    readSync: (into, position) => memory.copy(into, 0, position, position + into.length),
  };
  const viewAt = (at: number, to: number) => memory.subarray(at, Math.min(to, at + 3));
  return {
    file: { ...file, viewAt },
    start,
    end,
    copied(from, to) {
      events.push(`copied ${from}-${to}`);
      return lentSlice(Buffer.from(memory.subarray(from, to)), 0, to - from, []);
    },
    release: () => void events.push("released"),
  };
}

Deno.test("what room a socket has gained meanwhile is used", () => {
  const socket = new FakeSocket();
  const outbox = new WriteQueue(socket);
  const slice = new FakeSlice(socket, "0123456789".repeat(5000), 0, 50_000);
  const { sendTo } = slice.file;
  let calls = 0;
  slice.file.sendTo = (...args) => ++calls % 2 === 1 ? 0 : sendTo(...args);
  outbox.send(slice);
  equal(socket.received, slice.text);
  equal([slice.releases, calls].join(), "1,2");
});

Deno.test("what is left of files is let go of where the client is gone", () => {
  const socket = new FakeSocket();
  const outbox = new WriteQueue(socket);
  const slices = [1, 2].map(() => new FakeSlice(socket, "abc", 0, 3));
  socket.roomBytes = 1;
  for (const slice of slices) outbox.send(slice);
  outbox.close();
  outbox.close();
  equal(slices.map(({ releases }) => releases).join(), "1,1");
  equal(outbox.queuedBytes, 0);
});

Deno.test("a file that is shorter than what is sent of it fails", () => {
  const socket = new FakeSocket();
  const outbox = new WriteQueue(socket);
  const slice = new FakeSlice(socket, "abc", 0, 4);
  throws(() => outbox.send(slice), /segment ends at 3/);
  throws(() => outbox.sendTogether("head", slice, ""), /segment ends at 3/);
  equal(socket.received, "abc");
});

Deno.test("a socket that is gone takes nothing", () => {
  const socket = new FakeSocket();
  socket.write = () => -1;
  const outbox = new WriteQueue(socket);
  outbox.send("abc");
  equal(outbox.drain(), false);
  equal(outbox.queuedBytes, 3);
});

Deno.test("nothing goes to the system past a socket that encrypts", () => {
  const socket = new FakeSocket();
  const outbox = new WriteQueue(socket, () => fail("text went past the socket"), true);
  const sliceOf = (start: number, end: number) => {
    const slice = new FakeSlice(socket, "0123456789", start, end);
    slice.file.sendTo = () => fail("a part of a file went past the socket");
    return slice;
  };
  outbox.sendTogether("head[", sliceOf(2, 8), "");
  equal(socket.received, "head[234567");
  socket.received = "";
  socket.roomBytes = 3;
  outbox.send(sliceOf(0, 10));
  socket.roomBytes = 100;
  equal(outbox.drain(), true);
  equal(socket.received, "0123456789");
});
