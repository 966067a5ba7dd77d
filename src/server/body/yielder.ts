import type { Clock } from "../../env/clock.ts";

/** How long work may go on before others are served. */
const SLICE_MS = 10;

/**
 * Work that is always ready to go on, such as a stream whose parts are all here, keeps everybody else
 * waiting: promises go before sockets and timers. All such work of a server shares these turns.
 */
export class Yielder {
  readonly #clock: Clock;
  #startedMs = -Infinity;
  #next: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Where this turn is over, what resolves with the next one. */
  get ifDue(): Promise<void> | undefined {
    const lastedMs = this.#clock.nowMs() - this.#startedMs;
    if (lastedMs >= 0 && lastedMs < SLICE_MS) return this.#next;
    // Not for no time: Deno looks at its sockets only where it has nothing else to do.
    return this.#next ??= new Promise((resolve) =>
      this.#clock.setTimer(1, () => {
        this.#next = undefined;
        this.#startedMs = this.#clock.nowMs();
        resolve();
      })
    );
  }
}
