import type { Clock } from "../../env/clock.ts";
import type { BackupThrottle } from "../../storage/file/backup/target.ts";
import { sleep } from "../../client/transport/sleep.ts";
import type { Progress } from "../commands/output/progress.ts";

/** Less than this isn't waited for. */
const LEAST_WAIT_MS = 5;

/** Reads at most so many bytes a second, and shows how far that is. */
export class RateThrottle implements BackupThrottle {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;
  #dueMs = 0;

  /** @param bytesPerSecond `Infinity` for as fast as can be */
  constructor(clock: Clock, bytesPerSecond: number, progress: Progress, signal: AbortSignal) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#progress = progress;
    this.#signal = signal;
  }

  async spend(bytes: number): Promise<void> {
    this.#signal.throwIfAborted();
    this.#progress.add(bytes);
    const nowMs = this.#clock.nowMs();
    this.#dueMs = Math.max(this.#dueMs, nowMs) + bytes / this.#bytesPerMs;
    if (this.#dueMs - nowMs >= LEAST_WAIT_MS) {
      await sleep(this.#clock, this.#dueMs - nowMs, this.#signal);
    }
  }
}
