/** Bounds of a file backend. */
export interface BackendLimits {
  /** Commands that would make more wait than this are refused. */
  maxQueuedBytes: number;
  /**
   * Whole blocks of a stream beyond this leave memory for its segment before the next checkpoint does
   * it. Each time holds up everyone else, and all that waits for a checkpoint is bounded by the log.
   */
  earlyWriteBytes: number;
  /** Commands wait until the log has this much room. */
  logReserveBytes: number;
  /** Room in the log's files that only deletes may take: on a full disk they are what makes some. */
  deleteReserveBytes: number;
  /** A checkpoint begins after so much log. */
  checkpointLogBytes: number;
  /** A checkpoint begins at so many dirty streams. */
  checkpointStreams: number;
  /** Writes wait where so many are dirty: all of these are in memory. */
  maxDirtyStreams: number;
  /** A checkpoint begins this long after the last one, where there is anything to store. */
  checkpointIntervalMs: number;
}
