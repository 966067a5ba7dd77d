import { ClientError } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";
import { untilAborted } from "../transport/until_aborted.ts";

interface PendingCall {
  run: () => Promise<void>;
  reject: (error: unknown) => void;
}

/**
 * Calls that go out one after the other, in their order. One that fails fails those that waited for it
 * too, as if each had been awaited before the next was made; later ones begin afresh.
 */
export class SerialQueue {
  #waiting: PendingCall[] = [];
  #isBusy = false;

  /**
   * Runs a call after those before it.
   *
   * @param signal aborting it takes the call out of the queue
   * @throws {ClientError} what one before it failed with, saying that this one was not sent
   */
  add<T>(run: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    let leave = () => {};
    const done = new Promise<T>((resolve, reject) => {
      const waiting: PendingCall = { run: () => run().then(resolve), reject };
      this.#waiting.push(waiting);
      leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
      };
    });
    if (!this.#isBusy) void this.#drain();
    return untilAborted(done, signal, leave);
  }

  async #drain(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      try {
        await next.run();
      } catch (error) {
        const left = this.#waiting.splice(0);
        next.reject(error);
        for (const { reject } of left) reject(notSent(error));
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
