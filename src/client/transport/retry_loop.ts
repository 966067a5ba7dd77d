import type { Backoff } from "../../env/backoff.ts";
import type { Clock } from "../../env/clock.ts";
import { sleep } from "./sleep.ts";

/** How long attempts go on without any success. */
export class RetryBudget {
  readonly clock: Clock;
  readonly #maxElapsedMs: number;
  #sinceMs: number | undefined;

  /** @param maxElapsedMs no attempt begins later than this after the first of those that failed */
  constructor(clock: Clock, maxElapsedMs: number) {
    this.clock = clock;
    this.#maxElapsedMs = maxElapsedMs;
  }

  /** Notes a success. */
  reset(): void {
    this.#sinceMs = undefined;
  }

  /**
   * Notes a failure; returns whether an attempt may begin after `delayMs`.
   *
   * @param startMs since when time without success counts, unless an earlier failure began it
   */
  allows(delayMs: number, startMs: number): boolean {
    this.#sinceMs ??= startMs;
    return this.clock.nowMs() + delayMs - this.#sinceMs <= this.#maxElapsedMs;
  }
}

/** How an attempt ended. */
export type Outcome<T> = { value: T; error?: never } | { value?: never; error: unknown };

/**
 * What follows an attempt: nothing (`undefined`), another one at once, or another one after the back-off
 * and at least so many ms.
 */
export type NextAttempt = undefined | "at once" | number;

/** What is tried, and how often. */
export interface RetryLoop<T> {
  readonly budget: RetryBudget;
  readonly backoff: Backoff;
  /** Ends the wait between two attempts. */
  readonly signal: AbortSignal | undefined;
  /** An attempt may wait for long in good health: time counts from the first failure, not its start. */
  readonly isLive?: boolean;
  /** @param number 1 for the first attempt; those that follow at once have the same */
  attempt(number: number): Promise<T>;
  decide(outcome: Outcome<T>): NextAttempt | Promise<NextAttempt>;
}

/**
 * Tries until `decide` says that it is enough or the budget is used up.
 *
 * @throws {unknown} what the last attempt failed with; what `decide` throws; the signal's reason
 */
export async function retry<T>(loop: RetryLoop<T>): Promise<T> {
  const { budget, backoff, signal, isLive = false } = loop;
  const { clock } = budget;
  while (true) {
    const startMs = clock.nowMs();
    const outcome: Outcome<T> = await loop.attempt(backoff.failures + 1)
      .then((value) => ({ value }), (error: unknown) => ({ error }));
    const next = await loop.decide(outcome);
    if (next === "at once") continue;
    const delayMs = next === undefined ? Infinity : backoff.next(next);
    if (next === undefined || !budget.allows(delayMs, isLive ? clock.nowMs() : startMs)) {
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    }
    await sleep(clock, delayMs, signal);
  }
}
