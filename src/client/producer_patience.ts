import type { Clock } from "../env/clock.ts";
import type { Backoff } from "./backoff.ts";
import { ClientError } from "./client_error.ts";
import { isTransient } from "./refusal.ts";
import { LONGEST_TIMER_MS, sleep } from "./sleep.ts";

/** How long one who keeps trying goes on without any success. */
export class Patience {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onEnd: (error: ClientError) => void;
  #sinceMs = 0;
  #lastError: ClientError | undefined;
  #cancelTimer: (() => void) | undefined;

  /** @param onEnd called when nothing succeeded for `limitMs` between `begin` and `end`, with why */
  constructor(clock: Clock, limitMs: number, onEnd: (error: ClientError) => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onEnd = onEnd;
  }

  /** From now on something is tried. */
  begin(): void {
    this.renew();
    if (this.#cancelTimer === undefined) this.#watch(this.#limitMs);
  }

  /** Something succeeded. */
  renew(): void {
    this.#sinceMs = this.#clock.nowMs();
    this.#lastError = undefined;
  }

  /** Nothing is tried any more. */
  end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Waits before the next attempt; the end may come meanwhile. */
  async wait(error: ClientError, backoff: Backoff, signal: AbortSignal): Promise<void> {
    this.#lastError = error;
    await sleep(this.#clock, backoff.next(error.retryAfterMs), signal);
  }

  /**
   * As `wait`, if the failure is one that may pass.
   *
   * @throws the error itself where it isn't
   */
  async waitOut(error: unknown, backoff: Backoff, signal: AbortSignal): Promise<void> {
    if (!isTransient(error)) throw error;
    await this.wait(error, backoff, signal);
  }

  #watch(delayMs: number): void {
    if (this.#limitMs === Infinity) return;
    this.#cancelTimer = this.#clock.setTimer(Math.min(delayMs, LONGEST_TIMER_MS), () => {
      const leftMs = this.#sinceMs + this.#limitMs - this.#clock.nowMs();
      if (leftMs > 0) return this.#watch(leftMs);
      this.#cancelTimer = undefined;
      this.#onEnd(
        this.#lastError ??
          new ClientError("timeout", `No answer came for ${this.#limitMs} ms.`),
      );
    });
  }
}
