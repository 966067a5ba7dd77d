import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { DeliverySlots } from "../../src/subscriptions/delivery_slots.ts";

Deno.test("delivery slots: an endpoint has at most its part, and others have the rest", () => {
  const slots = new DeliverySlots(4, 1);
  equal(slots.take(1, "a"), true);
  equal(slots.take(2, "a"), false);
  equal(slots.take(3, "b"), true);
  equal(slots.take(4, "c"), true);
  equal(slots.take(5, "d"), true);
  equal(slots.take(6, "e"), false, "all are taken");
});

Deno.test("delivery slots: who has a place has it until it is given back", () => {
  const slots = new DeliverySlots(1, 1);
  equal(slots.take(1, "a"), true);
  equal(slots.take(1, "a"), true);
  equal(slots.take(2, "a"), false);
  equal(slots.free(1), 2);
  equal(slots.take(2, "a"), true);
  equal(slots.free(2), undefined);
  equal(slots.free(2), undefined);
  equal(slots.size, 0);
});

Deno.test("delivery slots: first come, first served at an endpoint", () => {
  const slots = new DeliverySlots(8, 1);
  for (const id of [1, 2, 3, 2]) slots.take(id, "a");
  deepEqual([slots.free(1), slots.free(2), slots.free(3)], [2, 3, undefined]);
});

Deno.test("delivery slots: endpoints take turns where all places are taken", () => {
  const slots = new DeliverySlots(2, 2);
  slots.take(1, "a");
  slots.take(2, "a");
  for (const id of [3, 4]) slots.take(id, "a");
  for (const id of [5, 6]) slots.take(id, "b");
  deepEqual([slots.free(1), slots.free(2), slots.free(3), slots.free(5)], [5, 3, 6, 4]);
});

Deno.test("delivery slots: one whose endpoint is full doesn't keep the place from another", () => {
  const slots = new DeliverySlots(4, 2);
  for (const id of [1, 2]) slots.take(id, "hanging");
  for (const id of [3, 4]) slots.take(id, "quick");
  slots.take(5, "hanging");
  slots.take(6, "other");
  equal(slots.free(3), 6);
});

Deno.test("delivery slots: never too many, nobody forgotten, nothing left", () => {
  const step = fc.record({
    id: fc.integer({ min: 1, max: 12 }),
    endpoint: fc.constantFrom("a", "b", "c"),
    isFree: fc.boolean(),
  });
  fc.assert(fc.property(
    fc.array(step, { maxLength: 80 }),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 3 }),
    (steps, limit, perEndpoint) => {
      const slots = new DeliverySlots(limit, perEndpoint);
      const holders = new Map<number, string>();
      const waiting = new Map<number, string>();
      const count = (endpoint: string) =>
        [...holders.values()].filter((each) => each === endpoint).length;
      const free = (id: number) => {
        holders.delete(id);
        const next = slots.free(id);
        if (next === undefined) return;
        const endpoint = waiting.get(next);
        ok(endpoint !== undefined, "who gets a place has waited for it");
        waiting.delete(next);
        holders.set(next, endpoint);
      };
      for (const { id, endpoint: any, isFree } of steps) {
        const endpoint = holders.get(id) ?? waiting.get(id) ?? any;
        if (isFree) free(id);
        else if (slots.take(id, endpoint)) {
          waiting.delete(id);
          holders.set(id, endpoint);
        } else waiting.set(id, endpoint);
        ok(holders.size <= limit);
        for (const each of holders.values()) ok(count(each) <= perEndpoint);
        for (const each of waiting.values()) {
          ok(holders.size === limit || count(each) === perEndpoint, "there was a place for it");
        }
      }
      while (holders.size > 0) free([...holders.keys()][0] ?? 0);
      equal(waiting.size, 0);
      equal(slots.size, 0);
    },
  ));
});
