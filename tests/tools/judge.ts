import { type Counts, NONE } from "./counts.ts";
import type { Suite } from "./suites.ts";

/** What a suite's run comes to. */
export interface Verdict {
  readonly counts: Counts;
  /** Why the run failed although no test says so. */
  readonly complaint?: string;
}

/**
 * The verdict on a suite that ended with `code` and wrote `output`.
 *
 * A run whose tests all passed may still have failed: it ended early, it ended with a code of its
 * own, or it found no test to run.
 */
export function judge(
  suite: Pick<Suite, "parse" | "mayBeEmpty">,
  code: number,
  output: string,
): Verdict {
  const counts = suite.parse(output);
  if (counts === undefined) {
    return failed(
      NONE,
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

function failed(counts: Counts, complaint: string): Verdict {
  return { counts: { ...counts, failed: 1 }, complaint };
}
