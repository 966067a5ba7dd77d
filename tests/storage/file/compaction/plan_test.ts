import assert from "node:assert/strict";
import type { SegmentRow } from "../../../../src/storage/file/catalog/catalog.ts";
import { planCompaction } from "../../../../src/storage/file/compaction/plan.ts";

function rowsOf(count: number, cleanCount: number): SegmentRow[] {
  return Array.from({ length: count }, (_, i) => ({
    streamId: 1,
    base: i * 100,
    bytes: 100,
    blocks: 1,
    end: (i + 1) * 100,
    generation: i < cleanCount ? 1 : 0,
  }));
}

const ALL = { start: 0, protectedUpTo: 0, sealedUpTo: Infinity };

Deno.test("a stream of very many segments is compacted further, however many were compacted before", () => {
  const plan = planCompaction({ segments: rowsOf(9000, 5000), ...ALL });
  assert.equal(plan?.segments.length, 9000);
  assert.equal(plan.cleanCount, 5000);
  assert.equal(plan.isFromStart, true);
});

Deno.test("compacting is put off until there are half as many new bytes as compacted ones", () => {
  assert.equal(planCompaction({ segments: rowsOf(5, 5), ...ALL }), undefined);
  assert.equal(planCompaction({ segments: rowsOf(14, 10), ...ALL }), undefined);
  assert.equal(planCompaction({ segments: rowsOf(15, 10), ...ALL })?.cleanCount, 10);
});
