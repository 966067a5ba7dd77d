import { equal, notEqual } from "node:assert/strict";
import { decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { EventBatch, EventBatches } from "../../../src/server/live/event_batch.ts";

const A = encodeUtf8("a;");
const B = encodeUtf8("b;");
const C = encodeUtf8("c;");
const END = encodeUtf8("end");

Deno.test("those who get the same events in the same order have one batch, joined once", () => {
  const batches = new EventBatches();
  const one = batches.of(A).and(B);
  const other = batches.of(A).and(B);
  equal(one, other);
  equal(one.bytes, 4);
  equal(decodeUtf8(one.joined(END)), "a;b;end");
  equal(one.joined(END), other.joined(END));
});

Deno.test("batches that part after an event have each their own events, in their order", () => {
  const batches = new EventBatches();
  const short = batches.of(A);
  const one = short.and(B);
  const other = short.and(C);
  const again = short.and(B).and(C);
  equal(decodeUtf8(short.joined(END)), "a;end");
  equal(decodeUtf8(one.joined(END)), "a;b;end");
  equal(decodeUtf8(other.joined(END)), "a;c;end");
  equal(decodeUtf8(again.joined(END)), "a;b;c;end");
  equal(decodeUtf8(batches.of(B).and(A).joined(END)), "b;a;end");
});

Deno.test("a batch is joined anew where another control event ends it", () => {
  const batch = new EventBatch(undefined, A);
  equal(decodeUtf8(batch.joined(END)), "a;end");
  equal(decodeUtf8(batch.joined(C)), "a;c;");
});

Deno.test("after a clearance batches begin anew, and those that were begun go on", () => {
  const batches = new EventBatches();
  const before = batches.of(A);
  batches.clear();
  notEqual(batches.of(A), before);
  equal(decodeUtf8(before.and(B).joined(END)), "a;b;end");
});
