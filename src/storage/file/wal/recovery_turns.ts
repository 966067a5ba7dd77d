import { type Clock, hasPassed } from "../../../env/clock.ts";
import type { StartProgress } from "../../start_progress.ts";

/** How long a recovery goes on before others are served. */
const TURN_MS = 50;

/** Lets others be served while the log is read at a start, and tells how far that is. */
export class RecoveryTurns {
  readonly #clock: Clock;
  readonly #onProgress: (progress: StartProgress) => void;
  #startedMs: number;
  /** `undefined` until one begins: what comes before reads no log. */
  #step: "check" | "apply" | undefined;
  #readBytes = 0;
  #logBytes = 0;

  /** @param onProgress called as a step begins and at each turn's end */
  constructor(clock: Clock, onProgress: (progress: StartProgress) => void = () => {}) {
    this.#clock = clock;
    this.#onProgress = onProgress;
    this.#startedMs = clock.nowMs();
  }

  /** Begins to read files of this length altogether. */
  begin(step: "check" | "apply", logBytes: number): void {
    this.#step = step;
    this.#readBytes = 0;
    this.#logBytes = logBytes;
    this.#report();
  }

  /** So much more was read. */
  read(bytes: number): void {
    this.#readBytes += bytes;
  }

  /**
   * Where this turn is over, what resolves with the next one. To be asked every few hundred records, or
   * every few hundred KiB.
   */
  get ifDue(): Promise<void> | undefined {
    if (!hasPassed(TURN_MS, this.#startedMs, this.#clock.nowMs())) return undefined;
    this.#report();
    // Not for no time: Deno looks at its sockets only where it has nothing else to do.
    return new Promise((resolve) =>
      this.#clock.setTimer(1, () => {
        this.#startedMs = this.#clock.nowMs();
        resolve();
      })
    );
  }

  #report(): void {
    if (this.#step === undefined) return;
    this.#onProgress({
      state: "recovering",
      step: this.#step,
      readBytes: this.#readBytes,
      logBytes: this.#logBytes,
    });
  }
}
