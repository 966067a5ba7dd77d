import { deepEqual, equal } from "node:assert/strict";
import { MessageRing } from "../../../src/page/reading/message_ring.ts";

function messages(count: number, bytes = 1) {
  return Array.from({ length: count }, (_, n) => ({
    bytes: new Uint8Array(bytes),
    start: String(n),
    end: String(n + 1),
  }));
}

function numbers(ring: MessageRing): number[] {
  return Array.from(
    { length: ring.size },
    (_, index) => ring.at(ring.first + index)?.number ?? NaN,
  );
}

Deno.test("the oldest messages leave for newer ones, counted, and numbers stay", () => {
  const ring = new MessageRing({ messages: 3, bytes: 100 });
  ring.push(messages(2));
  ring.push(messages(3));
  deepEqual(numbers(ring), [2, 3, 4]);
  deepEqual([ring.dropped, ring.bytes, ring.at(1), ring.isFull], [2, 3, undefined, true]);
});

Deno.test("bytes are a limit, too, but the newest message always stays", () => {
  const ring = new MessageRing({ messages: 10, bytes: 5 });
  ring.push(messages(3, 2));
  deepEqual(numbers(ring), [1, 2]);
  ring.push(messages(1, 50));
  deepEqual(numbers(ring), [3]);
});

Deno.test("older messages count down from the first, as many of the newest as there is room for", () => {
  const ring = new MessageRing({ messages: 4, bytes: 100 });
  ring.push(messages(2));
  ring.prepend(messages(5));
  deepEqual(numbers(ring), [-2, -1, 0, 1]);
  deepEqual([ring.at(-2)?.start, ring.at(-1)?.start], ["3", "4"]);
});

Deno.test("a hundred thousand pass through a small ring", () => {
  const ring = new MessageRing({ messages: 10, bytes: 1e6 });
  for (let n = 0; n < 1_000; n++) ring.push(messages(100));
  deepEqual([ring.size, ring.first, ring.next, ring.dropped], [10, 99_990, 100_000, 99_990]);
  equal(ring.at(99_995)?.number, 99_995);
});
