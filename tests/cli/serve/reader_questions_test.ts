import { deepEqual, equal } from "node:assert/strict";
import { gatherReaders, ReaderQuestions } from "../../../src/cli/serve/reader_questions.ts";

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

Deno.test("each question gets its own answer, and of a thread that is busy for too long there are none", async () => {
  const questions = new ReaderQuestions(20);
  const asked: number[] = [];
  const ask = () => questions.ask((question) => asked.push(question));
  const [first, second, third] = [ask(), ask(), ask()];
  const [one = 0, two = 0, three = 0] = asked;
  questions.take(two, new Map([[2, 3]]));
  questions.take(one, new Map([[1, 4]]));
  deepEqual([...await first], [[1, 4]]);
  deepEqual([...await second], [[2, 3]]);
  equal((await third).size, 0);
  // The answer comes after all, and nobody waits for it.
  questions.take(three, new Map([[3, 1]]));
});
