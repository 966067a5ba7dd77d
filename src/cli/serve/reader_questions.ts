/** How many live readers streams have, by the streams' ids. */
type Counts = ReadonlyMap<number, number>;

/** Asks one thread for its live readers: who asks while an answer is on its way gets the same. */
export class ReaderQuestions {
  readonly #limitMs: number;
  #waiting: ((counts: Counts) => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param limitMs a thread that takes longer counts as one without readers */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @param send asks the thread */
  ask(send: () => void): Promise<Counts> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) > 1) return;
      this.#timer = setTimeout(() => this.take(new Map()), this.#limitMs);
      send();
    });
  }

  /** The thread has answered. */
  take(counts: Counts): void {
    clearTimeout(this.#timer);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(counts);
  }
}

/** Those of several threads together. */
export async function gatherReaders(
  threads: readonly { countReaders(): Promise<Counts> }[],
): Promise<Counts> {
  const sums = new Map<number, number>();
  for (const counts of await Promise.all(threads.map((thread) => thread.countReaders()))) {
    for (const [id, count] of counts) sums.set(id, (sums.get(id) ?? 0) + count);
  }
  return sums;
}
