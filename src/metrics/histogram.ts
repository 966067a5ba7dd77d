/** A histogram's state as plain data, which other threads may have. */
export interface HistogramValue {
  /** The inclusive upper bounds, rising; above the last is one bucket more. */
  readonly bounds: readonly number[];
  /** How many observations fell in each bucket alone. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Counts observations in fixed buckets: an observation is a few comparisons and no object. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds the inclusive upper bounds, rising */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /**
   * Counts one more value.
   *
   * @param count how many observations it stands for
   */
  observe(value: number, count = 1): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? Infinity)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#sum += value * count;
  }

  /** What was counted so far, a copy. */
  get value(): HistogramValue {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum };
  }
}

/** An empty histogram's value. */
export function emptyHistogram(bounds: readonly number[]): HistogramValue {
  return new Histogram(bounds).value;
}

/** The observations of two histograms with the same bounds. */
export function addHistograms(one: HistogramValue, other: HistogramValue): HistogramValue {
  return {
    bounds: one.bounds,
    counts: one.counts.map((count, i) => count + (other.counts[i] ?? 0)),
    sum: one.sum + other.sum,
  };
}
