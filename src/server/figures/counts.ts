import { addHistograms, type HistogramValue } from "../../metrics/histogram.ts";

/** What one thread that serves has counted, and what is so there now. */
export interface ThreadCounts {
  readonly readers: number;
  /** `undefined` where its listener doesn't count. */
  readonly connections: number | undefined;
  /** Responses with an error since the start. */
  readonly errors: number;
  /** Those of them that were 5xx. */
  readonly failures: number;
}

/** What there is once in a process. What isn't known, as a cluster's log, is `undefined`. */
export interface ProcessCounts {
  readonly atMs: number;
  readonly appends: number | undefined;
  readonly appendedBytes: number | undefined;
  /** Another number wherever streams have come or gone; `undefined` where nobody counts them. */
  readonly changes: number | undefined;
  readonly syncSeconds: HistogramValue | undefined;
  readonly checkpointSeconds: HistogramValue | undefined;
  readonly logBytes: number | undefined;
  readonly memoryBytes: number;
}

/** All counts of a moment. */
export interface Counts extends ProcessCounts, ThreadCounts {}

/** The counts of several threads together. */
export function addThreads(threads: readonly ThreadCounts[]): ThreadCounts {
  const known = threads.flatMap(({ connections }) => connections ?? []);
  return {
    readers: sum(threads.map(({ readers }) => readers)),
    connections: known.length === 0 ? undefined : sum(known),
    errors: sum(threads.map(({ errors }) => errors)),
    failures: sum(threads.map(({ failures }) => failures)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** The observations that a histogram has and an earlier value of it had not. */
export function since(now: HistogramValue, before: HistogramValue): HistogramValue {
  const negative = { ...before, counts: before.counts.map((count) => -count), sum: -before.sum };
  return addHistograms(now, negative);
}

/** How many observations there are. */
export function observations({ counts }: HistogramValue): number {
  return sum(counts);
}

/**
 * The value that a part of all observations doesn't exceed, as exactly as the buckets say it; `undefined`
 * without any. Of the last bucket, which has no upper bound, it is the lower one.
 */
export function quantile(histogram: HistogramValue, part: number): number | undefined {
  const { bounds, counts } = histogram;
  const wanted = observations(histogram) * part;
  if (wanted <= 0) return undefined;
  let below = 0;
  for (const [i, count] of counts.entries()) {
    const from = bounds[i - 1] ?? 0;
    if (below + count >= wanted) {
      const to = bounds[i] ?? from;
      return from + (to - from) * (wanted - below) / count;
    }
    below += count;
  }
  return bounds.at(-1);
}
