import type { Clock } from "../../env/clock.ts";

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;

/** Whether the disk was found full, and the timer that looks again, less and less often. */
export class FullDisk {
  readonly #clock: Clock;
  readonly #lookAgain: () => void;
  #retryMs = 0;
  #cancelTimer: (() => void) | undefined;

  /** @param lookAgain ends in `begin` or `end` */
  constructor(clock: Clock, lookAgain: () => void) {
    this.#clock = clock;
    this.#lookAgain = lookAgain;
  }

  get isFull(): boolean {
    return this.#retryMs > 0;
  }

  /** It is full; whether that is new. */
  begin(): boolean {
    const isNew = !this.isFull;
    this.stop();
    this.#retryMs = Math.min(Math.max(this.#retryMs * 2, FIRST_RETRY_MS), LONGEST_RETRY_MS);
    this.#cancelTimer = this.#clock.setTimer(this.#retryMs, () => {
      this.#cancelTimer = undefined;
      this.#lookAgain();
    });
    return isNew;
  }

  /** There is room again. */
  end(): void {
    this.stop();
    this.#retryMs = 0;
  }

  /** Nobody looks again. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
