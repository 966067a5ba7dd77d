import { deepStrictEqual as equal, throws } from "node:assert";
import fc from "fast-check";
import { plainRecord } from "../../../support/plain_record.ts";
import { type Bytes, encodeUtf8, NO_BYTES } from "../../../../src/protocol/bytes.ts";
import { FOREVER, type Lifetime } from "../../../../src/protocol/lifetime.ts";
import type { LogRecord } from "../../../../src/storage/records.ts";
import { viewOf } from "../../../../src/storage/little_endian.ts";
import { decodeRecord, measureRecord } from "../../../../src/storage/file/wal/record_codec.ts";
import { hex } from "../../../support/hex.ts";
import { subscriptionChange } from "../../../support/subscription_arbitraries.ts";

const AT_MS = 1_767_225_600_000;

/** Encodes into bytes that hold something else already, between others that have to stay. */
function encode(record: LogRecord, fill = 0x55): Bytes {
  const { lengthBytes, encode } = measureRecord(record);
  const bytes = new Uint8Array(lengthBytes + 10).fill(fill);
  encode(bytes, viewOf(bytes), 5);
  equal([...bytes.subarray(0, 5), ...bytes.subarray(-5)], Array(10).fill(fill));
  return bytes.slice(5, -5);
}

function isGolden(record: LogRecord, bytes: Bytes): void {
  equal(encode(record), bytes);
  equal(decodeRecord(bytes), record);
}

Deno.test("an append has its golden bytes", () => {
  isGolden(
    {
      kind: "append",
      id: 0x1_0000_0002,
      atMs: AT_MS,
      start: 4096,
      data: encodeUtf8("hey"),
      producer: undefined,
      seq: undefined,
      close: false,
    },
    hex`
      02                       // kind: append
      00                       // flags
      02 00 00 00 01 00 00 00  // the stream's id
      00 a8 da 76 9b 01 00 00  // when, ms since 1970
      00 10 00 00 00 00 00 00  // offset of the first byte
      00 00                    // bytes of the producer's id
      00 00                    // bytes of Stream-Seq
      68 65 79                 // data, to the record's end
    `,
  );
});

Deno.test("an append with everything has its golden bytes", () => {
  isGolden(
    {
      kind: "append",
      id: 63,
      atMs: AT_MS,
      start: 0,
      data: encodeUtf8("1,\n"),
      producer: { id: "pé", epoch: 3, seq: 0x1_0000_0001 },
      seq: "s9",
      close: true,
    },
    hex`
      02                       // kind: append
      07                       // flags: closed, producer, seq
      3f 00 00 00 00 00 00 00  // the stream's id
      00 a8 da 76 9b 01 00 00  // when
      00 00 00 00 00 00 00 00  // offset of the first byte
      03 00                    // bytes of the producer's id
      02 00                    // bytes of Stream-Seq
      03 00 00 00 00 00 00 00  // the producer's epoch
      01 00 00 00 01 00 00 00  // the producer's sequence number
      70 c3 a9                 // the producer's id
      73 39                    // Stream-Seq
      31 2c 0a                 // data
    `,
  );
});

Deno.test("a create has its golden bytes", () => {
  isGolden(
    {
      kind: "create",
      id: 63,
      atMs: AT_MS,
      name: "a/é",
      contentType: "text/plain",
      lifetime: { kind: "ttl", ttlSeconds: 60 },
      fork: undefined,
      closed: true,
      data: encodeUtf8("x"),
    },
    hex`
      01                             // kind: create
      01                             // flags: closed
      3f 00 00 00 00 00 00 00        // the stream's id
      00 a8 da 76 9b 01 00 00        // when
      04 00                          // bytes of the name
      0a 00                          // bytes of the content type
      01                             // lifetime: 0 for ever, 1 TTL, 2 until
      3c 00 00 00 00 00 00 00        // seconds, or ms since 1970
      61 2f c3 a9                    // name
      74 65 78 74 2f 70 6c 61 69 6e  // content type
      78                             // data
    `,
  );
});

Deno.test("a fork has its golden bytes", () => {
  isGolden(
    {
      kind: "create",
      id: 64,
      atMs: AT_MS,
      name: "f",
      contentType: "a/b",
      lifetime: { kind: "until", expiresAtMs: 4_102_444_800_000 },
      fork: { sourceId: 63, sourceName: "src", offset: 5, subOffset: 2, point: 7, messages: 3 },
      closed: false,
      data: NO_BYTES,
    },
    hex`
      01                       // kind: create
      58                       // flags: fork, fork offset given, messages before the fork point
      40 00 00 00 00 00 00 00  // the stream's id
      00 a8 da 76 9b 01 00 00  // when
      01 00                    // bytes of the name
      03 00                    // bytes of the content type
      02                       // lifetime: until
      00 d8 c3 2c bb 03 00 00  // ms since 1970
      3f 00 00 00 00 00 00 00  // the source's id
      05 00 00 00 00 00 00 00  // fork offset as asked for, 0 where it wasn't
      02 00 00 00 00 00 00 00  // sub-offset as asked for
      07 00 00 00 00 00 00 00  // where it branches off
      03 00                    // bytes of the source's name
      03 00 00 00 00 00 00 00  // how many messages come before that
      73 72 63                 // the source's name
      66                       // name
      61 2f 62                 // content type
    `,
  );
});

Deno.test("a delete has its golden bytes", () => {
  isGolden(
    { kind: "delete", atMs: AT_MS, soft: false, ids: [64, 63] },
    hex`
      03                       // kind: delete
      00                       // flags
      00 a8 da 76 9b 01 00 00  // when
      02 00 00 00              // how many ids
      40 00 00 00 00 00 00 00  // the stream's id
      3f 00 00 00 00 00 00 00  // of one that goes with it
    `,
  );
  equal(encode({ kind: "delete", atMs: 0, soft: true, ids: [1] })[1], 0x20);
});

Deno.test("a record of a subscription has its golden bytes", () => {
  isGolden(
    {
      kind: "subscription",
      id: 65,
      atMs: AT_MS,
      change: { kind: "unlink", path: "é", streamId: 7 },
    },
    hex`
      04                          // kind: subscription
      04                          // change: 1 create, 2 delete, 3 link, 4 unlink, 5 state
      41 00 00 00 00 00 00 00     // the subscription's id
      00 a8 da 76 9b 01 00 00     // when
      7b 22 70 61 74 68 22 3a     // {"path":
      22 c3 a9 22 2c              // "é",
      22 73 74 72 65 61 6d 49 64  // "streamId
      22 3a 37 7d                 // ":7}
    `,
  );
  equal(encode({ kind: "subscription", id: 1, atMs: 0, change: { kind: "delete" } })[1], 2);
});

Deno.test("a record of a subscription that says nothing of one can't be read", () => {
  const bytes = encode({
    kind: "subscription",
    id: 1,
    atMs: 0,
    change: { kind: "link", paths: ["a"] },
  });
  throws(() => decodeRecord(bytes.slice(0, 12)));
  throws(() => decodeRecord(bytes.slice(0, -1)));
  for (const kind of [0, 1, 4, 6, 255]) {
    throws(() => decodeRecord(Uint8Array.from(bytes).fill(kind, 1, 2)), `change ${kind}`);
  }
});

const data = fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes));
const text = fc.string({ unit: "binary", maxLength: 40 });
const nat = fc.maxSafeNat();
const lifetime: fc.Arbitrary<Lifetime> = fc.oneof(
  fc.constant(FOREVER),
  plainRecord({ kind: fc.constant("ttl" as const), ttlSeconds: nat }),
  plainRecord({ kind: fc.constant("until" as const), expiresAtMs: nat }),
);
const record: fc.Arbitrary<LogRecord> = fc.oneof(
  plainRecord({
    kind: fc.constant("append" as const),
    id: nat,
    atMs: nat,
    start: nat,
    data,
    producer: fc.option(plainRecord({ id: text, epoch: nat, seq: nat }), { nil: undefined }),
    seq: fc.option(text, { nil: undefined }),
    close: fc.boolean(),
  }),
  plainRecord({
    kind: fc.constant("create" as const),
    id: nat,
    atMs: nat,
    name: text,
    contentType: text,
    lifetime,
    fork: fc.option(
      plainRecord({
        sourceId: nat,
        sourceName: text,
        offset: fc.option(nat, { nil: undefined }),
        subOffset: nat,
        point: nat,
        messages: fc.option(nat, { nil: undefined }),
      }),
      { nil: undefined },
    ),
    closed: fc.boolean(),
    data,
  }),
  plainRecord({
    kind: fc.constant("delete" as const),
    atMs: nat,
    soft: fc.boolean(),
    ids: fc.array(nat, { maxLength: 10 }),
  }),
  plainRecord({
    kind: fc.constant("snapshot" as const),
    id: nat,
    atMs: nat,
    snapshot: fc.option(
      plainRecord({
        position: nat,
        number: nat,
        bytes: nat,
        crc32: fc.integer({ min: 0, max: 0xffffffff }),
        contentType: text,
      }),
      { nil: undefined },
    ),
  }),
  plainRecord({
    kind: fc.constant("subscription" as const),
    id: nat,
    atMs: nat,
    change: subscriptionChange,
  }),
);

Deno.test("the record of a snapshot has its golden bytes", () => {
  isGolden(
    {
      kind: "snapshot",
      id: 63,
      atMs: AT_MS,
      snapshot: {
        position: 4096,
        number: 64,
        bytes: 300,
        crc32: 0x01020304,
        contentType: "a/b",
      },
    },
    hex`
      07                       // kind: snapshot
      00                       // flags
      3f 00 00 00 00 00 00 00  // the stream's id
      00 a8 da 76 9b 01 00 00  // when
      00 10 00 00 00 00 00 00  // the offset that it is of
      40 00 00 00 00 00 00 00  // its number
      2c 01 00 00 00 00 00 00  // bytes of its body
      04 03 02 01              // the body's CRC-32
      61 2f 62                 // content type, to the record's end
    `,
  );
});

Deno.test("the record of a snapshot that goes has its golden bytes", () => {
  isGolden(
    { kind: "snapshot", id: 63, atMs: AT_MS, snapshot: undefined },
    hex`
      07                       // kind: snapshot
      01                       // flags: removed
      3f 00 00 00 00 00 00 00  // the stream's id
      00 a8 da 76 9b 01 00 00  // when
    `,
  );
});

Deno.test("a trim has its golden bytes", () => {
  isGolden(
    { kind: "trim", id: 63, atMs: AT_MS, earliest: 0x1_0000_1000, messages: 300 },
    hex`
      05                       // kind: trim
      00                       // flags
      3f 00 00 00 00 00 00 00  // the stream's id
      00 a8 da 76 9b 01 00 00  // when
      00 10 00 00 01 00 00 00  // the first offset that can be read
      2c 01 00 00 00 00 00 00  // how many of its own messages come before that
    `,
  );
});

Deno.test("a change of policies has its golden bytes", () => {
  isGolden(
    {
      kind: "policies",
      id: 63,
      atMs: AT_MS,
      policies: { retention: { ageMs: 7, toSnapshot: true } },
    },
    hex`
      06                       // kind: policies
      00                       // flags
      3f 00 00 00 00 00 00 00  // the stream's id
      00 a8 da 76 9b 01 00 00  // when
      7b 22 72 65 74 65 6e 74  // {"retent
      69 6f 6e 22 3a 7b 22 61  // ion":{"a
      67 65 4d 73 22 3a 37 2c  // geMs":7,
      22 74 6f 53 6e 61 70 73  // "toSnaps
      68 6f 74 22 3a 74 72 75  // hot":tru
      65 7d 7d                 // e}}
    `,
  );
  isGolden(
    { kind: "policies", id: 63, atMs: AT_MS, policies: undefined },
    hex`
      06                       // kind: policies, none
      00                       // flags
      3f 00 00 00 00 00 00 00  // the stream's id
      00 a8 da 76 9b 01 00 00  // when
    `,
  );
});

Deno.test("a fork that is kept in part has its golden bytes", () => {
  isGolden(
    {
      kind: "create",
      id: 64,
      atMs: AT_MS,
      name: "f",
      contentType: "a/b",
      lifetime: FOREVER,
      fork: {
        sourceId: 63,
        sourceName: "src",
        offset: undefined,
        subOffset: 0,
        point: 7,
        messages: 3,
      },
      closed: false,
      earliest: 4,
      policies: { retention: { bytes: 9 } },
      data: encodeUtf8("x"),
    },
    hex`
      01                       // kind: create
      cc                       // flags: earliest, fork, messages before the fork point, policies
      40 00 00 00 00 00 00 00  // the stream's id
      00 a8 da 76 9b 01 00 00  // when
      01 00                    // bytes of the name
      03 00                    // bytes of the content type
      00                       // lifetime: forever
      00 00 00 00 00 00 00 00
      3f 00 00 00 00 00 00 00  // the source's id
      00 00 00 00 00 00 00 00  // fork offset: none given
      00 00 00 00 00 00 00 00  // sub-offset
      07 00 00 00 00 00 00 00  // where it branches off
      03 00                    // bytes of the source's name
      03 00 00 00 00 00 00 00  // how many messages come before that
      73 72 63                 // the source's name
      04 00 00 00 00 00 00 00  // the first offset that can be read
      19 00                    // bytes of the policies
      7b 22 72 65 74 65 6e 74  // {"retent
      69 6f 6e 22 3a 7b 22 62  // ion":{"b
      79 74 65 73 22 3a 39 7d  // ytes":9}
      7d                       // }
      66                       // name
      61 2f 62                 // content type
      78                       // data
    `,
  );
});

Deno.test("records round-trip", () => {
  fc.assert(fc.property(record, (it) => equal(decodeRecord(encode(it)), it)), { numRuns: 500 });
});

Deno.test("records are written to their last byte", () => {
  fc.assert(fc.property(record, (it) => equal(encode(it, 0), encode(it, 0xff))));
});

Deno.test("decoded data is a copy", () => {
  const bytes = encode({
    kind: "append",
    id: 1,
    atMs: 0,
    start: 0,
    data: encodeUtf8("abc"),
    producer: undefined,
    seq: undefined,
    close: false,
  });
  const decoded = decodeRecord(bytes);
  bytes.fill(0);
  equal(decoded.kind === "append" && decoded.data, encodeUtf8("abc"));
});
