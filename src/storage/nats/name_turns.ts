/**
 * What makes and deletes streams of one name goes one after the other within a front end: otherwise a
 * create would be answered by a stream whose delete was asked for before it.
 */
export class NameTurns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs something once all is over that was asked for before under the name. */
  async run<T>(name: string, run: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const running = before === undefined ? run() : before.then(run);
    const over = running.then(() => {}, () => {});
    this.#last.set(name, over);
    try {
      return await running;
    } finally {
      if (this.#last.get(name) === over) this.#last.delete(name);
    }
  }
}
