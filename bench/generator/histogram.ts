const FINE_SLOTS = 1 << 18;
const COARSE_SLOTS = 1 << 16;

/**
 * Latencies in preallocated slots: one a microsecond up to a quarter of a second, one a millisecond
 * from there, so that recording one allocates nothing.
 */
export class Histogram {
  readonly #fine = new Uint32Array(FINE_SLOTS);
  readonly #coarse = new Uint32Array(COARSE_SLOTS);
  #count = 0;

  /** Counts one latency. */
  record(nanoseconds: number): void {
    const micros = (nanoseconds / 1000) | 0;
    this.#count++;
    if (micros >= 0 && micros < FINE_SLOTS) {
      this.#fine[micros]!++;
      return;
    }
    const millis = Math.min(Math.floor(nanoseconds / 1e6), COARSE_SLOTS - 1);
    this.#coarse[millis]!++;
  }

  /** How many were recorded. */
  get count(): number {
    return this.#count;
  }

  /** Forgets everything recorded. */
  clear(): void {
    this.#fine.fill(0);
    this.#coarse.fill(0);
    this.#count = 0;
  }

  /** The latency in milliseconds that a share of all requests (0 to 1) stayed at or below. */
  quantileMillis(share: number): number | undefined {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return undefined;
    for (let slot = 0; slot < FINE_SLOTS; slot++) {
      left -= this.#fine[slot] ?? 0;
      if (left <= 0) return slot / 1000;
    }
    for (let slot = 0; slot < COARSE_SLOTS; slot++) {
      left -= this.#coarse[slot] ?? 0;
      if (left <= 0) return slot;
    }
    return COARSE_SLOTS;
  }
}
