import { Backoff } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { MangledAnswer } from "./mangled_answer.ts";
import { isTransient } from "./refusal.ts";
import { sleep } from "./sleep.ts";

/** So often is asked for an answer that arrives mangled. */
const MANGLED_LIMIT = 5;

/** How long a read goes on that fails. */
export class ReadPatience {
  readonly #connection: Connection;
  readonly #maxElapsedMs: number;
  readonly #backoff: Backoff;
  #sinceMs: number | undefined;
  #mangled = 0;

  /** @param maxElapsedMs no attempt begins later than this after the first of those that failed */
  constructor(connection: Connection, maxElapsedMs: number) {
    this.#connection = connection;
    this.#maxElapsedMs = maxElapsedMs;
    this.#backoff = new Backoff({ random: connection.random });
  }

  /** Notes a success. */
  restore(): void {
    this.#backoff.reset();
    this.#sinceMs = undefined;
    this.#mangled = 0;
  }

  /**
   * Notes a failure, and waits until it makes sense to ask again.
   *
   * @param startMs when the attempt began, if all of it counts
   * @throws {unknown} `error` where it makes no sense any more; the signal's reason
   */
  async pause(error: unknown, startMs: number | undefined, signal: AbortSignal): Promise<void> {
    const { clock } = this.#connection;
    if (error instanceof MangledAnswer) {
      if (++this.#mangled >= MANGLED_LIMIT) throw error;
    } else if (!isTransient(error)) {
      throw error;
    }
    const nowMs = clock.nowMs();
    this.#sinceMs ??= startMs ?? nowMs;
    const delayMs = this.#backoff.next(error.retryAfterMs);
    if (nowMs + delayMs - this.#sinceMs > this.#maxElapsedMs) throw error;
    await sleep(clock, delayMs, signal);
  }
}
