import { deepStrictEqual as equal, throws } from "node:assert";
import { type Bytes, concatBytes, encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { MalformedFrame } from "../../../../src/storage/nats/format/binary.ts";
import type { StreamMessage } from "../../../../src/storage/nats/format/message.ts";
import {
  decodeOwner,
  decodeSecrets,
  encodeOwner,
  encodeSecrets,
} from "../../../../src/storage/nats/format/meta_record.ts";
import { noticeHeaders, readNotice } from "../../../../src/storage/nats/format/notice.ts";
import {
  decodeSubscriptionMessage,
  encodeSubscriptionMessage,
  type SubscriptionMessage,
} from "../../../../src/storage/nats/format/subscription_log.ts";
import {
  decodeSubscriptionSnapshot,
  encodeSubscriptionSnapshot,
} from "../../../../src/storage/nats/format/subscription_snapshot.ts";
import { NEW_SUBSCRIPTION } from "../../../../src/storage/subscription.ts";
import { hex } from "../../../support/hex.ts";

const HEAD = { owner: 7, count: 2, previousSequence: 5 };

function isGolden(message: SubscriptionMessage, bytes: Bytes): void {
  equal(encodeSubscriptionMessage(message), bytes);
  equal(decodeSubscriptionMessage(bytes), message);
}

Deno.test("records of subscriptions have their golden bytes", () => {
  isGolden(
    {
      ...HEAD,
      kind: "records",
      entries: [
        { kind: "positions", positions: new Map([[1, 9]]) },
        {
          kind: "record",
          record: { kind: "subscription", id: 3, atMs: 4, change: { kind: "link", paths: ["a"] } },
        },
      ],
    },
    hex`
      d5 01 40 00              // mark, version, kind: records, flags
      b9 52 3f e6              // CRC
      07 00 00 00 00 00 00 00  // owner
      02 00 00 00 00 00 00 00  // which of its messages
      05 00 00 00 00 00 00 00  // sequence of the message before it
      02 00 00 00              // 2 entries
      00 01 00 00 00           // positions of 1 log
      01 00 00 00 09 00 00 00 00 00 00 00  // log 1 up to message 9
      03                       // a link
      03 00 00 00 00 00 00 00  // of subscription 3
      04 00 00 00 00 00 00 00  // at
      0f 00 00 00 7b 22 70 61 74 68 73 22 3a 5b 22 61 22 5d 7d  // {"paths":["a"]}
    `,
  );
});

Deno.test("the place of a snapshot of the subscriptions has its golden bytes", () => {
  isGolden(
    { ...HEAD, kind: "pointer", upToSequence: 5, snapshot: { owner: 7, count: 1, parts: 2 } },
    hex`
      d5 01 42 00 f9 5f 67 03
      07 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00
      05 00 00 00 00 00 00 00  // what it includes
      07 00 00 00 00 00 00 00  // who made it
      01 00 00 00 00 00 00 00  // which of its own
      02 00 00 00              // in 2 parts
    `,
  );
});

Deno.test("a part has its golden bytes", () => {
  isGolden(
    { ...HEAD, kind: "part", index: 1, partCount: 2, bytes: new Uint8Array([1, 2]) },
    hex`
      d5 01 41 00 85 3f 65 4e
      07 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00
      01 00 00 00 02 00 00 00  // the second of 2
      02 00 00 00 01 02        // its bytes
    `,
  );
});

Deno.test("owner and secrets have their golden bytes", () => {
  const owner = hex`d5 01 35 00 36 1b 5b fa 07 00 00 00 00 00 00 00`;
  equal(encodeOwner(7), owner);
  equal(decodeOwner(owner), 7);
  const secrets = hex`d5 01 36 00 a4 93 b6 b4 02 00 00 00 01 02`;
  equal(encodeSecrets(new Uint8Array([1, 2])), secrets);
  equal(decodeSecrets(secrets), new Uint8Array([1, 2]));
});

Deno.test("a snapshot of the subscriptions has its golden bytes", () => {
  const body =
    '{"createdAtMs":4,"config":{"type":"webhook","pattern":"a","streams":[],"leaseMs":1},' +
    '"hash":"h","baseUrl":"b","links":[],"state":{"phase":"idle","generation":0,"wakeId":"",' +
    '"wakeAtMs":0,"holder":"","dueMs":0,"failures":0,"failed":false},"wakeStreams":[],' +
    '"cursorCount":1}';
  const snapshot = {
    positions: new Map([[2, 9]]),
    rows: [{
      id: 3,
      name: "s",
      lsn: 0,
      createdAtMs: 4,
      config: {
        type: "webhook" as const,
        pattern: "a",
        streams: [],
        webhookUrl: undefined,
        wakeStream: undefined,
        leaseMs: 1,
        description: undefined,
      },
      hash: "h",
      baseUrl: "b",
      links: [],
      state: NEW_SUBSCRIPTION,
      wakeStreams: [],
      cursorCount: 1,
    }],
    cursors: [{ subscriptionId: 3, streamId: 8, position: 6 }],
    streams: [{ id: 8, name: "a", tail: 7 }],
  };
  const bytes = concatBytes([
    hex`
      d5 01 43 00 b4 03 08 ce
      01 00 00 00 02 00 00 00 09 00 00 00 00 00 00 00  // positions
      01 00 00 00                                      // 1 subscription
      03 00 00 00 00 00 00 00 01 00 00 00 73           // id, name
      0c 01 00 00                                      // how long its JSON is
    `,
    encodeUtf8(body),
    hex`
      01 00 00 00                                      // 1 cursor
      03 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 06 00 00 00 00 00 00 00
      01 00 00 00                                      // 1 stream
      08 00 00 00 00 00 00 00 01 00 00 00 61 07 00 00 00 00 00 00 00
    `,
  ]);
  equal(encodeSubscriptionSnapshot(snapshot), bytes);
  equal(decodeSubscriptionSnapshot(bytes), snapshot);
});

Deno.test("subscriptions: a flipped bit, a missing byte and one too many are seen", () => {
  const bytes = encodeSubscriptionMessage({
    ...HEAD,
    kind: "records",
    entries: [{
      kind: "record",
      record: { kind: "subscription", id: 3, atMs: 4, change: { kind: "delete" } },
    }],
  });
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 4;
    throws(() => decodeSubscriptionMessage(changed), MalformedFrame);
  }
  throws(() => decodeSubscriptionMessage(bytes.slice(0, -1)), MalformedFrame);
  throws(() => decodeSubscriptionMessage(concatBytes([bytes, new Uint8Array(1)])), MalformedFrame);
});

const MESSAGE: StreamMessage = {
  frontEnd: 1,
  count: 1,
  previousSequence: 0,
  start: 10,
  atMs: 0,
  accessedAtMs: 0,
  isClosed: true,
  isSoftlyDeleted: false,
  kind: "appends",
  appends: [],
  data: new Uint8Array(5),
};

Deno.test("a message's header says what it does to its stream", () => {
  const headers = noticeHeaders("a/ü %", MESSAGE);
  equal(headers, { "Ds-Stream": "10 15 3 a%2F%C3%BC%20%25" });
  equal(readNotice(headers), {
    name: "a/ü %",
    start: 10,
    end: 15,
    isFirst: true,
    isClosed: true,
    isGone: false,
    hasRetention: false,
  });
  const kept = readNotice(noticeHeaders("a", { ...MESSAGE, hasRetention: true }));
  equal(kept?.hasRetention, true);
  equal(readNotice({}), undefined);
});

Deno.test("a header that nobody here can have written says nothing", () => {
  for (const text of ["", "10 15 3", "10 15 x a", "10 15 3 %zz", "10 15 3 %ff"]) {
    equal(readNotice({ "Ds-Stream": text }), undefined, text);
  }
});

Deno.test("of an append in parts the last one's header moves the tail", () => {
  const append = { lengthBytes: 20, producer: undefined, seq: undefined, close: false };
  const part = { ...MESSAGE, kind: "part" as const, append, appendStart: 10, partCount: 2 };
  const first = readNotice(noticeHeaders("a", { ...part, index: 0 }));
  const last = readNotice(noticeHeaders("a", { ...part, index: 1, start: 20 }));
  equal([first?.start, first?.end], [10, 10]);
  equal([last?.start, last?.end], [10, 30]);
});
