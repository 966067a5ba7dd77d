import { deepStrictEqual as equal } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { decodeMessage, encodeMessage } from "../../../../src/storage/nats/format/message.ts";
import {
  decodeNameEntry,
  encodeNameEntry,
  type NameEntry,
} from "../../../../src/storage/nats/format/name_record.ts";
import { hex } from "../../../support/hex.ts";

const HEAD = {
  frontEnd: 1,
  count: 2,
  previousSequence: 3,
  start: 4,
  atMs: 5,
  accessedAtMs: 6,
  isClosed: false,
  isSoftlyDeleted: false,
  counts: { before: 0x1_0000_0007, count: 3 },
};
const COUNTS_BYTES = hex`
  07 00 00 00 01 00 00 00  // messages before it
  03 00 00 00              // and in it
`;
const APPEND = { lengthBytes: 3, producer: undefined, seq: undefined, close: false };

Deno.test("what a message counts stands behind its head, whatever kind it is of", () => {
  const own = [
    { kind: "appends" as const, appends: [APPEND], data: encodeUtf8("abc") },
    {
      kind: "part" as const,
      index: 0,
      partCount: 2,
      appendStart: 4,
      append: APPEND,
      data: encodeUtf8("ab"),
    },
    { kind: "fork_added" as const, forkId: 9, forkName: "f" },
    { kind: "touched" as const },
    { kind: "gone" as const },
    { kind: "snapshot" as const, kept: { bodiesFrom: 8, snapshot: undefined } },
  ];
  for (const each of own) {
    const bytes = encodeMessage({ ...HEAD, ...each });
    equal(bytes[3], 8);
    equal(bytes.subarray(52, 64), COUNTS_BYTES);
    const { counts: _, ...uncounted } = HEAD;
    const plain = encodeMessage({ ...uncounted, ...each });
    equal([bytes.length, bytes.subarray(64)], [plain.length + 12, plain.subarray(52)]);
    const { data: found = undefined, ...decoded } = { data: undefined, ...decodeMessage(bytes) };
    const { data = undefined, ...expected } = { data: undefined, ...HEAD, ...each };
    equal(decoded, expected);
    equal(found === undefined, data === undefined);
  }
});

Deno.test("a fork's record ends with how many messages come before its point", () => {
  const entry: NameEntry = {
    kind: "name",
    id: 9,
    shard: 1,
    createdAtMs: 0,
    name: "f",
    contentType: "a/b",
    lifetime: { kind: "forever" },
    fork: { sourceId: 8, sourceName: "s", offset: 7, subOffset: 6, point: 13, messages: 5 },
  };
  const bytes = encodeNameEntry(entry);
  equal(bytes[3], 7);
  equal(bytes.subarray(-8), hex`05 00 00 00 00 00 00 00`);
  equal(decodeNameEntry(bytes), entry);
});
