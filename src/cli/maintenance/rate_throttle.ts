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
  readonly #progress: Pick<Progress, "add">;
  readonly #signal: AbortSignal;
  #dueMs = 0;

  /** @param bytesPerSecond `Infinity` for as fast as can be */
  constructor(
    clock: Clock,
    bytesPerSecond: number,
    progress: Pick<Progress, "add">,
    signal: AbortSignal,
  ) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#progress = progress;
    this.#signal = signal;
  }

  async spend(bytes: number): Promise<void> {
    this.#signal.throwIfAborted();
    this.#progress.add(bytes);
    const nowMs = this.#clock.nowMs();
    const leftMs = this.#dueMs - nowMs;
    // More than this was waited for, so that only a clock that was set back leaves it.
    const owedMs = leftMs > 0 && leftMs < LEAST_WAIT_MS ? leftMs : 0;
    this.#dueMs = nowMs + owedMs + bytes / this.#bytesPerMs;
    if (this.#dueMs - nowMs >= LEAST_WAIT_MS) {
      await sleep(this.#clock, this.#dueMs - nowMs, this.#signal);
    }
  }
}
