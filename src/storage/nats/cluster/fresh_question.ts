/**
 * A question whose answer has to be of a moment after it was asked for, put once for all who come before it
 * goes out: who comes while one is under way waits for the next one, since that one may have been answered
 * already.
 */
export class FreshQuestion<T> {
  readonly #ask: () => Promise<T>;
  #running: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** Whether nobody waits for an answer. */
  get isIdle(): boolean {
    return this.#running === undefined && this.#next === undefined;
  }

  /** An answer of a moment after this call. */
  ask(): Promise<T> {
    if (this.#next !== undefined) return this.#next;
    const running = this.#running;
    if (running === undefined) return this.#start();
    const goOn = () => {
      this.#next = undefined;
      return this.#start();
    };
    this.#next = running.then(goOn, goOn);
    return this.#next;
  }

  #start(): Promise<T> {
    const end = () => {
      if (this.#running === running) this.#running = undefined;
    };
    const running = this.#ask();
    this.#running = running;
    running.then(end, end);
    return running;
  }
}
