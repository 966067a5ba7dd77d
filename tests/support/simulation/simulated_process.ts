import { yieldToEventLoop } from "../event_loop.ts";
import type { Random } from "../random.ts";

/**
 * A process's life: every call it makes to the world asks here whether it is still there. When it is
 * over, calls that block throw and the others never come back, as it looks from inside.
 */
export class SimulatedProcess {
  readonly #random: Random;
  readonly #exited = Promise.withResolvers<void>();
  #hasExited = false;
  #callsLeft = Infinity;

  constructor(random: Random) {
    this.#random = random;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Resolves when it is over. */
  get exited(): Promise<void> {
    return this.#exited.promise;
  }

  /** Ends it now. */
  exit(): void {
    this.#hasExited = true;
    this.#exited.resolve();
  }

  /** Ends it in one of the next calls. */
  exitAfter(calls: number): void {
    this.#callsLeft = calls;
  }

  /** Counts a call; true where the process dies in it. */
  step(): boolean {
    if (--this.#callsLeft > 0) return false;
    this.exit();
    return true;
  }

  /** Lets others run for a while that nobody can foresee; doesn't return if life ends meanwhile. */
  async pause(): Promise<void> {
    for (let turns = this.#random.below(4); turns > 0; turns--) await yieldToEventLoop();
    if (this.#hasExited) await this.never();
  }

  /**
   * How a call that doesn't block looks to a dead process. A promise of its own: a shared one would keep
   * all who ever waited for it in memory.
   */
  never(): Promise<never> {
    return new Promise(() => {});
  }
}
