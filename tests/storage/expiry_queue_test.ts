import { deepEqual, equal } from "node:assert/strict";
import { ExpiryQueue } from "../../src/storage/expiry_queue.ts";
import { Random } from "../support/random.ts";

Deno.test("streams come out of the queue when they are due, first due first", () => {
  const random = new Random(1);
  const queue = new ExpiryQueue();
  const due = new Map<number, number>();
  let nowMs = 0;
  for (let id = 0; id < 3000; id++) {
    const atMs = nowMs + random.below(500);
    queue.add(id, atMs);
    due.set(id, atMs);
    if (!random.chance(0.3)) continue;
    nowMs += random.below(60);
    const before = [...due.values()].filter((ms) => ms <= nowMs).sort((a, b) => a - b);
    const limit = random.between(1, 40);
    const taken = queue.take(nowMs, limit);
    deepEqual(taken.map((one) => due.get(one)), before.slice(0, limit));
    for (const one of taken) due.delete(one);
    equal(queue.nextMs, Math.min(Infinity, ...due.values()));
  }
  equal(queue.size, due.size);
});

Deno.test("a stream is in the queue once, and one that never ends is not", () => {
  const queue = new ExpiryQueue();
  queue.add(1, 10);
  queue.add(1, 5);
  queue.add(2, Infinity);
  deepEqual([queue.size, queue.take(9, 10), queue.take(10, 10), queue.nextMs], [
    1,
    [],
    [1],
    Infinity,
  ]);
  queue.add(1, 20);
  deepEqual(queue.take(20, 10), [1]);
});
