import type { Clock } from "../../env/clock.ts";
import type { Backoff } from "./backoff.ts";
import type { ClientError } from "../errors/client_error.ts";
import { sleep } from "./sleep.ts";

/** How long one who keeps trying goes on without any success. */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #maxElapsedMs: number;
  #sinceMs: number | undefined;

  /** @param maxElapsedMs no attempt begins later than this after the first of those that failed */
  constructor(clock: Clock, maxElapsedMs: number) {
    this.#clock = clock;
    this.#maxElapsedMs = maxElapsedMs;
  }

  /** Notes a success. */
  renew(): void {
    this.#sinceMs = undefined;
  }

  /**
   * Notes a failure that may pass, and waits until it makes sense to try again.
   *
   * @param startMs when the attempt began, if all of it counts
   * @throws {ClientError} `error` where that would be too late; the signal's reason
   */
  async pause(
    error: ClientError,
    backoff: Backoff,
    signal: AbortSignal,
    startMs?: number,
  ): Promise<void> {
    const nowMs = this.#clock.nowMs();
    this.#sinceMs ??= startMs ?? nowMs;
    const delayMs = backoff.next(error.retryAfterMs);
    if (nowMs + delayMs - this.#sinceMs > this.#maxElapsedMs) throw error;
    await sleep(this.#clock, delayMs, signal);
  }
}
