import type { Clock } from "../../../env/clock.ts";
import type { Throttle } from "../wal/throttle.ts";

/** Shorter pauses aren't worth a timer. */
const LEAST_PAUSE_MS = 5;
/** Of the log between two windows. */
const BATCHES_BETWEEN_WINDOWS = 1;

/**
 * The pace of a compaction: after each piece of work it rests, so that its share of the time, and with that
 * of what the disk can do, is no more than was set; and it steps back where something is appended.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #throttle: Pick<Throttle, "yieldFor">;
  readonly #share: number;
  #startMs: number;
  #owedMs = 0;
  #endPause: (() => void) | undefined;
  #isStopped = false;

  /** @param share of the time, above 0 and at most 1 */
  constructor(clock: Clock, throttle: Pick<Throttle, "yieldFor">, share: number) {
    this.#clock = clock;
    this.#throttle = throttle;
    this.#share = share;
    this.#startMs = clock.nowMs();
  }

  /** Work begins. */
  begin(): void {
    this.#startMs = this.#clock.nowMs();
  }

  /**
   * Rests, for as long as the work since the last time asks for.
   *
   * @throws {StreamError} `storage_failed`
   */
  async rest(): Promise<void> {
    const workedMs = Math.max(0, this.#clock.nowMs() - this.#startMs);
    this.#owedMs += workedMs * (1 / this.#share - 1);
    if (this.#owedMs >= LEAST_PAUSE_MS && !this.#isStopped) {
      const pauseMs = this.#owedMs;
      this.#owedMs = 0;
      await this.#pause(pauseMs);
    }
    await this.#throttle.yieldFor(BATCHES_BETWEEN_WINDOWS);
    this.begin();
  }

  /** No rest takes time any more. */
  stop(): void {
    this.#isStopped = true;
    this.#endPause?.();
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(pauseMs, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }
}
