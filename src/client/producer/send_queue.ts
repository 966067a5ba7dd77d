import { untilAborted } from "../transport/until_aborted.ts";

/** A call that waits for those before it, and for room if it is a message. */
export interface Waiter {
  isMessage: boolean;
  /** Whether its message is in memory. */
  isReady: boolean;
  run: () => void;
  reject: (error: unknown) => void;
  /** The promise that the caller has. */
  result: Promise<unknown> | undefined;
}

/** The calls of a producer that can't proceed yet, in order. */
export class SendQueue {
  readonly #waiters: Waiter[] = [];
  readonly #onReady: () => void;

  /** @param onReady called when a message has become ready, or has left the queue */
  constructor(onReady: () => void) {
    this.#onReady = onReady;
  }

  /** Whether no call waits. */
  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /** How many messages wait. */
  get messages(): number {
    return this.#waiters.filter(({ isMessage }) => isMessage).length;
  }

  /**
   * Adds a message, which is passed to `take` once it is in memory and there is room.
   *
   * @param signal aborting it removes the message from the queue
   */
  addMessage<M, T>(
    message: M | Promise<M>,
    take: (message: M) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const waiter = newWaiter(true);
    const remove = () => {
      Object.assign(waiter, { isMessage: false, isReady: true, run: nothing });
      this.#onReady();
    };
    const taken = new Promise<T>((resolve, reject) => {
      waiter.reject = reject;
      const setReady = (message: M) => {
        waiter.isReady = true;
        waiter.run = () => {
          try {
            resolve(take(message));
          } catch (error) {
            reject(error);
          }
        };
      };
      this.#waiters.push(waiter);
      if (!(message instanceof Promise)) return setReady(message);
      message.then((message) => {
        if (!waiter.isMessage) return;
        setReady(message);
        this.#onReady();
      }).catch((error) => {
        reject(error);
        remove();
      });
    });
    return waiter.result = untilAborted(taken, signal, remove);
  }

  /** Runs a call after all that wait, with no later message in between. */
  inOrder<T>(run: () => Promise<T>): Promise<T> {
    if (this.isEmpty) return run();
    const waiter = newWaiter(false);
    const done = new Promise<T>((resolve, reject) => {
      Object.assign(waiter, { isReady: true, run: () => resolve(run()), reject });
      this.#waiters.push(waiter);
    });
    waiter.result = done;
    return done;
  }

  /** Runs calls until a message isn't in memory yet, or there is no room for it. */
  admit(hasRoom: () => boolean): void {
    for (let next = this.#waiters[0]; next !== undefined; next = this.#waiters[0]) {
      if (next.isMessage && !(next.isReady && hasRoom())) return;
      this.#waiters.shift();
      next.run();
    }
  }

  /** Removes and returns all calls. */
  clear(): Waiter[] {
    return this.#waiters.splice(0);
  }
}

function newWaiter(isMessage: boolean): Waiter {
  return { isMessage, isReady: false, run: nothing, reject: nothing, result: undefined };
}

function nothing(): void {}
