import { deepStrictEqual as equal, ok } from "node:assert";
import type { CachedMessage } from "../../../../src/storage/nats/streams/cached_message.ts";
import { MessageCache } from "../../../../src/storage/nats/streams/message_cache.ts";
import { NatsStream } from "../../../../src/storage/nats/streams/nats_stream.ts";

const LIMIT_BYTES = 20_000;

function makeStream(id: number): NatsStream {
  return new NatsStream({
    kind: "name",
    id,
    name: `s${id}`,
    shard: 1,
    createdAtMs: 0,
    contentType: "text/plain",
    lifetime: { kind: "forever" },
    fork: undefined,
  }, 1);
}

function message(start: number, lengthBytes: number): CachedMessage {
  const end = start + lengthBytes;
  const data = new Uint8Array(lengthBytes);
  return {
    sequence: start + 1,
    previousSequence: start,
    start,
    end,
    atMs: 0,
    data,
    ends: [end],
    appendStart: start,
    isPart: false,
    counts: undefined,
  };
}

Deno.test("the cache holds what was used last, and never more than it may", () => {
  const cache = new MessageCache(LIMIT_BYTES);
  const [a, b] = [makeStream(1), makeStream(2)];
  cache.add(a, message(0, 1000));
  for (let i = 0; i < 100; i++) {
    cache.add(b, message(i * 1000, 1000));
    ok(cache.bytes <= LIMIT_BYTES);
    ok(cache.at(a, 500) !== undefined, "what is used all the time stays");
  }
  equal(cache.at(b, 500), undefined);
  equal(cache.at(b, 99_500)?.start, 99_000);
  equal(b.cached.length, 13);
  cache.drop(b);
  equal(b.cached.length, 0);
  cache.drop(a);
  equal(cache.bytes, 0);
});

Deno.test("the cache finds messages by their offsets, in whatever order they came", () => {
  const cache = new MessageCache(LIMIT_BYTES);
  const stream = makeStream(1);
  for (const start of [30, 10, 50, 20]) cache.add(stream, message(start, 10));
  cache.add(stream, message(20, 10));
  for (const [offset, start] of [[10, 10], [19, 10], [25, 20], [59, 50]] as const) {
    equal(cache.at(stream, offset)?.start, start);
  }
  for (const offset of [0, 9, 40, 49, 60]) equal(cache.at(stream, offset), undefined);
  const { before, after } = cache.around(stream, 45);
  equal([before?.start, after?.start], [30, 50]);
});

Deno.test("what is longer than all that the cache may hold isn't kept", () => {
  const cache = new MessageCache(LIMIT_BYTES);
  const stream = makeStream(1);
  cache.add(stream, message(0, LIMIT_BYTES));
  cache.add(stream, message(0, 0));
  equal([cache.bytes, stream.cached.length], [0, 0]);
});
