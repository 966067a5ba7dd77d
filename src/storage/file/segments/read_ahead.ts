import { FileSystemError } from "../../../env/file_system.ts";
import { uninitializedBytes } from "../../../env/uninitialized_bytes.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { mapAwaitable } from "../../map_awaitable.ts";
import { partitionPoint } from "../../partition_point.ts";
import { entryAt } from "./block_check.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import type { FileStream } from "../streams/file_stream.ts";
import type { BlockRun } from "./index_reader.ts";
import type { OpenSegment } from "./open_segments.ts";
import { boundsOf, readRun } from "./read_run.ts";

/** Where a piece's blocks begin: in one part of the stream of this length. */
const RANGE_BYTES = 64 * 1024;

/** The longest chunk that pieces serve: else they save too little for what they read. */
const LONGEST_CHUNK_BYTES = RANGE_BYTES / 4;

/** A block is longer than that only where one message is: such a piece wouldn't serve many chunks. */
const MAX_RANGE_BYTES = 2 * RANGE_BYTES;

/** How many pieces are kept, of all streams together. */
const MAX_RANGES = 64;

/** Some blocks of a stream in memory, read and checked together. */
export class PrefetchedRange {
  /** Offset of its first byte. */
  readonly start: number;
  /** Offset after its last byte. */
  readonly end: number;
  readonly #bytes: Bytes;
  /** Offset after each block's last byte. */
  readonly #blockEnds: readonly number[];

  constructor(start: number, bytes: Bytes, blockEnds: readonly number[]) {
    this.start = start;
    this.end = start + bytes.length;
    this.#bytes = bytes;
    this.#blockEnds = blockEnds;
  }

  /** As `Blocks.chunkEnd`, for an offset in the piece; never past the piece's end. */
  chunkEnd(from: number, limitBytes: number): number {
    const block = Math.max(this.#blockOf(from), this.#blockOf(from + limitBytes) - 1);
    return this.#blockEnds[block] ?? this.end;
  }

  /** Where the block begins in which `offset` is, which is in the piece. */
  blockStart(offset: number): number {
    return this.#blockEnds[this.#blockOf(offset) - 1] ?? this.start;
  }

  /**
   * A copy of the bytes from `from` up to `to`, all in the piece.
   *
   * @param hasRoom whether the byte before them, if there is one, is to be before the copy: room for an
   * array's bracket
   */
  slice(from: number, to: number, hasRoom: boolean): Bytes {
    const start = from - this.start;
    const end = to - this.start;
    return hasRoom && start > 0
      ? this.#bytes.slice(start - 1, end).subarray(1)
      : this.#bytes.slice(start, end);
  }

  /** How many blocks end at or before `offset`. */
  #blockOf(offset: number): number {
    return partitionPoint(
      this.#blockEnds.length,
      (block) => (this.#blockEnds[block] ?? 0) <= offset,
    );
  }
}

interface Slot {
  readonly stream: FileStream;
  readonly number: number;
  readonly range: PrefetchedRange;
}

/**
 * The pieces of streams that are read in short chunks: who took one comes back for the next, and finds
 * it here without a system call, a look into the index or a check. Of too many the oldest goes.
 */
export class ReadAhead {
  readonly #slots: Slot[] = [];
  #next = 0;

  /** The piece in which `offset` is, if there is one. */
  find(stream: FileStream, offset: number): PrefetchedRange | undefined {
    const piece = stream.prefetched?.get(numberOf(offset));
    return piece !== undefined && offset >= piece.start && offset < piece.end ? piece : undefined;
  }

  /** Whether chunks of this length are read ahead of. */
  serves(limitBytes: number): boolean {
    return limitBytes <= LONGEST_CHUNK_BYTES;
  }

  /**
   * Reads the blocks from that of `offset` on. What can't be read of them, or isn't whole, is left to who
   * asks for it: others get all that comes before it.
   *
   * @returns a promise where some of it may have to come from the disk
   */
  fill(
    stream: FileStream,
    segment: SegmentRow,
    open: OpenSegment,
    offset: number,
    nowMs: number,
  ): Promise<void> | undefined {
    const to = Math.min((numberOf(offset) + 1) * RANGE_BYTES, segment.base + segment.bytes);
    const hold = (piece: PrefetchedRange | undefined) => {
      if (piece !== undefined) this.#put(stream, offset, piece);
    };
    try {
      const run = open.indexReader.run(offset, to, segment.blocks);
      const piece = mapAwaitable(run, (run) => readRange(segment, open, run, nowMs));
      if (piece instanceof Promise) return piece.then(hold).catch(ignoreReadFailure);
      hold(piece);
    } catch (error) {
      ignoreReadFailure(error);
    }
  }

  #put(stream: FileStream, offset: number, range: PrefetchedRange): void {
    const number = numberOf(offset);
    stream.prefetched ??= new Map();
    stream.prefetched.set(number, range);
    const oldest = this.#slots[this.#next];
    if (oldest !== undefined) evict(oldest);
    this.#slots[this.#next] = { stream, number, range };
    this.#next = (this.#next + 1) % MAX_RANGES;
  }
}

function readRange(
  segment: SegmentRow,
  open: OpenSegment,
  run: BlockRun,
  nowMs: number,
): PrefetchedRange | undefined | Promise<PrefetchedRange> {
  const bounds = boundsOf(run, segment);
  const length = bounds.end - bounds.start;
  if (length > MAX_RANGE_BYTES) return undefined;
  const bytes = uninitializedBytes(length);
  return mapAwaitable(readRun(open, segment, run, bounds, bytes, nowMs), () => {
    const blockEnds: number[] = [];
    for (let block = run.first; block <= run.last; block++) {
      blockEnds.push(entryAt(run, block).end);
    }
    return new PrefetchedRange(segment.base + bounds.start, bytes, blockEnds);
  });
}

function ignoreReadFailure(error: unknown): void {
  if (!(error instanceof FileSystemError || error instanceof StreamError)) throw error;
}

function numberOf(offset: number): number {
  return Math.floor(offset / RANGE_BYTES);
}

/** Another may have come into its place meanwhile, from further back. */
function evict({ stream, number, range }: Slot): void {
  if (stream.prefetched?.get(number) !== range) return;
  stream.prefetched.delete(number);
  if (stream.prefetched.size === 0) stream.prefetched = undefined;
}
