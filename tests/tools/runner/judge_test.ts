import { deepStrictEqual as equal } from "node:assert";
import { type Counts, parseClosingLine, parseDenoTest } from "./counts.ts";
import { judge } from "./judge.ts";
import { countDenoTests } from "./test_counter.ts";

const suite = { parse: parseClosingLine, limitMinutes: 5 };
const ended = (code: number, output: string, hitLimit = false) => ({ code, output, hitLimit });
const counts = (passed: number, failed: number): Counts => ({
  passed,
  failed,
  skipped: 0,
});

Deno.test("a run that passed passes", () => {
  equal(judge(suite, ended(0, "3 passed, 0 failed")), { counts: counts(3, 0) });
});

Deno.test("a run with failures keeps their number", () => {
  equal(judge(suite, ended(1, "3 passed, 2 failed")), { counts: counts(3, 2) });
});

Deno.test("a run that ends before its results is one failure", () => {
  equal(judge(suite, ended(0, "Check a.ts")).counts, counts(0, 1));
  equal(
    judge(suite, ended(139, "")).problem,
    "ended with exit code 139 before it came to a result",
  );
});

Deno.test("a run whose tests passed and whose exit code isn't 0 is a failure", () => {
  equal(judge(suite, ended(1, "3 passed, 0 failed")).counts, counts(3, 1));
});

Deno.test("a run without a test is a failure, unless its suite may be empty", () => {
  equal(judge(suite, ended(0, "0 passed, 0 failed")).problem, "ran no test");
  equal(judge({ ...suite, mayBeEmpty: true }, ended(0, "0 passed, 0 failed")), {
    counts: counts(0, 0),
  });
});

Deno.test("of a run that its limit ended, what passed before counts", () => {
  const tests = { parse: parseDenoTest, parsePart: countDenoTests, limitMinutes: 5 };
  const output = "a ... ok (1ms)\nb ... ok (1ms)\nc ... FAILED (1ms)\nd ...";
  equal(judge(tests, ended(1, output, true)), {
    counts: counts(2, 2),
    problem: "was ended after 5 minutes, its limit",
  });
  equal(judge(suite, ended(1, "", true)).counts, counts(0, 1));
});

Deno.test("of a run that crashed, what passed before counts", () => {
  const tests = { parse: parseDenoTest, parsePart: countDenoTests, limitMinutes: 5 };
  equal(judge(tests, ended(139, "a ... ok (1ms)\n")), {
    counts: counts(1, 1),
    problem: "ended with exit code 139 before it came to a result",
  });
});
