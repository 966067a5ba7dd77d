import { deepStrictEqual as equal, match } from "node:assert";
import { readReport, type Report, requireWhole, WHOLE } from "./report.ts";

function reportOf(passed: number, failed: number, skipped: number): Report {
  return { counts: { passed, failed, skipped }, failures: [] };
}

function failedCount(report: Report): number {
  return requireWhole(report, false).counts.failed;
}

Deno.test("every test of a report is counted by its status, and failures have their messages", () => {
  const test = (status: string) => ({
    fullName: `is ${status}`,
    status,
    failureMessages: ["why"],
  });
  const json = JSON.stringify({
    testResults: [{
      message: "",
      assertionResults: ["passed", "passed", "failed", "pending", "todo"].map(
        test,
      ),
    }],
  });
  equal(readReport(json), {
    counts: { passed: 2, failed: 1, skipped: 2 },
    failures: [{ name: "is failed", message: "why" }],
  });
});

Deno.test("a suite that doesn't load is a failure that says why", () => {
  const json = JSON.stringify({
    testResults: [{ message: "no such package", assertionResults: [] }],
  });
  equal(readReport(json).failures, [{
    name: "the suite didn't load",
    message: "no such package",
  }]);
});

Deno.test("a whole run stays as it is", () => {
  const whole: Report = { counts: WHOLE, failures: [] };
  equal(requireWhole(whole, false), whole);
  equal(failedCount(reportOf(336, 2, 0)), 2);
});

Deno.test("each test that didn't run is a failure", () => {
  equal(failedCount(reportOf(0, 0, 0)), 338);
  equal(failedCount(reportOf(337, 0, 0)), 1);
  equal(failedCount(reportOf(337, 0, 1)), 1);
  equal(failedCount(reportOf(338, 0, 1)), 1);
  match(
    requireWhole(reportOf(337, 0, 1), false).failures.at(-1)?.message ?? "",
    /found 337 and 1 skipped/,
  );
});

Deno.test("more tests than the suite has are a failure: its number here is out of date", () => {
  equal(failedCount(reportOf(339, 0, 0)), 1);
});

Deno.test("a run of named tests has to run at least one of them", () => {
  equal(requireWhole(reportOf(1, 0, 337), true).counts.failed, 0);
  equal(requireWhole(reportOf(0, 0, 338), true).counts.failed, 1);
});
