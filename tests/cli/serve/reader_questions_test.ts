import { deepEqual, equal } from "node:assert/strict";
import { gatherReaders, ReaderQuestions } from "../../../src/cli/serve/reader_questions.ts";

/** How many live readers streams have in several threads. */

Deno.test("threads' readers are summed by stream", async () => {
  const thread = (counts: readonly (readonly [number, number])[]) => ({
    countReaders: () => Promise.resolve(new Map(counts)),
  });
  const sums = await gatherReaders([thread([[1, 2], [2, 1]]), thread([[2, 5]]), thread([])]);
  deepEqual([...sums], [[1, 2], [2, 6]]);
});

Deno.test("a thread is asked once for all who ask meanwhile, and one that is busy for too long has none", async () => {
  const questions = new ReaderQuestions(20);
  let asked = 0;
  const ask = () => questions.ask(() => asked++);
  const both = [ask(), ask()];
  equal(asked, 1);
  questions.take(new Map([[1, 3]]));
  deepEqual((await Promise.all(both)).map((counts) => counts.get(1)), [3, 3]);
  equal((await ask()).size, 0);
  equal(asked, 2);
  // The answer comes after all, and nobody waits for it.
  questions.take(new Map());
});
