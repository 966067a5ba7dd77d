import { StreamError } from "../../protocol/errors.ts";
import type { Counters } from "../common/counters.ts";

/** Counts the readers that wait for data, bounds them, and ends their wait when the server stops. */
export class LiveReaders {
  readonly #limit: number;
  readonly #signal: AbortSignal | undefined;
  readonly #counters: Counters;
  readonly #stops = new Set<() => void>();

  constructor(limit: number, signal: AbortSignal | undefined, counters: Counters) {
    this.#limit = limit;
    this.#counters = counters;
    this.#signal = signal;
    signal?.addEventListener("abort", () => {
      for (const stop of [...this.#stops]) stop();
    });
  }

  /** How many wait now. */
  get size(): number {
    return this.#stops.size;
  }

  /** Whether the server stops: nobody should begin to wait. */
  get isStopping(): boolean {
    return this.#signal?.aborted ?? false;
  }

  /**
   * Counts one more, until the returned function is called.
   *
   * @param stop called when the server stops
   * @throws {StreamError} `too_many_readers`
   */
  enter(stop: () => void): () => void {
    if (this.#stops.size >= this.#limit) {
      this.#counters.rejectedReaders++;
      throw new StreamError(
        { code: "too_many_readers" },
        `${this.#limit} readers wait for data already, as many as may: try again, or read without live.`,
      );
    }
    this.#stops.add(stop);
    return () => this.#stops.delete(stop);
  }
}
