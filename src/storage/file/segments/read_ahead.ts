import { BoundedCache } from "../../bounded_cache.ts";
import type { PrefetchedRange } from "./prefetched_range.ts";

/** A range's blocks are those that begin, or go on, in one part of the stream of this length. */
const RANGE_BYTES = 64 * 1024;

/** The longest chunk that ranges serve: else they save too little for what they read. */
const LONGEST_CHUNK_BYTES = RANGE_BYTES / 4;

/** A block is longer than that only where one message is: such a range wouldn't serve many chunks. */
const MAX_RANGE_BYTES = 2 * RANGE_BYTES;

/** How many ranges are kept, of all streams together. */
const MAX_RANGES = 64;

interface KeptRange {
  readonly streamId: number;
  readonly range: PrefetchedRange;
}

/**
 * The ranges of streams that are read in short chunks: the reader comes back for the next chunk, and it
 * is here without a system call, a look into the index or a check.
 */
export class ReadAhead {
  readonly #ranges = new BoundedCache<number, KeptRange>(MAX_RANGES);

  /** The range in which `offset` is, if there is one. */
  find(streamId: number, offset: number): PrefetchedRange | undefined {
    const kept = this.#ranges.get(keyOf(streamId, offset));
    if (kept?.streamId !== streamId) return undefined;
    const { range } = kept;
    return offset >= range.start && offset < range.end ? range : undefined;
  }

  /** Keeps a range that was read for the chunk at `offset`. */
  add(streamId: number, offset: number, range: PrefetchedRange): void {
    this.#ranges.set(keyOf(streamId, offset), { streamId, range });
  }
}

/** Whether chunks of this length are read ahead of. */
export function isReadAhead(limitBytes: number): boolean {
  return limitBytes <= LONGEST_CHUNK_BYTES;
}

/** Where the range ends that is read for the chunk at `offset`. */
export function endOfRange(offset: number): number {
  return (numberOf(offset) + 1) * RANGE_BYTES;
}

/** Whether so many bytes are worth keeping. */
export function isRange(lengthBytes: number): boolean {
  return lengthBytes <= MAX_RANGE_BYTES;
}

/** Streams whose ids differ by a multiple share keys: a string for each costs Bun half a microsecond. */
const KEY_IDS = 2 ** 16;

function keyOf(streamId: number, offset: number): number {
  return numberOf(offset) * KEY_IDS + streamId % KEY_IDS;
}

function numberOf(offset: number): number {
  return Math.floor(offset / RANGE_BYTES);
}
