import type { Clock } from "../../env/clock.ts";
import { DueQueue } from "../due_queue.ts";
import type { Stream } from "../stream.ts";
import type { Streams } from "../streams.ts";
import { yieldToEventLoop } from "../yield_to_event_loop.ts";

/** So many streams whose time is over go before others run. */
const SLICE_STREAMS = 100;
/** One that is watched outlives its time, and is looked at again after so long. */
const PAUSE_MS = 1000;

/** What a {@link MemoryExpiry} works on. */
export interface MemoryExpiryParts {
  clock: Clock;
  streams: Pick<Streams, "loadIfThere">;
  /** Records that streams are gone, of those with these ids whose time is over. */
  expire(ids: readonly number[]): void;
}

/** Ends streams whose time is over wherever anything is written, so that they don't pile up. */
export class MemoryExpiry {
  readonly #parts: MemoryExpiryParts;
  readonly #queue = new DueQueue();
  #isRunning = false;
  #isStopped = false;

  constructor(parts: MemoryExpiryParts) {
    this.#parts = parts;
  }

  /** A stream was made that ends by itself. */
  schedule({ id, expiresAtMs }: Stream): void {
    this.#queue.set(id, expiresAtMs);
  }

  /** Something was written: looks for streams whose time is over, in the turns that follow. */
  check(): void {
    if (this.#queue.nextMs <= this.#parts.clock.nowMs()) void this.#run();
  }

  /** Nothing is looked for any more. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    do {
      await yieldToEventLoop();
      if (this.#isStopped) return;
      this.#runSlice(this.#parts.clock.nowMs());
    } while (this.#queue.nextMs <= this.#parts.clock.nowMs());
    this.#isRunning = false;
  }

  #runSlice(nowMs: number): void {
    const { streams, expire } = this.#parts;
    const ids = this.#queue.take(nowMs, SLICE_STREAMS);
    expire(ids);
    for (const id of ids) {
      const stream = streams.loadIfThere(id);
      if (stream?.lifecycle !== "there") continue;
      this.#queue.set(id, Math.max(stream.expiresAtMs, nowMs + PAUSE_MS));
    }
  }
}
