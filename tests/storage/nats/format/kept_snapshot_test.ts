import { deepStrictEqual as equal, throws } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { MalformedFrame } from "../../../../src/storage/nats/format/binary.ts";
import {
  decodeKept,
  decodeSnapshotPart,
  encodeKept,
  encodeSnapshotPart,
  type KeptState,
} from "../../../../src/storage/nats/format/kept_snapshot.ts";
import { decodeMessage, encodeMessage } from "../../../../src/storage/nats/format/message.ts";
import { decodeSnapshot, encodeSnapshot } from "../../../../src/storage/nats/format/snapshot.ts";
import { hex } from "../../../support/hex.ts";

const KEPT: KeptState = {
  bodiesFrom: 11,
  snapshot: {
    number: 1030,
    position: 4096,
    atMs: 1_767_225_600_000,
    contentType: "a/é",
    bytes: 70_000,
    crc32: 0xfedc_ba98,
    parts: 2,
    firstSequence: 11,
  },
};

const KEPT_BYTES = hex`
  01                       // there is one
  0b 00 00 00 00 00 00 00  // from where on bodies may begin
  06 04 00 00 00 00 00 00  // number
  00 10 00 00 00 00 00 00  // position
  00 a8 da 76 9b 01 00 00  // when
  70 11 01 00 00 00 00 00  // bytes
  98 ba dc fe              // their CRC
  02 00 00 00              // parts
  0b 00 00 00 00 00 00 00  // sequence of the first one
  04 00 61 2f c3 a9        // content type
`;

Deno.test("what is kept of an application's has its golden bytes", () => {
  equal(encodeKept(KEPT), KEPT_BYTES);
  equal(decodeKept(KEPT_BYTES), KEPT);
  const none: KeptState = { bodiesFrom: 12, snapshot: undefined };
  const bytes = hex`00 0c 00 00 00 00 00 00 00`;
  equal(encodeKept(none), bytes);
  equal(decodeKept(bytes), none);
  for (let length = 0; length < KEPT_BYTES.length; length++) {
    throws(() => decodeKept(KEPT_BYTES.slice(0, length)), MalformedFrame);
  }
  throws(() => decodeKept(Uint8Array.of(2, ...KEPT_BYTES.subarray(1))), MalformedFrame);
});

Deno.test("the message that keeps a snapshot has its golden bytes", () => {
  const message = {
    kind: "snapshot" as const,
    frontEnd: 1,
    count: 2,
    previousSequence: 3,
    start: 4096,
    atMs: 5,
    accessedAtMs: 6,
    isClosed: false,
    isSoftlyDeleted: false,
    kept: KEPT,
  };
  const bytes = encodeMessage(message);
  equal(bytes.subarray(0, 4), hex`d5 01 08 00`);
  equal(bytes.subarray(52), KEPT_BYTES);
  equal(decodeMessage(bytes), message);
});

Deno.test("a part of a snapshot has its golden bytes", () => {
  const part = { streamId: 7, number: 1030, index: 1, parts: 2, data: encodeUtf8("hey") };
  const bytes = hex`
    d5 01 21 00              // kind: a part of a snapshot
    8c 9d 87 4f              // CRC
    07 00 00 00 00 00 00 00  // the stream's id
    06 04 00 00 00 00 00 00  // number
    01 00 00 00 02 00 00 00  // which part, of how many
    68 65 79
  `;
  equal(encodeSnapshotPart(part), bytes);
  equal(decodeSnapshotPart(bytes), part);
  throws(() =>
    decodeSnapshotPart(encodeMessage({
      kind: "touched",
      frontEnd: 1,
      count: 2,
      previousSequence: 3,
      start: 4,
      atMs: 5,
      accessedAtMs: 6,
      isClosed: false,
      isSoftlyDeleted: false,
    })), MalformedFrame);
});

Deno.test("a stream's state ends with what is kept, where something ever was, and how many messages it has", () => {
  const state = {
    id: 1,
    sequence: 2,
    firstSequence: 1,
    tail: 3,
    atMs: 4,
    accessedAtMs: 5,
    accessedBy: 6,
    isClosed: false,
    isSoftlyDeleted: false,
    closedBy: undefined,
    seq: undefined,
    producers: new Map(),
    forks: new Map(),
    kept: KEPT,
    messages: 9,
  };
  const bytes = encodeSnapshot(state);
  equal(bytes[3], 16 + 32);
  equal(bytes.subarray(-KEPT_BYTES.length - 8, -8), KEPT_BYTES);
  equal(bytes.subarray(-8), hex`09 00 00 00 00 00 00 00`);
  equal(decodeSnapshot(bytes), state);
});
