import { deepEqual, equal } from "node:assert/strict";
import { ThreadQuestions } from "../../../src/cli/serve/thread_questions.ts";

/** Questions that threads ask each other. */

Deno.test("each question gets its own answer, and that of silence where the thread is busy for too long", async () => {
  const questions = new ThreadQuestions<ReadonlyMap<number, number>>(new Map(), 20);
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
