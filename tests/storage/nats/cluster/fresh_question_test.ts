import { deepStrictEqual as equal } from "node:assert";
import { rejects } from "node:assert/strict";
import { FreshQuestion } from "../../../../src/storage/nats/cluster/fresh_question.ts";

/** A question whose answers a test gives when it likes, in the order in which they were asked for. */
function question() {
  const asked: PromiseWithResolvers<string>[] = [];
  const fresh = new FreshQuestion(() => {
    const answer = Promise.withResolvers<string>();
    asked.push(answer);
    return answer.promise;
  });
  return { asked, fresh };
}

Deno.test("a question that is under way answers nobody who came after it went out", async () => {
  const { asked, fresh } = question();
  const first = fresh.ask();
  const [second, third] = [fresh.ask(), fresh.ask()];
  equal(asked.length, 1);
  asked[0]?.resolve("old");
  equal(await first, "old");
  await Promise.resolve();
  equal(asked.length, 2);
  asked[1]?.resolve("new");
  equal(await Promise.all([second, third]), ["new", "new"]);
  equal(fresh.isIdle, true);
});

Deno.test("a question that fails fails for those who asked it, and the next one is asked", async () => {
  const { asked, fresh } = question();
  const first = fresh.ask();
  const second = fresh.ask();
  asked[0]?.reject(new Error("no answer"));
  await rejects(first, /no answer/);
  await Promise.resolve();
  asked[1]?.resolve("new");
  equal(await second, "new");
});
