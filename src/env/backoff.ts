/** How long to wait between attempts: exponential, with full jitter. */
export interface BackoffOptions {
  /** The first wait is at most this; 100 ms. Each further one may be twice as long. */
  initialDelayMs?: number | undefined;
  /** No wait is longer, unless the server asks for it; 10 s. */
  maxDelayMs?: number | undefined;
  /** A number from 0 up to 1; `Math.random`. */
  random?: (() => number) | undefined;
}

/** Stands for `random` where nobody else waits for the same: every wait is as long as it may be. */
export const withoutJitter = () => 1;

/** Waits that grow until something succeeds. */
export class Backoff {
  readonly #initialDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(options: BackoffOptions = {}) {
    this.#initialDelayMs = options.initialDelayMs ?? 100;
    this.#maxDelayMs = options.maxDelayMs ?? 10_000;
    this.#random = options.random ?? Math.random;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Notes a failure; returns how long to wait before the next attempt, in ms. */
  next(leastMs = 0): number {
    const limitMs = Math.min(this.#maxDelayMs, this.#initialDelayMs * 2 ** this.#failures);
    this.#failures++;
    return Math.max(leastMs, this.#random() * limitMs);
  }

  /** Notes a success. */
  reset(): void {
    this.#failures = 0;
  }
}
