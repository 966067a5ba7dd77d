import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import { DueQueue } from "../../due_queue.ts";
import { type Catalog, isLookUpFailure, type RowExpiry } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";
import type { FileStream } from "./file_stream.ts";
import type { Throttle } from "../wal/throttle.ts";

const logger = getLogger(["durable-streams", "storage", "expiry"]);

const INTERVAL_MS = 1000;
/** So many streams are looked at before others run. */
const SLICE_STREAMS = 100;
/** Of the log between two slices. */
const BATCHES_BETWEEN_SLICES = 2;

/** What an {@link Expiry} works on. */
export interface ExpiryParts {
  clock: Clock;
  catalog: Pick<Catalog, "expired">;
  throttle: Throttle;
  /** Those that end later than this from now have a row by then, which says when. */
  horizonMs: number;
  /**
   * Records that the stream is gone, if its time is over; the stream, where it is there still.
   *
   * @throws {StreamError}
   */
  expire(id: number): FileStream | undefined;
  isStopped(): boolean;
}

/**
 * Ends the streams whose time is over and that nobody asks for, as fast as they come: once a second, in
 * slices. The rows say which those are, by their index; what ends before it has a row, or is used after
 * its row was written, is in a queue.
 */
export class Expiry {
  readonly #parts: ExpiryParts;
  readonly #queue = new DueQueue();
  /** The row that was looked at last: those before it were since the last checkpoint. */
  #after: RowExpiry | undefined;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
    this.#startTimer();
  }

  /** A stream was made, or found to be there still. */
  schedule({ id, expiresAtMs }: FileStream): void {
    const nowMs = this.#parts.clock.nowMs();
    // One that is watched outlives its time, and is looked at again and again.
    const atMs = Math.max(expiresAtMs, nowMs + INTERVAL_MS);
    if (atMs <= nowMs + this.#parts.horizonMs) this.#queue.set(id, atMs);
  }

  /** A checkpoint has ended: the rows are newer now, and looked through from the start. */
  onRows(): void {
    this.#after = undefined;
    this.#run();
  }

  /** Nothing is looked for any more. */
  async stop(): Promise<void> {
    this.#cancelTimer?.();
    await this.#running;
  }

  #startTimer(): void {
    this.#cancelTimer = this.#parts.clock.setTimer(INTERVAL_MS, () => {
      this.#run();
      this.#startTimer();
    });
  }

  #run(): void {
    if (this.#parts.isStopped()) return;
    this.#running ??= this.#runAll().catch((error) => {
      if (!this.#parts.isStopped()) logger.error("Expired streams stay: {error}", { error });
    }).finally(() => {
      this.#running = undefined;
    });
  }

  async #runAll(): Promise<void> {
    while (this.#runSlice()) {
      await this.#parts.throttle.yieldFor(BATCHES_BETWEEN_SLICES);
      if (this.#parts.isStopped()) return;
    }
  }

  /** Whether there is more. */
  #runSlice(): boolean {
    const { clock, catalog } = this.#parts;
    const nowMs = clock.nowMs();
    const queued = this.#queue.take(nowMs, SLICE_STREAMS);
    for (const [i, id] of queued.entries()) {
      if (this.#expire(id)) continue;
      // It can't be written now: what was taken out is looked at once more later.
      for (const left of queued.slice(i)) this.#queue.set(left, nowMs + INTERVAL_MS);
      return false;
    }
    if (queued.length === SLICE_STREAMS) return true;
    const rows = catalog.expired(nowMs, this.#after, SLICE_STREAMS);
    for (const row of rows) {
      if (!this.#expire(row.id)) return false;
      this.#after = row;
    }
    return rows.length === SLICE_STREAMS;
  }

  /** False where nothing can be recorded now. */
  #expire(id: number): boolean {
    try {
      const stream = this.#parts.expire(id);
      if (stream !== undefined) this.schedule(stream);
      return true;
    } catch (error) {
      if (!isLookUpFailure(error)) throw error;
      // A stream that is damaged says so to whoever asks for it, and keeps no other from its end.
      if (!isDamage(error)) return false;
      logger.error("The expired stream {id} stays: {message}", { id, message: error.message });
      return true;
    }
  }
}
