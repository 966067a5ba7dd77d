import { deepStrictEqual as equal } from "node:assert";
import {
  addParts,
  closingLine,
  parseClosingLine,
  parseDenoTest,
  parseHistories,
} from "./counts.ts";

Deno.test("deno test: the last line of results counts, steps and all", () => {
  equal(
    parseDenoTest(
      "x ... ok (1ms)\n\nok | 3 passed (2 steps) | 0 failed | 1 ignored (8ms)\n",
    ),
    {
      passed: 3,
      failed: 0,
      skipped: 1,
    },
  );
  equal(
    parseDenoTest(
      "FAILED | 2 passed | 1 failed (1 step) (12ms)\n\nerror: Test failed",
    ),
    {
      passed: 2,
      failed: 1,
      skipped: 0,
    },
  );
  equal(
    parseDenoTest(
      "ok | 1 passed | 0 failed (1ms)\nok | 5 passed | 0 failed (1ms)",
    ),
    {
      passed: 5,
      failed: 0,
      skipped: 0,
    },
  );
});

Deno.test("deno test: a type error has no results", () => {
  equal(
    parseDenoTest("Check a_test.ts\nerror: Type checking failed."),
    undefined,
  );
});

Deno.test("a closing line is read as it is written", () => {
  for (
    const counts of [
      { passed: 3, failed: 0, skipped: 0 },
      { passed: 332, failed: 1, skipped: 6 },
    ]
  ) {
    equal(
      parseClosingLine(
        `a: 1 passed, 0 failed in 2 s\n${closingLine(counts)}\n`,
      ),
      counts,
    );
  }
  equal(parseClosingLine("a: 1 passed, 0 failed in 2 s"), undefined);
});

Deno.test("a runner's parts add up before its end", () => {
  const part =
    "deno-file: 332 passed, 0 failed, 6 skipped in 40 s\nbun-file: 2 passed, 1 failed in 4 s\n";
  equal(addParts(part), { passed: 334, failed: 1, skipped: 6 });
  equal(addParts("3 passed, 0 failed\n"), { passed: 0, failed: 0, skipped: 0 });
  equal(parseHistories("1000 histories so far\n2100 histories so far\n").passed, 2100);
  equal(parseHistories("").passed, 0);
});
