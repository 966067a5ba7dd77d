import { untilAborted } from "./until_aborted.ts";

/** A call that waits for those before it, and for room if it is a message. */
export interface Waiter {
  isMessage: boolean;
  run: () => void;
  reject: (error: unknown) => void;
}

/** The calls of a producer that can't go on yet, in their order. */
export class ProducerLine {
  readonly #waiters: Waiter[] = [];

  /** Whether no call waits. */
  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /**
   * Puts a message at the end, which `take` takes once there is room.
   *
   * @param signal aborting it takes the message out of the line
   */
  addMessage<T>(take: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const waiter: Waiter = { isMessage: true, run: nothing, reject: nothing };
    const taken = new Promise<T>((resolve, reject) => {
      waiter.reject = reject;
      waiter.run = () => {
        try {
          resolve(take());
        } catch (error) {
          reject(error);
        }
      };
      this.#waiters.push(waiter);
    });
    return untilAborted(taken, signal, () => {
      waiter.isMessage = false;
      waiter.run = nothing;
    });
  }

  /** Runs something after all calls that wait, with no later message in between. */
  inOrder<T>(run: () => Promise<T>): Promise<T> {
    if (this.isEmpty) return run();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ isMessage: false, run: () => resolve(run()), reject });
    });
  }

  /** Lets calls go on until a message comes for which there is no room. */
  admit(hasRoom: () => boolean): void {
    for (let next = this.#waiters[0]; next !== undefined; next = this.#waiters[0]) {
      if (next.isMessage && !hasRoom()) return;
      this.#waiters.shift();
      next.run();
    }
  }

  /** Takes out everyone. */
  clear(): Waiter[] {
    return this.#waiters.splice(0);
  }
}

function nothing(): void {}
