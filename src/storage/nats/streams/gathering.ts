import type { Clock } from "../../../env/clock.ts";
import { yieldToEventLoop } from "../../yield_to_event_loop.ts";

/** Of how long a message takes, the part that is waited at most for what goes with it. */
const WAIT_PART = 0.3;
const LONGEST_WAIT_MS = 5;
/** Timers are no finer. */
const SHORTEST_WAIT_MS = 1;
/** How much of the newest groups has to be there. */
const ENOUGH_PART = 0.9;
/** After a wait in vain so many groups don't wait, twice as many after each further one. */
const MOST_SKIPS = 64;
const NEWEST_WEIGHT = 0.2;

/**
 * When a group goes that consists of what several front ends' clients append: those whose appends were in
 * the one before append again once they are answered, each after a time of its own. A group without them
 * would make them wait for two messages instead of one, so that they are waited for a little, as long as they
 * do come.
 */
export class Gathering {
  readonly #clock: Clock;
  #counts: readonly [number, number] = [0, 0];
  #tookMs = 0;
  #skips = 0;
  #nextSkips = 1;
  #waiter: { readonly enough: number; readonly resolve: () => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A group of so many was stored. */
  stored(count: number, tookMs: number): void {
    this.#counts = [this.#counts[1], count];
    this.#tookMs += (tookMs - this.#tookMs) * NEWEST_WEIGHT;
  }

  /** Resolves when a group should go. */
  async gather(count: () => number): Promise<void> {
    await yieldToEventLoop();
    const enough = Math.ceil(Math.max(...this.#counts) * ENOUGH_PART);
    if (count() >= enough) return;
    if (this.#skips > 0) {
      this.#skips--;
      return;
    }
    const waitMs = Math.min(LONGEST_WAIT_MS, this.#tookMs * WAIT_PART);
    if (waitMs < SHORTEST_WAIT_MS) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.setTimer(waitMs, resolve);
      const all = () => {
        cancel();
        resolve();
      };
      this.#waiter = { enough, resolve: all };
    });
    this.#waiter = undefined;
    if (count() >= enough) {
      this.#nextSkips = 1;
    } else {
      this.#skips = this.#nextSkips;
      this.#nextSkips = Math.min(MOST_SKIPS, this.#nextSkips * 2);
    }
  }

  /** So many wait now. */
  added(count: number): void {
    if (this.#waiter !== undefined && count >= this.#waiter.enough) this.#waiter.resolve();
  }
}
