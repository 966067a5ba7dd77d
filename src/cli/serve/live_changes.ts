/** Questions that another thread answers with yes or no, told apart by numbers. */
export class ThreadQuestions {
  readonly #limitMs: number;
  readonly #waiting = new Map<number, (answer: boolean) => void>();
  #nextId = 0;

  /** @param limitMs a thread that takes longer counts as one that says no */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** @param send asks by this number */
  ask(send: (id: number) => void): Promise<boolean> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.take(id, false), this.#limitMs);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      send(id);
    });
  }

  /** The answer to a question has come. */
  take(id: number, answer: boolean): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(answer);
  }
}
