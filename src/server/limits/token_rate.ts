import type { RateOptions } from "../common/limit_options.ts";

/** Sums of fractions of milliseconds may be off by less. */
const SLACK_MS = 0.001;

/**
 * How fast the tokens of a bucket come, and how many it holds. A bucket itself is one number, the time at
 * which it is full again: so it needs no look at it while nobody asks, and a full one is any in the past.
 */
export class TokenRate {
  readonly perSecond: number;
  readonly burst: number;
  readonly #tokenMs: number;
  readonly #burstMs: number;

  constructor({ perSecond, burst = perSecond }: RateOptions) {
    this.perSecond = perSecond;
    // A bucket for less than one would never hold one.
    this.burst = Math.max(1, burst);
    this.#tokenMs = 1000 / perSecond;
    this.#burstMs = this.burst * this.#tokenMs;
  }

  /** How many milliseconds it takes until there is a token; 0 where there is one. */
  waitMs(fullAtMs: number, nowMs: number): number {
    const waitMs = Math.max(0, fullAtMs - nowMs) + this.#tokenMs - this.#burstMs;
    return waitMs > SLACK_MS ? waitMs : 0;
  }

  /**
   * The bucket without so many tokens, also where it holds fewer: then it is that much longer until the
   * next one.
   */
  take(fullAtMs: number, tokens: number, nowMs: number): number {
    return Math.max(fullAtMs, nowMs) + tokens * this.#tokenMs;
  }

  /**
   * A bucket of this rate as one of another: what was spent of it is spent there, as far as that one holds
   * as much, and what was taken beyond is owed there.
   */
  convert(fullAtMs: number, nowMs: number, to: TokenRate): number {
    const missing = Math.max(0, fullAtMs - nowMs) / this.#tokenMs;
    const owed = Math.max(0, missing - this.burst);
    return nowMs + (Math.min(missing - owed, to.burst) + owed) * to.#tokenMs;
  }
}
