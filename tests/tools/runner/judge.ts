import type { CommandResult } from "../command.ts";
import { type Counts, NONE } from "./counts.ts";
import type { Suite } from "./suites.ts";

/** What a suite's run comes to. */
export interface Verdict {
  readonly counts: Counts;
  /** Why the run failed although no test says so. */
  readonly problem?: string;
}

/**
 * The verdict on a suite's run.
 *
 * A run whose tests all passed may still have failed: it ended early, it ended with a code of its
 * own, or it found no test to run. Of one that didn't come to its end what it had done by then counts.
 */
export function judge(
  suite: Pick<Suite, "parse" | "parsePart" | "mayBeEmpty" | "limitMinutes">,
  { code, output, hitLimit }: CommandResult,
): Verdict {
  if (hitLimit) {
    const part = suite.parse(output) ?? suite.parsePart?.(output) ?? NONE;
    return failed(part, `was ended after ${suite.limitMinutes} minutes, its limit`);
  }
  const counts = suite.parse(output);
  if (counts === undefined) {
    return failed(
      suite.parsePart?.(output) ?? NONE,
      `ended with exit code ${code} before it came to a result`,
    );
  }
  if (counts.failed > 0) return { counts };
  if (code !== 0) {
    return failed(counts, `no test failed, yet its exit code is ${code}`);
  }
  if (counts.passed === 0 && suite.mayBeEmpty !== true) {
    return failed(counts, "ran no test");
  }
  return { counts };
}

function failed(counts: Counts, problem: string): Verdict {
  return { counts: { ...counts, failed: counts.failed + 1 }, problem };
}
