interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/** Questions that another thread answers, told apart by numbers. */
export class ThreadQuestions<Answer> {
  readonly #silence: Answer;
  readonly #limitMs: number | undefined;
  readonly #waiting = new Map<number, Waiting<Answer>>();
  #lastQuestion = 0;

  /**
   * @param silence the answer of a thread that takes longer
   * @param limitMs without it one waits
   */
  constructor(silence: Answer, limitMs?: number) {
    this.#silence = silence;
    this.#limitMs = limitMs;
  }

  /** @param send asks the thread, by the question's number */
  ask(send: (question: number) => void): Promise<Answer> {
    const question = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const timer = this.#limitMs === undefined
        ? undefined
        : setTimeout(() => this.take(question, this.#silence), this.#limitMs);
      this.#waiting.set(question, { resolve, timer });
      send(question);
    });
  }

  /** The thread has answered a question. */
  take(question: number, answer: Answer): void {
    const waiting = this.#waiting.get(question);
    if (waiting === undefined) return;
    this.#waiting.delete(question);
    clearTimeout(waiting.timer);
    waiting.resolve(answer);
  }
}
