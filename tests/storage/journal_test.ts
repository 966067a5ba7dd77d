import { deepStrictEqual as equal } from "node:assert";
import { NO_OTHERS, showEffects } from "../../src/storage/journal.ts";
import { newStream, type Stream } from "../../src/storage/stream.ts";

/** A stream of this id that nobody has written to. */
function streamOf(id: number): Stream {
  return newStream({
    kind: "create",
    id,
    atMs: 0,
    name: `s${id}`,
    contentType: "text/plain",
    lifetime: { kind: "forever" },
    fork: undefined,
    closed: false,
    data: new Uint8Array(),
  });
}

Deno.test("a watcher that is told of one stream sees all that became durable with it", () => {
  const [a, b] = [streamOf(1), streamOf(2)];
  const seen: unknown[] = [];
  for (const stream of [a, b]) {
    stream.watch(() => seen.push([a.durableTail, b.durableTail, b.durableClosed]));
  }
  showEffects([
    { stream: a, tail: 3, closed: false, messages: 1, others: NO_OTHERS },
    { stream: b, tail: 5, closed: true, messages: 1, others: NO_OTHERS },
  ]);
  equal(seen, [[3, 5, true], [3, 5, true]]);
});

Deno.test("watchers of the streams that go together with another are told", () => {
  const [a, b] = [streamOf(1), streamOf(2)];
  let told = 0;
  b.watch(() => told++);
  showEffects([{ stream: a, tail: 0, closed: false, messages: 0, others: [b] }]);
  equal(told, 1);
});
