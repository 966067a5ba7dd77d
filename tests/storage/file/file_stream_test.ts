import { deepStrictEqual as equal } from "node:assert";
import { encodeUtf8, NO_BYTES } from "../../../src/protocol/bytes.ts";
import type { Lifetime } from "../../../src/protocol/lifetime.ts";
import { streamLikeness } from "../../../src/storage/file/file_stream.ts";
import type { ReplayRecord } from "../../../src/storage/file/replay.ts";
import type { ForkOrigin } from "../../../src/storage/records.ts";

const LIFETIME: Lifetime = { kind: "ttl", ttlSeconds: 100 };

function created(fork: ForkOrigin | undefined, data: string): ReplayRecord {
  const name = "s";
  const contentType = "text/plain";
  const what = { id: 7, name, contentType, lifetime: LIFETIME, fork, closed: false };
  return {
    sequence: 1,
    record: { kind: "create", atMs: 1000, data: encodeUtf8(data), ...what },
  };
}

function appended(start: number, data: string, close = false): ReplayRecord {
  const request = { producer: undefined, seq: undefined, close };
  return {
    sequence: 5,
    record: { kind: "append", id: 7, atMs: 3000, start, data: encodeUtf8(data), ...request },
  };
}

function look(stream: ReturnType<typeof streamLikeness>) {
  if (stream === undefined) return undefined;
  const { name, durableTail, durableClosed, presence, expiresAtMs } = stream;
  return { name, tail: durableTail, closed: durableClosed, presence, expiresAtMs };
}

const THERE = { name: "s", closed: false, presence: "there" };

Deno.test("LikenessOfACreateAlone", () => {
  const first = created(undefined, "abc");
  equal(look(streamLikeness(undefined, { first, last: first })), {
    ...THERE,
    tail: 3,
    expiresAtMs: 101_000,
  });
});

Deno.test("LikenessOfAForkBeginsAtItsPoint", () => {
  const fork = { sourceId: 1, sourceName: "a", offset: 40, subOffset: 0, point: 40 };
  const first = created(fork, "abc");
  equal(look(streamLikeness(undefined, { first, last: first }))?.tail, 43);
});

Deno.test("LikenessOfWhatWasAppendedLast", () => {
  const first = created(undefined, "abc");
  equal(look(streamLikeness(undefined, { first, last: appended(10, "xyz", true) })), {
    ...THERE,
    tail: 13,
    closed: true,
    expiresAtMs: 103_000,
  });
});

Deno.test("LikenessOfARowWithWhatTheLogAdds", () => {
  const row = {
    ...{ id: 7, name: "s", contentType: "text/plain", lifetime: LIFETIME, fork: undefined },
    ...{ softDeleted: false, touchedAtMs: 5000, closed: false, closedBy: undefined },
    ...{ seq: undefined, producerCount: 0, position: 3, tail: 20, lastAtMs: 900, rest: NO_BYTES },
  };
  const before = { ...THERE, tail: 20, expiresAtMs: 105_000 };
  equal(look(streamLikeness(row, undefined)), before);
  const last = appended(20, "x");
  equal(look(streamLikeness(row, { first: last, last })), { ...before, tail: 21 });
  equal(look(streamLikeness({ ...row, softDeleted: true }, undefined))?.presence, "soft_deleted");
});

Deno.test("LikenessOfWhatWasSoftlyDeleted", () => {
  const first = created(undefined, "abc");
  const record = { kind: "delete", atMs: 3000, soft: true, ids: [7] } as const;
  const last = { sequence: 6, record };
  equal(look(streamLikeness(undefined, { first, last }))?.presence, "soft_deleted");
});

Deno.test("NothingIsLikeAStreamWithoutRowAndCreate", () => {
  equal(streamLikeness(undefined, undefined), undefined);
  const last = appended(0, "x");
  equal(streamLikeness(undefined, { first: last, last }), undefined);
});
