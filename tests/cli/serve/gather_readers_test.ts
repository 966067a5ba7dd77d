import { deepEqual } from "node:assert/strict";
import { gatherReaders } from "../../../src/cli/serve/gather_readers.ts";

/** How many live readers streams have in several threads. */

Deno.test("threads' readers are summed by stream", async () => {
  const thread = (counts: readonly (readonly [number, number])[]) => ({
    countReaders: () => Promise.resolve(new Map(counts)),
  });
  const sums = await gatherReaders([thread([[1, 2], [2, 1]]), thread([[2, 5]]), thread([])], [
    1,
    2,
  ]);
  deepEqual([...sums], [[1, 2], [2, 6]]);
});
