import type { DirtyStreams } from "./dirty_streams.ts";
import type { FileStream } from "./file_stream.ts";

/** What a stream takes in memory beside its bytes, about. */
const STREAM_BYTES = 1200;
/** What each of its producers in memory takes, about. */
const PRODUCER_BYTES = 150;
/** What is known of each of its blocks in rows takes, about. */
const ROW_BLOCK_BYTES = 60;
/** Idle streams leave until this part of their room is taken. */
const EVICTION_GOAL = 0.9;
/** So much of what may be loaded is left to idle streams, however many are dirty. */
const LEAST_IDLE = 0.1;

/** What the {@link IdleStreams} are kept within. */
export interface IdleStreamsParts {
  /** All streams in memory, by their ids. */
  loaded: ReadonlyMap<number, FileStream>;
  dirty: Pick<DirtyStreams, "changed">;
  /** Beyond so many streams in memory, dirty ones among them, idle ones leave it. */
  maxLoadedStreams: number;
  /** They also do where they take more than this together. */
  maxIdleBytes: number;
  /** A stream was used since it was stored: it can leave after the next checkpoint. */
  markDirty(stream: FileStream): void;
  /** Takes a stream out of memory. */
  evict(stream: FileStream): void;
}

/** The streams in memory whose rows lack nothing: how much they take, and which of them leave. */
export class IdleStreams {
  readonly #parts: IdleStreamsParts;
  #bytes = 0;
  #checkpointEpoch = 0;
  #isEvicting = false;

  constructor(parts: IdleStreamsParts) {
    this.#parts = parts;
  }

  /** A stream was found: those that weren't since the last checkpoint leave first. */
  use(stream: FileStream): void {
    stream.usedInEpoch = this.#checkpointEpoch;
  }

  /** A stream has become idle. */
  add(stream: FileStream): void {
    stream.idleBytes = STREAM_BYTES + stream.buffer.capacityBytes +
      stream.loadedProducers * PRODUCER_BYTES +
      (stream.rowBlocks?.blocks.length ?? 0) * ROW_BLOCK_BYTES;
    this.#bytes += stream.idleBytes;
  }

  /** A stream isn't idle any more. */
  delete(stream: FileStream): void {
    this.#bytes -= stream.idleBytes;
    stream.idleBytes = 0;
  }

  /** A checkpoint has ended. */
  beginEpoch(): void {
    this.#checkpointEpoch++;
    this.evictSoon();
  }

  /**
   * Lets idle streams go once there are too many, later: whoever loads one may hold others, and acts on
   * them before it lets anything else run.
   */
  evictSoon(): void {
    if (this.#isEvicting || !this.#isOver(1)) return;
    this.#isEvicting = true;
    setImmediate(() => {
      this.#isEvicting = false;
      this.#evict((stream) => stream.usedInEpoch < this.#checkpointEpoch);
      this.#evict(() => true);
    });
  }

  #evict(mayLeave: (stream: FileStream) => boolean): void {
    if (!this.#isOver(1)) return;
    const { loaded, markDirty, evict } = this.#parts;
    for (const stream of loaded.values()) {
      if (!this.#isOver(EVICTION_GOAL)) return;
      if (!mayLeave(stream) || stream.isWatched || stream.isDirty) continue;
      // Loaded again, it would be another object, which the checkpoint takes for stored when it ends.
      if (stream.inCheckpoint) continue;
      if (stream.accessedAtMs !== stream.storedAccessAtMs) {
        markDirty(stream);
        continue;
      }
      evict(stream);
      this.delete(stream);
    }
  }

  /** Whether idle streams take more than this part of what they may; the dirty ones take of it first. */
  #isOver(part: number): boolean {
    const { loaded, dirty, maxLoadedStreams, maxIdleBytes } = this.#parts;
    const most = Math.max(maxLoadedStreams - dirty.changed, maxLoadedStreams * LEAST_IDLE);
    return loaded.size - dirty.changed > most * part || this.#bytes > maxIdleBytes * part;
  }
}
