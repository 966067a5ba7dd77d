import { emptyHistogram, type HistogramValue } from "../metrics/histogram.ts";
import { BATCH_RECORDS, CHECKPOINT_SECONDS, SYNC_SECONDS } from "../metrics/buckets.ts";

/** What a storage has counted since its start, and what is so now: plain data, for metrics. */
export interface StorageMeasures {
  readonly commands: CommandCounts;
  readonly log: LogMeasures;
  readonly checkpointDurationSeconds: HistogramValue;
  /** Streams that the next checkpoint has to store, and deletions. */
  readonly dirtyStreams: number;
  readonly subscriptions: SubscriptionMeasures;
  /** How less than all of streams is kept; left out where all of it is. */
  readonly retention?: RetentionMeasures;
  /** What compaction has done; left out by a storage without it. */
  readonly compaction?: CompactionMeasures;
  /** What deleted streams have on the disk still; nothing where there is no disk. */
  readonly unfreed?: UnfreedMeasures;
  /** Of a storage that keeps its streams in a cluster. */
  readonly cluster?: ClusterMeasures;
  /** How often others' streams were heard to come or go, where a storage has others beside it. */
  readonly heardChanges?: number;
}

/** What was trimmed since the start, and what is about to be. */
export interface RetentionMeasures {
  /** Trims by hand and by retention. */
  readonly trims: number;
  /** What streams have lost by them, as it is stored. */
  readonly trimmedBytes: number;
  /** Streams that are looked at once their oldest messages are too old. */
  readonly waitingStreams: number;
  /** For how long the first of these has been due. */
  readonly lagSeconds: number;
}

/** What compactions came to, since the start. */
export interface CompactionMeasures {
  readonly compactions: number;
  /** How much their segments had before. */
  readonly bytesBefore: number;
  /** How much those have that took their place. */
  readonly bytesAfter: number;
}

/** Files of deleted streams that a checkpoint, or a backup's end, is going to remove. */
export interface UnfreedMeasures {
  readonly bytes: number;
  /** Since the oldest of them was found to be of no use; 0 without any. */
  readonly ageSeconds: number;
}

/** What a front end of a cluster has asked of it, and what it keeps of it. */
export interface ClusterMeasures {
  /** Messages that were stored: many appends may go as one. */
  readonly stored: number;
  /** Attempts to store one that came to nothing since another message was first, or under way. */
  readonly refused: number;
  /** Attempts without an answer in time. */
  readonly unknown: number;
  /** Attempts that no leader or quorum took. */
  readonly unavailable: number;
  /** Groups of commands that were decided anew, since another front end's message came first. */
  readonly lostRaces: number;
  /** Appends that another front end has decided for this one, which writes to the same stream. */
  readonly forwardedAppends: number;
  /** Calls with appends that another front end hasn't answered in time. */
  readonly forwardTimeouts: number;
  readonly watchedStreams: number;
  /** How long a message took that was stored, all its attempts. */
  readonly publishDurationSeconds: HistogramValue;
  /** How often there was a connection to a server again. */
  readonly reconnects: number;
  /** Memory that the newest messages of streams take. */
  readonly cachedBytes: number;
}

/** What was recorded since the start. */
export interface CommandCounts {
  /** Appends and closes, duplicates not. */
  readonly appends: number;
  /** What streams have grown by. */
  readonly appendedBytes: number;
  readonly created: number;
  /** Expired ones, too. */
  readonly deleted: number;
}

/** What the log has done, and how it is. */
export interface LogMeasures {
  readonly limitBytes: number;
  readonly writtenBytes: number;
  /** Since the oldest record was written that no checkpoint has stored; 0 without any. */
  readonly ageSeconds: number;
  readonly batchRecords: HistogramValue;
  readonly syncDurationSeconds: HistogramValue;
}

/** How the subscriptions of a storage are. */
export interface SubscriptionMeasures {
  readonly webhook: number;
  readonly pullWake: number;
  /** Those with streams that aren't processed up to their tails. */
  readonly pending: number;
  /** These streams, of each subscription. */
  readonly pendingStreams: number;
  /** Those whose newest delivery has failed. */
  readonly failing: number;
  /** Since the oldest wake was made that nobody has acknowledged; 0 without any. */
  readonly lagSeconds: number;
}

/** Of a storage without a log. */
export const NO_LOG: LogMeasures = {
  limitBytes: 0,
  writtenBytes: 0,
  ageSeconds: 0,
  batchRecords: emptyHistogram(BATCH_RECORDS),
  syncDurationSeconds: emptyHistogram(SYNC_SECONDS),
};

/** Of a storage without checkpoints. */
export const NO_CHECKPOINTS: HistogramValue = emptyHistogram(CHECKPOINT_SECONDS);
