import type { FileStorageOptions } from "./options.ts";

const MIB = 1024 * 1024;
/** The longest a batch of the log gets, within an eighth of the log. */
const BATCH_BYTES = 4 * MIB;
/** A few blocks: rows longer than a page or four of the catalogue cost more than a file does. */
const SMALL_STREAM_BYTES = 16 * 1024;
const DELETE_RESERVE_BYTES = 64 * 1024;
/** A checkpoint hurries past so many times the dirty streams that it begins at: all are in memory. */
const URGENT_DIRTY = 1.1;
/** At so many times as many, and some more, writes wait for those that it has stored. */
const MOST_DIRTY = 1.5;
const EXTRA_DIRTY = 1000;

/** Bounds of a file storage. */
export interface StorageLimits {
  /** How long the log may get. */
  readonly logBytes: number;
  /** A batch of the log is closed at this size, and commands wait until the log has room for one. */
  readonly batchBytes: number;
  /** Room in the log's files that only deletes may take: on a full disk they are what makes some. */
  readonly deleteReserveBytes: number;
  /** Commands that would make more wait than this are refused. */
  readonly maxQueuedBytes: number;
  /**
   * Whole blocks of a stream beyond this leave memory for its segment before the next checkpoint does
   * it. Each time holds up everyone else, and all that waits for a checkpoint is bounded by the log.
   */
  readonly earlyWriteBytes: number;
  /**
   * As long as a stream without a segment has no more than this in whole blocks, they lie in the catalogue:
   * two files would take more room, and far longer to make. None of them is longer than half of it.
   */
  readonly smallStreamBytes: number;
  /** A checkpoint begins after so much log. */
  readonly checkpointLogBytes: number;
  /** A checkpoint begins at so many dirty streams. */
  readonly checkpointStreams: number;
  /** A checkpoint begins this long after the last one, where there is anything to store. */
  readonly checkpointIntervalMs: number;
  /** A checkpoint hurries where the log has less room than this. */
  readonly urgentRoomBytes: number;
  /** It also does where more streams are dirty. */
  readonly urgentDirtyStreams: number;
  /** Writes wait where so many are dirty: all of these are in memory. */
  readonly maxDirtyStreams: number;
}

/** The bounds that come of a storage's options. */
export function limitsOf(options: FileStorageOptions): StorageLimits {
  const { walBytes: logBytes = 256 * MIB, checkpointStreams = 100_000 } = options;
  const batchBytes = Math.floor(Math.min(BATCH_BYTES, logBytes / 8));
  return {
    logBytes,
    batchBytes,
    deleteReserveBytes: Math.min(DELETE_RESERVE_BYTES, batchBytes),
    maxQueuedBytes: options.maxQueuedBytes ?? 64 * MIB,
    smallStreamBytes: options.smallStreamBytes ?? SMALL_STREAM_BYTES,
    earlyWriteBytes: options.earlyWriteBytes ?? MIB,
    checkpointLogBytes: Math.floor(logBytes / 3),
    checkpointStreams,
    checkpointIntervalMs: options.checkpointIntervalMs ?? 30_000,
    urgentRoomBytes: logBytes / 4,
    urgentDirtyStreams: checkpointStreams * URGENT_DIRTY,
    maxDirtyStreams: Math.floor(checkpointStreams * MOST_DIRTY) + EXTRA_DIRTY,
  };
}
