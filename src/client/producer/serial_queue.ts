import { ClientError } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";
import { untilAborted } from "../transport/until_aborted.ts";

interface PendingCall {
  run: () => Promise<void>;
  reject: (error: unknown) => void;
}

/**
 * Runs calls one after the other, in order. If one fails, those that wait behind it fail too, as if each
 * had been awaited before the next was made; later ones run again.
 */
export class SerialQueue {
  #waiting: PendingCall[] = [];
  #isBusy = false;

  /**
   * Runs a call after those before it.
   *
   * @param signal aborting it removes the call from the queue
   * @throws {ClientError} with the code of a failed call before it, if this one was not sent
   */
  add<T>(run: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    let remove = () => {};
    const done = new Promise<T>((resolve, reject) => {
      const waiting: PendingCall = { run: () => run().then(resolve), reject };
      this.#waiting.push(waiting);
      remove = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
      };
    });
    if (!this.#isBusy) void this.#drain();
    return untilAborted(done, signal, remove);
  }

  async #drain(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      try {
        await next.run();
      } catch (error) {
        const pending = this.#waiting.splice(0);
        next.reject(error);
        for (const { reject } of pending) reject(notSent(error));
      }
    }
    this.#isBusy = false;
  }
}

function notSent(cause: unknown): ClientError {
  const known = cause instanceof ClientError ? cause : {};
  const code = cause instanceof ClientError ? cause.code : "ended";
  return new ClientError(
    code,
    `Not sent, since what was to go before it failed: ${reasonOf(cause)}`,
    { ...known, undelivered: { lost: 1, unknown: 0 }, cause },
  );
}
