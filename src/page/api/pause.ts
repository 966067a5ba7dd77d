/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 8_000;

/** Pauses between tries: each may be twice as long as the one before, and is of a random length. */
export class Pauses {
  readonly #random: () => number;
  #failures = 0;

  /** @param random from 0 up to 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** How long the next one is, in ms. @param leastMs as long as the server asked for at least */
  next(leastMs = 0): number {
    const limitMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures++;
    // Not at once either: what refuses now most likely does so a moment later.
    return leastMs + limitMs * (0.25 + 0.75 * this.#random());
  }

  /** It went well: the next one is short again. */
  reset(): void {
    this.#failures = 0;
  }
}
