import { FileSystemError } from "../../../env/file_system.ts";
import { freshBytes } from "../../../env/uninitialized_bytes.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { after } from "../../map_awaitable.ts";
import { partitionPoint } from "../../partition_point.ts";
import { entryAt } from "./block_check.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import type { FileStream } from "../streams/file_stream.ts";
import type { BlockRun } from "./index_reader.ts";
import type { OpenSegment } from "./open_segments.ts";
import { boundsOf, readRun } from "./read_run.ts";

/** Where a piece's blocks begin: in one part of the stream of this length. */
const PIECE_BYTES = 64 * 1024;

/** The longest chunk that pieces serve: else they save too little for what they read. */
const LONGEST_CHUNK_BYTES = PIECE_BYTES / 4;

/** A block is longer than that only where one message is: such a piece wouldn't serve many chunks. */
const LONGEST_BYTES = 2 * PIECE_BYTES;

/** How many pieces are kept, of all streams together. */
const PIECES = 64;

/** Some blocks of a stream in memory, read and checked together. */
export class CheckedPiece {
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

  /** As `Backend.chunkEnd`, for an offset in the piece; never past the piece's end. */
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

interface Place {
  readonly stream: FileStream;
  readonly number: number;
  readonly piece: CheckedPiece;
}

/**
 * The pieces of streams that are read in short chunks: who took one comes back for the next, and finds
 * it here without a system call, a look into the index or a check. Of too many the oldest goes.
 */
export class ReadAhead {
  readonly #places: Place[] = [];
  #next = 0;

  /** The piece in which `offset` is, if there is one. */
  find(stream: FileStream, offset: number): CheckedPiece | undefined {
    const piece = stream.pieces?.get(numberOf(offset));
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
    const to = Math.min((numberOf(offset) + 1) * PIECE_BYTES, segment.base + segment.bytes);
    const hold = (piece: CheckedPiece | undefined) => {
      if (piece !== undefined) this.#hold(stream, offset, piece);
    };
    try {
      const run = open.indexReader.run(offset, to, segment.blocks);
      const piece = after(run, (run) => readPiece(segment, open, run, nowMs));
      if (piece instanceof Promise) return piece.then(hold).catch(passOver);
      hold(piece);
    } catch (error) {
      passOver(error);
    }
  }

  #hold(stream: FileStream, offset: number, piece: CheckedPiece): void {
    const number = numberOf(offset);
    stream.pieces ??= new Map();
    stream.pieces.set(number, piece);
    const oldest = this.#places[this.#next];
    if (oldest !== undefined) letGo(oldest);
    this.#places[this.#next] = { stream, number, piece };
    this.#next = (this.#next + 1) % PIECES;
  }
}

function readPiece(
  segment: SegmentRow,
  open: OpenSegment,
  run: BlockRun,
  nowMs: number,
): CheckedPiece | undefined | Promise<CheckedPiece> {
  const bounds = boundsOf(run, segment);
  const length = bounds.end - bounds.start;
  if (length > LONGEST_BYTES) return undefined;
  const bytes = freshBytes(length);
  return after(readRun(open, segment, run, bounds, bytes, nowMs), () => {
    const blockEnds: number[] = [];
    for (let block = run.first; block <= run.last; block++) {
      blockEnds.push(entryAt(run, block).end);
    }
    return new CheckedPiece(segment.base + bounds.start, bytes, blockEnds);
  });
}

function passOver(error: unknown): void {
  if (!(error instanceof FileSystemError || error instanceof StreamError)) throw error;
}

function numberOf(offset: number): number {
  return Math.floor(offset / PIECE_BYTES);
}

/** Another may have come into its place meanwhile, from further back. */
function letGo({ stream, number, piece }: Place): void {
  if (stream.pieces?.get(number) !== piece) return;
  stream.pieces.delete(number);
  if (stream.pieces.size === 0) stream.pieces = undefined;
}
