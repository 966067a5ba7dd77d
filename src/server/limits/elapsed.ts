import type { Clock } from "../../env/clock.ts";

/**
 * Milliseconds since it was made: less is left of a small fraction of a great number. They never go back,
 * as a clock may: nobody waits for what that was.
 */
export class Elapsed {
  readonly #clock: Clock;
  #zeroMs: number;
  #lastMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#zeroMs = clock.nowMs();
  }

  /** How many it was when that was last asked for. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** How many it is. */
  ms(): number {
    const nowMs = this.#clock.nowMs() - this.#zeroMs;
    if (nowMs < this.#lastMs) {
      this.#zeroMs -= this.#lastMs - nowMs;
      return this.#lastMs;
    }
    this.#lastMs = nowMs;
    return nowMs;
  }
}
