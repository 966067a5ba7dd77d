/** How long to wait between attempts: exponential, with full jitter. */
export interface BackoffOptions {
  /** The first wait is at most this; 100 ms. Each further one may be twice as long. */
  initialDelayMs?: number | undefined;
  /** No wait is longer, unless the server asks for it; 10 s. */
  maxDelayMs?: number | undefined;
  /** A number from 0 up to 1; `Math.random`. */
  random?: (() => number) | undefined;
}

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

  /** Notes a failure; how long to wait before the next attempt, in ms. */
  next(retryAfterMs = 0): number {
    const limitMs = Math.min(this.#maxDelayMs, this.#initialDelayMs * 2 ** this.#failures);
    this.#failures++;
    return Math.max(retryAfterMs, this.#random() * limitMs);
  }

  /** Notes a success. */
  reset(): void {
    this.#failures = 0;
  }
}

/** A `Retry-After` in ms: seconds, or an HTTP date (RFC 9110 §10.2.3); `undefined` for anything else. */
export function parseRetryAfter(
  value: string | null | undefined,
  nowMs: number,
): number | undefined {
  if (value == null) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
