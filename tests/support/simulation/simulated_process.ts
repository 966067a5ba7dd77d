import type { Random } from "../random.ts";

/**
 * A process's life: every call it makes to the world asks here whether it is still there. When it is
 * over, calls that block throw and the others never come back, as it looks from inside.
 */
export class Life {
  readonly #random: Random;
  readonly #ended = Promise.withResolvers<void>();
  #isOver = false;
  #callsLeft = Infinity;

  constructor(random: Random) {
    this.#random = random;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when it is over. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Ends it now. */
  end(): void {
    this.#isOver = true;
    this.#ended.resolve();
  }

  /** Ends it in one of the next calls. */
  endAfter(calls: number): void {
    this.#callsLeft = calls;
  }

  /** Counts a call; true where the process dies in it. */
  step(): boolean {
    if (--this.#callsLeft > 0) return false;
    this.end();
    return true;
  }

  /** Lets others run for a while that nobody can foresee; doesn't return if life ends meanwhile. */
  async pass(): Promise<void> {
    for (let turns = this.#random.below(4); turns > 0; turns--) await turn();
    if (this.#isOver) await this.never();
  }

  /**
   * How a call that doesn't block looks to a dead process. A promise of its own: a shared one would keep
   * all who ever waited for it in memory.
   */
  never(): Promise<never> {
    return new Promise(() => {});
  }
}

/** Lets whatever waits have its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets idle streams leave memory, which they do in a later turn. */
export async function letIdleOnesGo(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) await turn();
}
