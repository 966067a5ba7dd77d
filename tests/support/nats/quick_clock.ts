import type { Clock } from "../../../src/env/clock.ts";

/** Timers up to this long don't wait. */
const SHORT_MS = 64;

/**
 * A clock for front ends whose test moves another one only between its steps: what they wait for after a
 * lost race comes at once, without that the time goes on.
 */
export class QuickClock implements Clock {
  readonly #clock: Clock;

  readonly #hasLong: boolean;

  /** @param hasLong whether longer timers ever come: what is done once a second isn't done otherwise */
  constructor(clock: Clock, hasLong = true) {
    this.#clock = clock;
    this.#hasLong = hasLong;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  setTimer(delayMs: number, run: () => void): () => void {
    if (delayMs > SHORT_MS) return this.#hasLong ? this.#clock.setTimer(delayMs, run) : () => {};
    const timer = setImmediate(run);
    return () => clearImmediate(timer);
  }
}
