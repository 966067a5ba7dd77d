import { deepStrictEqual as equal, throws } from "node:assert";
import { type Bytes, encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { FrameWriter, MalformedFrame } from "../../../../src/storage/nats/format/binary.ts";
import { NOTHING_KEPT } from "../../../../src/storage/nats/format/kept_snapshot.ts";
import { KIND } from "../../../../src/storage/nats/format/kinds.ts";
import {
  decodeIdentity,
  decodeIds,
  decodeShards,
  encodeIdentity,
  encodeIds,
  encodeShards,
} from "../../../../src/storage/nats/format/meta_record.ts";
import {
  decodeNameEntry,
  encodeNameEntry,
  type NameEntry,
} from "../../../../src/storage/nats/format/name_record.ts";
import {
  decodeSnapshot,
  encodeSnapshot,
  type StreamSnapshot,
} from "../../../../src/storage/nats/format/snapshot.ts";
import { hex } from "../../../support/hex.ts";

const AT_MS = 1_767_225_600_000;

function isGoldenName(entry: NameEntry, bytes: Bytes): void {
  equal(encodeNameEntry(entry), bytes);
  equal(decodeNameEntry(bytes), entry);
}

Deno.test("a name's record has its golden bytes", () => {
  isGoldenName(
    {
      kind: "name",
      id: 1025,
      shard: 3,
      createdAtMs: AT_MS,
      name: "a/é",
      contentType: "text/plain",
      lifetime: { kind: "ttl", ttlSeconds: 60 },
      fork: undefined,
    },
    hex`
      d5 01 10 00              // mark, version, kind: name, flags
      ba e9 9c a8              // CRC
      01 04 00 00 00 00 00 00  // id
      03 00 00 00              // shard
      00 a8 da 76 9b 01 00 00  // created
      04 00 00 00 61 2f c3 a9  // name
      0a 00 00 00 74 65 78 74 2f 70 6c 61 69 6e  // content type
      01 3c 00 00 00 00 00 00 00  // lifetime: 60 s from its last use
    `,
  );
});

Deno.test("a fork's record has its golden bytes", () => {
  isGoldenName(
    {
      kind: "name",
      id: 9,
      shard: 1,
      createdAtMs: 0,
      name: "f",
      contentType: "a/b",
      lifetime: { kind: "until", expiresAtMs: AT_MS },
      fork: { sourceId: 8, sourceName: "s", offset: 7, subOffset: 6, point: 13 },
    },
    hex`
      d5 01 10 03              // flags: a fork, with an offset
      14 27 88 f7              // CRC
      09 00 00 00 00 00 00 00
      01 00 00 00
      00 00 00 00 00 00 00 00
      01 00 00 00 66
      03 00 00 00 61 2f 62
      02 00 a8 da 76 9b 01 00 00  // until then
      08 00 00 00 00 00 00 00  // the source's id
      01 00 00 00 73           // its name
      07 00 00 00 00 00 00 00  // offset
      06 00 00 00 00 00 00 00  // sub-offset
      0d 00 00 00 00 00 00 00  // point
    `,
  );
});

Deno.test("a fork's record without an offset comes back without one", () => {
  const entry: NameEntry = {
    kind: "name",
    id: 9,
    shard: 1,
    createdAtMs: 0,
    name: "f",
    contentType: "a/b",
    lifetime: { kind: "forever" },
    fork: { sourceId: 8, sourceName: "s", offset: undefined, subOffset: 0, point: 13 },
  };
  equal(decodeNameEntry(encodeNameEntry(entry)), entry);
});

Deno.test("a tombstone has its golden bytes", () => {
  isGoldenName(
    { kind: "tombstone", id: 1025, name: "a" },
    hex`
      d5 01 11 00 e2 65 6e 47
      01 04 00 00 00 00 00 00  // id of the stream that had the name
      01 00 00 00 61
    `,
  );
});

Deno.test("a snapshot has its golden bytes", () => {
  const snapshot: StreamSnapshot = {
    id: 1025,
    sequence: 12,
    firstSequence: 3,
    tail: 4096,
    atMs: AT_MS,
    accessedAtMs: AT_MS + 1,
    accessedBy: 0x0102_0304_0506,
    isClosed: true,
    isSoftlyDeleted: true,
    closedBy: { id: "p", epoch: 1, seq: 2 },
    seq: "z",
    producers: new Map([["p", { epoch: 1, seq: 2 }], ["q", { epoch: 0, seq: 5 }]]),
    forks: new Map([[1026, { name: "f", atMs: 9, from: 0 }]]),
    kept: NOTHING_KEPT,
    messages: undefined,
  };
  const bytes = hex`
    d5 01 20 0f              // kind: snapshot, flags
    29 0e 17 34              // CRC
    01 04 00 00 00 00 00 00  // id
    0c 00 00 00 00 00 00 00  // sequence of its newest message
    03 00 00 00 00 00 00 00  // sequence of the first one
    00 10 00 00 00 00 00 00  // tail
    00 a8 da 76 9b 01 00 00  // when
    01 a8 da 76 9b 01 00 00  // used last
    06 05 04 03 02 01 00 00  // by this front end
    01 00 00 00 70 01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00  // closed by
    01 00 00 00 7a           // Stream-Seq
    02 00 00 00              // producers
    01 00 00 00 70 01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00
    01 00 00 00 71 00 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00
    01 00 00 00              // forks
    02 04 00 00 00 00 00 00 01 00 00 00 66 09 00 00 00 00 00 00 00
  `;
  equal(encodeSnapshot(snapshot), bytes);
  equal(decodeSnapshot(bytes), snapshot);
});

Deno.test("a snapshot says what is kept", () => {
  const snapshot: StreamSnapshot = {
    id: 1,
    sequence: 12,
    firstSequence: 3,
    tail: 4096,
    atMs: 1,
    accessedAtMs: 1,
    accessedBy: 1,
    isClosed: false,
    isSoftlyDeleted: false,
    closedBy: undefined,
    seq: undefined,
    producers: new Map(),
    forks: new Map([[2, { name: "f", atMs: 9, from: 5 }]]),
    kept: NOTHING_KEPT,
    messages: undefined,
    retention: {
      earliest: 7,
      messages: 2,
      policies: { retention: { bytes: 1 } },
      purgedUpTo: 11,
    },
  };
  const bytes = encodeSnapshot(snapshot);
  equal(bytes[3], 64, "flags");
  equal(
    bytes.slice(8 + 7 * 8 + 4 + 4 + 8 + 5 + 8),
    new Uint8Array([
      ...hex`
        07 00 00 00 00 00 00 00  // the first position that can be read
        02 00 00 00 00 00 00 00  // own messages before it
        0b 00 00 00 00 00 00 00  // messages up to this one may be gone
        19 00 00 00
      `,
      ...encodeUtf8('{"retention":{"bytes":1}}'),
      ...hex`05 00 00 00 00 00 00 00`, // from here on the fork needs it
    ]),
  );
  equal(decodeSnapshot(bytes), snapshot);
  const nothing = { earliest: 0, messages: 0, policies: undefined, purgedUpTo: 0 };
  const kept = { ...snapshot, retention: nothing };
  equal(decodeSnapshot(encodeSnapshot(kept)), kept);
});

Deno.test("a name's record says what a stream begins with", () => {
  isGoldenName(
    {
      kind: "name",
      id: 9,
      shard: 1,
      createdAtMs: 0,
      name: "f",
      contentType: "a/b",
      lifetime: { kind: "forever" },
      fork: undefined,
      earliest: 6,
      policies: { retention: { bytes: 1 } },
    },
    new Uint8Array([
      ...hex`
        d5 01 10 c0              // flags: earliest and policies
        d0 8b 36 e0              // CRC
        09 00 00 00 00 00 00 00
        01 00 00 00
        00 00 00 00 00 00 00 00
        01 00 00 00 66
        03 00 00 00 61 2f 62
        00 00 00 00 00 00 00 00 00
        06 00 00 00 00 00 00 00  // the first position that could be read
        19 00 00 00
      `,
      ...encodeUtf8('{"retention":{"bytes":1}}'),
    ]),
  );
});

Deno.test("the records of the storage have their golden bytes", () => {
  const identity = hex`d5 01 30 00 17 d1 4b fe 08 00 00 00 30 31 32 33 61 62 63 64`;
  equal(encodeIdentity("0123abcd"), identity);
  equal(decodeIdentity(identity), "0123abcd");
  const shards = hex`d5 01 31 00 43 d7 3b 50 03 00 00 00`;
  equal(encodeShards(3), shards);
  equal(decodeShards(shards), 3);
  const ids = hex`d5 01 32 00 af 47 07 ed 01 08 00 00 00 00 00 00`;
  equal(encodeIds(2049), ids);
  equal(decodeIds(ids), 2049);
  equal(new FrameWriter(KIND.probe).seal(), hex`d5 01 33 00 b0 99 67 c5`);
});

Deno.test("records of which any bit is another are malformed", () => {
  const decoders = [
    [encodeNameEntry({ kind: "tombstone", id: 1, name: "a" }), decodeNameEntry],
    [encodeIds(7), decodeIds],
    [encodeShards(7), decodeShards],
    [encodeIdentity("01234567"), decodeIdentity],
  ] as const;
  for (const [bytes, decode] of decoders) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      throws(() => decode(changed), MalformedFrame);
    }
  }
});
