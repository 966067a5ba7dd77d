import { paddedBatchBytes } from "./format.ts";
import type { WalkedBatch, WalkedPart } from "./log_walk.ts";

/** Where a batch begins, or would begin. */
export interface BatchPosition {
  readonly filePosition: number;
  /** Its first record's number. */
  readonly lsn: number;
}

/** Where the batches of a log file end, and what follows there. */
export interface LogEnd extends BatchPosition {
  /**
   * A batch at or after the end whose header proves that the record `lsn` was durable when it was written:
   * then the end is damage. Undefined where the log may end here, as far as this file tells.
   */
  readonly proof: WalkedBatch | undefined;
  /** Whether a batch of this life of the file follows, or bytes before such a batch. */
  readonly isFollowed: boolean;
}

/**
 * Decides where the log ends in a file (FORMAT.md, "Where the log ends, and what is damage"), for the
 * start, for check and for repair: at the first position where no whole batch begins with the next
 * record. Yields the batches before that in their order.
 *
 * @param parts of the file from `start` on, in their order; gaps may be left out
 */
export function* findLogEnd(
  parts: Iterable<WalkedPart>,
  start: BatchPosition,
): Generator<WalkedBatch, LogEnd> {
  let { filePosition, lsn } = start;
  let isFollowed = false;
  for (const part of parts) {
    const isBatch = part.kind === "batch";
    // No two parts have one position: after the first that doesn't fit, none does.
    if (
      isBatch && part.isWhole && part.filePosition === filePosition && part.header.firstLsn === lsn
    ) {
      yield part;
      filePosition += paddedBatchBytes(part.header.payloadBytes);
      lsn += part.header.count;
      continue;
    }
    isFollowed ||= part.kind !== "end";
    if (isBatch && part.header.syncedLsn >= lsn) {
      return { filePosition, lsn, proof: part, isFollowed };
    }
  }
  return { filePosition, lsn, proof: undefined, isFollowed };
}
