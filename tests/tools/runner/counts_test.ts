import { deepStrictEqual as equal } from "node:assert";
import {
  addCounts,
  addParts,
  closingLine,
  parseBunTest,
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

Deno.test("bun test: passes, failures and skips are lines of their own", () => {
  equal(parseBunTest("\n 12 pass\n 1 skip\n 2 fail\n 40 expect() calls\n"), {
    passed: 12,
    failed: 2,
    skipped: 1,
  });
  equal(parseBunTest("error: Cannot find module"), undefined);
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

Deno.test("counts add up", () => {
  equal(
    addCounts({ passed: 1, failed: 2, skipped: 3 }, {
      passed: 10,
      failed: 20,
      skipped: 30,
    }),
    { passed: 11, failed: 22, skipped: 33 },
  );
});
