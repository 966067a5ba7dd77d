import { deepStrictEqual as equal } from "node:assert";
import { countDenoTests, TestCounter } from "./test_counter.ts";

const OUTPUT = `Check file:///a_test.ts
running 4 tests from ./a_test.ts
adds ... ok (2ms)
with steps ...
  a step ... ok (1ms)
  another step ... FAILED (1ms)
with steps ... FAILED (due to 1 failed step) (3ms)
writes ...
------- output -------
said ... so
----- output end -----
writes ... ok (1s)
left out ... ignored (0ms)
cut of`;

Deno.test("tests are counted as their lines come, steps and output aside", () => {
  equal(countDenoTests(OUTPUT), { passed: 2, failed: 1, skipped: 1 });
});

Deno.test("a line may come in pieces, and what failed is named", () => {
  const counter = new TestCounter();
  const failed = [...OUTPUT].flatMap((char) => counter.add(char));
  equal(failed, ["with steps"]);
  equal(counter.counts, { passed: 2, failed: 1, skipped: 1 });
});
