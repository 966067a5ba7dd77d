import { deepStrictEqual as equal } from "node:assert";
import type { StreamMessage } from "../../../../src/storage/nats/format/message.ts";
import { CallMarks } from "../../../../src/storage/nats/streams/call_marks.ts";

function message(frontEnd: number, sender?: number): StreamMessage {
  return {
    frontEnd,
    count: 1,
    previousSequence: 0,
    start: 0,
    atMs: 0,
    accessedAtMs: 0,
    isClosed: false,
    isSoftlyDeleted: false,
    kind: "appends",
    appends: [],
    data: new Uint8Array(),
    ...(sender === undefined
      ? {}
      : { calls: [{ frontEnd: sender, call: 1, firstAppend: 0, requests: [] }] }),
  };
}

Deno.test("what was sent is revoked by a later message of the sender's, not by one with what it sent", () => {
  const marks = new CallMarks(10);
  marks.note(message(1), 20);
  marks.note(message(2, 1), 30);
  equal([marks.isRevoked(1, 19), marks.isRevoked(1, 20)], [true, false]);
  equal([marks.isRevoked(3, 10), marks.writtenBy], [false, 2]);
});

Deno.test("what was sent before all that is known here is revoked", () => {
  const marks = new CallMarks(10);
  equal([marks.isRevoked(1, 9), marks.isRevoked(1, 10)], [true, false]);
  marks.jump(20);
  equal([marks.isRevoked(1, 19), marks.isRevoked(1, 20)], [true, false]);
});

Deno.test("of many front ends those are forgotten that wrote longest ago, and then nothing older holds", () => {
  const marks = new CallMarks(0);
  for (let frontEnd = 1; frontEnd <= 17; frontEnd++) marks.note(message(frontEnd), 10 * frontEnd);
  equal([marks.isRevoked(99, 9), marks.isRevoked(99, 10)], [true, false]);
  equal([marks.isRevoked(1, 9), marks.isRevoked(2, 19), marks.isRevoked(2, 20)], [
    true,
    true,
    false,
  ]);
});
