/** How many tests of a run did what. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A run without a test. */
export const NONE: Counts = { passed: 0, failed: 0, skipped: 0 };

/** Two runs taken as one. */
export function addCounts(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}

/** The line a run ends with: `12 passed, 0 failed`, and what was skipped where anything was. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  const line = `${passed} passed, ${failed} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}

/** Reads the closing line of a runner of ours; undefined where there is none. */
export function parseClosingLine(output: string): Counts | undefined {
  return lastMatch(
    output,
    /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm,
  );
}

/** Adds up the lines `NAME: 3 passed, 0 failed in 2 s` that a runner of ours writes for its parts. */
export function addParts(output: string): Counts {
  const parts = [...output.matchAll(/^\S+: (\d+ passed, \d+ failed(?:, \d+ skipped)?) in /gm)];
  return parts.map(([, part = ""]) => parseClosingLine(part) ?? NONE).reduce(addCounts, NONE);
}

/** Reads how far the crash histories are: `1000 histories so far`. */
export function parseHistories(output: string): Counts {
  const [, count = "0"] = [...output.matchAll(/^(\d+) histories so far$/gm)].at(-1) ?? [];
  return { ...NONE, passed: Number(count) };
}

/**
 * Reads what `deno test` says at its end: `ok | 3 passed (2 steps) | 0 failed | 1 ignored (8ms)`.
 * A step is part of its test and isn't counted, since its failure is its test's failure.
 */
export function parseDenoTest(output: string): Counts | undefined {
  const steps = String.raw`(?: \(\d+ steps?\))?`;
  return lastMatch(
    output,
    new RegExp(
      String
        .raw`^(?:ok|FAILED) \| (\d+) passed${steps} \| (\d+) failed${steps}` +
        String.raw`(?: \| (\d+) ignored${steps})?`,
      "gm",
    ),
  );
}

function lastMatch(output: string, pattern: RegExp): Counts | undefined {
  const match = [...output.matchAll(pattern)].at(-1);
  if (match === undefined) return undefined;
  return {
    passed: Number(match[1]),
    failed: Number(match[2]),
    skipped: Number(match[3] ?? 0),
  };
}
