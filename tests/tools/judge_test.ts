import { deepStrictEqual as equal } from "node:assert";
import { type Counts, parseClosingLine } from "./counts.ts";
import { judge } from "./judge.ts";

const suite = { parse: parseClosingLine };
const counts = (passed: number, failed: number): Counts => ({
  passed,
  failed,
  skipped: 0,
});

Deno.test("a run that passed passes", () => {
  equal(judge(suite, 0, "3 passed, 0 failed"), { counts: counts(3, 0) });
});

Deno.test("a run with failures keeps their number", () => {
  equal(judge(suite, 1, "3 passed, 2 failed"), { counts: counts(3, 2) });
});

Deno.test("a run that ends before its results is one failure", () => {
  equal(judge(suite, 0, "Check a.ts").counts, counts(0, 1));
  equal(
    judge(suite, 139, "").complaint,
    "ended with exit code 139 before it came to a result",
  );
});

Deno.test("a run whose tests passed and whose exit code isn't 0 is a failure", () => {
  equal(judge(suite, 1, "3 passed, 0 failed").counts, counts(3, 1));
});

Deno.test("a run without a test is a failure, unless its suite may be empty", () => {
  equal(judge(suite, 0, "0 passed, 0 failed").complaint, "ran no test");
  equal(judge({ ...suite, mayBeEmpty: true }, 0, "0 passed, 0 failed"), {
    counts: counts(0, 0),
  });
});
