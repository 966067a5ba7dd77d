import { deepStrictEqual as equal, throws } from "node:assert";
import { type Bytes, encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { MalformedFrame, sealFrame } from "../../../../src/storage/nats/format/binary.ts";
import {
  decodeMessage,
  encodeMessage,
  type MessageHead,
  type StreamMessage,
  withOwnData,
} from "../../../../src/storage/nats/format/message.ts";
import { hex } from "../../../support/hex.ts";

const HEAD: MessageHead = {
  frontEnd: 0x0102_0304_0506,
  count: 7,
  previousSequence: 0x1_0000_0002,
  start: 4096,
  atMs: 1_767_225_600_000,
  accessedAtMs: 1_767_225_599_999,
  isClosed: false,
  isSoftlyDeleted: false,
};

/** What all of them have after the frame's head. */
const HEAD_BYTES = hex`
  06 05 04 03 02 01        // front end
  07 00 00 00 00 00        // which one of its messages
  02 00 00 00 01 00 00 00  // sequence of the message before it
  00 10 00 00 00 00 00 00  // tail before it
  00 a8 da 76 9b 01 00 00  // when
  ff a7 da 76 9b 01 00 00  // used last
`;

function isGolden(message: StreamMessage, frame: Bytes, body: Bytes): void {
  const expected = new Uint8Array([...frame, ...HEAD_BYTES, ...body]);
  const bytes = encodeMessage(message);
  equal(bytes, expected);
  equal(decodeMessage(bytes), withOwnData(message, bytes));
}

Deno.test("a group of appends has its golden bytes", () => {
  isGolden(
    {
      ...HEAD,
      kind: "appends",
      isClosed: true,
      appends: [
        { lengthBytes: 3, producer: undefined, seq: undefined, close: false },
        { lengthBytes: 2, producer: { id: "p", epoch: 1, seq: 2 }, seq: "é", close: true },
      ],
      data: encodeUtf8("heyyo"),
    },
    hex`
      d5 01 01 01              // mark, version, kind: appends, flags: closed
      bf d2 78 08              // CRC
    `,
    hex`
      02 00 00 00              // appends
      21 00 00 00              // bytes of their heads
      00 03 00 00 00           // the first one's flags and length
      07 02 00 00 00           // the other's: producer, Stream-Seq, close
      01 00 70                 // the producer's id
      01 00 00 00 00 00 00 00  // epoch
      02 00 00 00 00 00 00 00  // sequence
      02 00 c3 a9              // Stream-Seq
      68 65 79 79 6f           // data
    `,
  );
});

Deno.test("appends that another front end has sent have their golden bytes", () => {
  const append = { lengthBytes: 1, producer: undefined, seq: undefined, close: false };
  isGolden(
    {
      ...HEAD,
      kind: "appends",
      appends: [append, append, append],
      calls: [{ frontEnd: 0x0102_0304_0507, call: 8, firstAppend: 1, requests: [2, 5] }],
      data: encodeUtf8("abc"),
    },
    hex`
      d5 01 01 04              // mark, version, kind: appends, flags: with calls
      e0 c2 1e c0              // CRC
    `,
    hex`
      03 00 00 00 0f 00 00 00  // appends, bytes of their heads
      00 01 00 00 00 00 01 00 00 00 00 01 00 00 00
      01 00                    // calls
      07 05 04 03 02 01        // who sent it
      08 00 00 00 00 00        // which one of its calls
      01 00 00 00              // which append is the first of it
      02 00                    // appends of it
      02 00 05 00              // which of the call's requests they are
      61 62 63
    `,
  );
});

Deno.test("a stream's first message without content has its golden bytes", () => {
  isGolden(
    { ...HEAD, kind: "appends", appends: [], data: new Uint8Array() },
    hex`d5 01 01 00 cd cc aa e6`,
    hex`00 00 00 00 00 00 00 00`,
  );
});

Deno.test("a part of an append has its golden bytes", () => {
  isGolden(
    {
      ...HEAD,
      kind: "part",
      index: 1,
      partCount: 2,
      appendStart: 4090,
      append: { lengthBytes: 9, producer: undefined, seq: undefined, close: false },
      data: encodeUtf8("abc"),
    },
    hex`d5 01 02 00 5c fc bb 18`,
    hex`
      01 00 00 00              // which part
      02 00 00 00              // parts
      fa 0f 00 00 00 00 00 00  // tail before the first
      00 09 00 00 00           // the append's flags and length
      61 62 63
    `,
  );
});

Deno.test("what is said of forks has its golden bytes", () => {
  const fork = { forkId: 5, forkName: "f/é" };
  const body = hex`05 00 00 00 00 00 00 00 66 2f c3 a9`;
  isGolden({ ...HEAD, kind: "fork_added", ...fork }, hex`d5 01 03 00 38 cb fb 4f`, body);
  isGolden({ ...HEAD, kind: "fork_removed", ...fork }, hex`d5 01 04 00 80 e3 df 60`, body);
});

Deno.test("a use and an end have their golden bytes", () => {
  isGolden({ ...HEAD, kind: "touched" }, hex`d5 01 05 00 e9 0d 0c f3`, hex``);
  isGolden(
    { ...HEAD, kind: "gone", isSoftlyDeleted: true },
    hex`d5 01 06 02 85 f7 0b ef`,
    hex``,
  );
});

Deno.test("what is kept of a stream has its golden bytes", () => {
  isGolden(
    {
      ...HEAD,
      hasRetention: true,
      kind: "retention",
      earliest: 4095,
      messages: 3,
      policies: { retention: { ageMs: 7000 } },
    },
    hex`d5 01 07 40 52 8c a1 c5`,
    new Uint8Array([
      ...hex`
        ff 0f 00 00 00 00 00 00  // the first position that can be read
        03 00 00 00 00 00 00 00  // own messages before it
      `,
      ...encodeUtf8('{"retention":{"ageMs":7000}}'),
    ]),
  );
  isGolden(
    { ...HEAD, hasRetention: true, kind: "fork_trimmed", forkId: 5, from: 9 },
    hex`d5 01 09 40 ee 8f 61 ec`,
    hex`05 00 00 00 00 00 00 00 09 00 00 00 00 00 00 00`,
  );
});

Deno.test("a message whose policies make no sense is malformed", () => {
  const bytes = encodeMessage({
    ...HEAD,
    kind: "retention",
    earliest: 1,
    messages: 0,
    policies: { retention: { ageMs: 7 } },
  });
  bytes[bytes.length - 1] = 0x20;
  throws(() => decodeMessage(sealFrame(bytes)), MalformedFrame);
});

Deno.test("a message with a flag that isn't known is malformed: a newer version may mean anything", () => {
  const bytes = encodeMessage({ ...HEAD, kind: "touched" });
  for (const flag of [16, 32, 128]) {
    const changed = bytes.slice();
    changed[3] = flag;
    throws(() => decodeMessage(sealFrame(changed)), /flags/);
  }
});

Deno.test("a message of which any bit is another is malformed, and so is one cut short", () => {
  const bytes = encodeMessage({
    ...HEAD,
    kind: "appends",
    appends: [{ lengthBytes: 3, producer: { id: "p", epoch: 0, seq: 0 }, seq: "s", close: true }],
    data: encodeUtf8("abc"),
  });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    throws(() => decodeMessage(changed), MalformedFrame);
  }
  for (let length = 0; length < bytes.length; length++) {
    throws(() => decodeMessage(bytes.slice(0, length)), MalformedFrame);
  }
});
