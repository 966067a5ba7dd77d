import { type Counts, NONE } from "../tools/runner/counts.ts";

/** The whole suite. */
export const WHOLE: Counts = { passed: 338, failed: 0, skipped: 0 };

/** A test that failed. */
export interface FailedTest {
  readonly name: string;
  readonly message: string;
}

/** What one run of the suite came to. */
export interface Report {
  readonly counts: Counts;
  readonly failures: readonly FailedTest[];
}

/** What this reads of the file that vitest's JSON reporter writes. */
interface VitestReport {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Reads the file that vitest's JSON reporter writes. */
export function readReport(json: string): Report {
  const report: VitestReport = JSON.parse(json);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failures: FailedTest[] = [];
  for (const file of report.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === "passed") counts.passed++;
      else if (test.status === "failed") {
        counts.failed++;
        failures.push({
          name: test.fullName,
          message: test.failureMessages.join("\n"),
        });
      } else counts.skipped++;
    }
    if (file.assertionResults.length === 0) {
      failures.push({ name: "the suite didn't load", message: file.message });
    }
  }
  return { counts, failures };
}

/**
 * The report of a run that had to be whole: a test that didn't run is a failure. Of a run of named
 * tests (`partial`) only one has to have run.
 */
export function requireWhole(report: Report, partial: boolean): Report {
  const { passed, failed, skipped } = report.counts;
  const ran = passed + failed;
  const off = partial
    ? Number(ran === 0)
    : Math.max(Math.abs(WHOLE.passed - ran), Math.abs(WHOLE.skipped - skipped));
  if (off === 0) return report;
  const message = `expected ${WHOLE.passed} tests and ${WHOLE.skipped} skipped, ` +
    `found ${ran} and ${skipped} skipped`;
  return {
    counts: { ...report.counts, failed: failed + off },
    failures: [...report.failures, { name: "the suite is whole", message }],
  };
}

/** The report of a target that couldn't be tested at all. */
export function failedRun(error: unknown): Report {
  const message = error instanceof Error ? error.message : String(error);
  return {
    counts: { ...NONE, failed: WHOLE.passed },
    failures: [{ name: "the suite ran", message }],
  };
}
