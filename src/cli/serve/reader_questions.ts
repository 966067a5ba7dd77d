/** How many live readers streams have, by the streams' ids. */
type Counts = ReadonlyMap<number, number>;

interface Waiting {
  readonly resolve: (counts: Counts) => void;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/** Asks another thread for the live readers of streams. */
export class ReaderQuestions {
  readonly #limitMs: number | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #lastQuestion = 0;

  /** @param limitMs a thread that takes longer counts as one without readers; without it one waits */
  constructor(limitMs?: number) {
    this.#limitMs = limitMs;
  }

  /** @param send asks the thread, by the question's number */
  ask(send: (question: number) => void): Promise<Counts> {
    const question = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const timer = this.#limitMs === undefined
        ? undefined
        : setTimeout(() => this.take(question, new Map()), this.#limitMs);
      this.#waiting.set(question, { resolve, timer });
      send(question);
    });
  }

  /** The thread has answered a question. */
  take(question: number, counts: Counts): void {
    const waiting = this.#waiting.get(question);
    if (waiting === undefined) return;
    this.#waiting.delete(question);
    clearTimeout(waiting.timer);
    waiting.resolve(counts);
  }
}

/** Those of several threads together. */
export async function gatherReaders(
  threads: readonly { countReaders(ids: readonly number[]): Promise<Counts> }[],
  ids: readonly number[],
): Promise<Counts> {
  const sums = new Map<number, number>();
  for (const counts of await Promise.all(threads.map((thread) => thread.countReaders(ids)))) {
    for (const [id, count] of counts) sums.set(id, (sums.get(id) ?? 0) + count);
  }
  return sums;
}
