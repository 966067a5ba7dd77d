import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import { DueQueue } from "../../src/storage/due_queue.ts";
import { Random } from "../support/random.ts";

/** What is taken, from a plain map. */
function takenFrom(due: ReadonlyMap<number, number>, nowMs: number, limit: number): number[] {
  return [...due.values()].filter((ms) => ms <= nowMs).sort((a, b) => a - b).slice(0, limit);
}

Deno.test("whatever is set, moved and deleted, ids are taken when they are due, first due first", () => {
  const id = fc.nat(30);
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("set" as const),
        id,
        dueMs: fc.oneof({ weight: 9, arbitrary: fc.nat(50) }, fc.constant(Infinity)),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), id }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("take" as const),
        nowMs: fc.nat(50),
        limit: fc.nat(10),
      }),
    },
  );
  const steps = fc.array(step, { maxLength: 150, size: "max" });
  fc.assert(
    fc.property(steps, (steps) => {
      const queue = new DueQueue();
      const due = new Map<number, number>();
      const check = (nowMs: number, limit: number) => {
        const expected = takenFrom(due, nowMs, limit);
        const taken = queue.take(nowMs, limit);
        equal(taken.map((id) => due.get(id)), expected);
        for (const id of taken) due.delete(id);
      };
      for (const step of steps) {
        if (step.kind === "take") {
          check(step.nowMs, step.limit);
        } else if (step.kind === "delete" || step.dueMs === Infinity) {
          if (step.kind === "delete") queue.delete(step.id);
          else queue.set(step.id, step.dueMs);
          due.delete(step.id);
        } else {
          queue.set(step.id, step.dueMs);
          due.set(step.id, step.dueMs);
        }
        equal([queue.size, queue.nextMs], [due.size, Math.min(Infinity, ...due.values())]);
      }
      check(Number.MAX_SAFE_INTEGER, Infinity);
      equal([queue.size, queue.nextMs], [0, Infinity]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("thousands that come over time go in the order in which they are due", () => {
  const random = new Random(1);
  const queue = new DueQueue();
  const due = new Map<number, number>();
  let nowMs = 0;
  for (let id = 0; id < 3000; id++) {
    const dueMs = nowMs + random.below(500);
    queue.set(id, dueMs);
    due.set(id, dueMs);
    if (!random.chance(0.3)) continue;
    nowMs += random.below(60);
    const limit = random.between(1, 40);
    const expected = takenFrom(due, nowMs, limit);
    const taken = queue.take(nowMs, limit);
    equal(taken.map((one) => due.get(one)), expected);
    for (const one of taken) due.delete(one);
  }
  equal(queue.size, due.size);
});

Deno.test("an id is in the queue once, with the time that was said last", () => {
  const queue = new DueQueue();
  queue.set(1, 10);
  queue.set(2, 20);
  queue.set(1, 30);
  equal([queue.size, queue.nextMs, queue.take(29, 10)], [2, 20, [2]]);
  queue.set(1, 5);
  equal([queue.take(4, 10), queue.take(5, 10), queue.nextMs], [[], [1], Infinity]);
  queue.set(1, 20);
  equal(queue.take(20, 10), [1]);
});

Deno.test("what is never due isn't in the queue", () => {
  const queue = new DueQueue();
  queue.set(1, Infinity);
  equal(queue.size, 0);
  queue.set(2, 5);
  queue.set(2, Infinity);
  equal([queue.size, queue.take(Number.MAX_SAFE_INTEGER, 10)], [0, []]);
  queue.delete(3);
  equal(queue.size, 0);
});
