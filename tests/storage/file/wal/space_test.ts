import { equal } from "node:assert/strict";
import { bestFit, firstUnallocated } from "../../../../src/storage/file/wal/space.ts";

const HEADER = 512;

function space(leftBytes: number, ...recycledSizes: number[]) {
  return { leftBytes, recycledSizes, fullSizeBytes: 10_000 };
}

Deno.test("batches go into a file's rest, then into the next", () => {
  equal(firstUnallocated([1000, 1000], space(2000)), undefined);
  equal(firstUnallocated([1000, 1001], space(2000)), 1001);
  equal(firstUnallocated([1000, 1001], space(2000, 1001 + HEADER)), undefined);
  equal(firstUnallocated([1000, 1001], space(2000, 1000 + HEADER)), 1001);
});

Deno.test("what is left behind in a file is lost to later batches", () => {
  equal(firstUnallocated([1500, 600], space(1000, 1500 + HEADER)), 600);
});

Deno.test("a file made for one long batch holds nothing else", () => {
  equal(firstUnallocated([20_000, 1], space(0, 50_000)), 1);
  equal(firstUnallocated([20_000, 1], space(0, 50_000, 5000)), undefined);
});

Deno.test("a file that is longer than others is as good as they are", () => {
  equal(firstUnallocated([5000, 5000, 5000], space(0, 50_000)), undefined);
});

Deno.test("a short batch doesn't take the file that a long one needs", () => {
  equal(firstUnallocated([1000, 20_000], space(0, 50_000, 5000)), undefined);
  equal(bestFit([300, 100, 200], 150), 2);
  equal(bestFit([300, 100, 200], 301), 3);
});
