import { untilAborted } from "../transport/until_aborted.ts";

/** A call that waits for those before it, and for room if it is a message. */
export interface Waiter {
  isMessage: boolean;
  /** Whether what it sends is in memory. */
  isReady: boolean;
  run: () => void;
  reject: (error: unknown) => void;
  /** What the caller got. */
  result: Promise<unknown> | undefined;
}

/** The calls of a producer that can't go on yet, in their order. */
export class SendQueue {
  readonly #waiters: Waiter[] = [];
  readonly #onReady: () => void;

  /** @param onReady called when somebody waits no longer for what it sends */
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
   * Puts a message at the end, which `take` takes once it is there and there is room.
   *
   * @param signal aborting it takes the message out of the line
   */
  addMessage<M, T>(
    message: M | Promise<M>,
    take: (message: M) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const waiter = newWaiter(true);
    const leave = () => {
      Object.assign(waiter, { isMessage: false, isReady: true, run: nothing });
      this.#onReady();
    };
    const taken = new Promise<T>((resolve, reject) => {
      waiter.reject = reject;
      const enter = (message: M) => {
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
      if (!(message instanceof Promise)) return enter(message);
      message.then((message) => {
        if (!waiter.isMessage) return;
        enter(message);
        this.#onReady();
      }).catch((error) => {
        reject(error);
        leave();
      });
    });
    return waiter.result = untilAborted(taken, signal, leave);
  }

  /** Runs something after all calls that wait, with no later message in between. */
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

  /** Lets calls go on until a message comes that isn't there yet, or for which there is no room. */
  admit(hasRoom: () => boolean): void {
    for (let next = this.#waiters[0]; next !== undefined; next = this.#waiters[0]) {
      if (next.isMessage && !(next.isReady && hasRoom())) return;
      this.#waiters.shift();
      next.run();
    }
  }

  /** Takes out everyone. */
  clear(): Waiter[] {
    return this.#waiters.splice(0);
  }
}

function newWaiter(isMessage: boolean): Waiter {
  return { isMessage, isReady: false, run: nothing, reject: nothing, result: undefined };
}

function nothing(): void {}
