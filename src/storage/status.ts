/** How a storage is, and some figures: what an operator asks for. Reading it touches no disk. */
export interface StorageStatus {
  /**
   * `ok`; `full`: the disk is, appends may be refused until there is room, all else goes on;
   * `out_of_files`: the same where the process, or the system, can't open another file; `unreachable`: the
   * cluster that keeps the streams is, or takes nothing, and all goes on once it does; `failed`: a write
   * or a sync has failed, and nothing is written until the next start.
   */
  readonly state: "ok" | "full" | "out_of_files" | "unreachable" | "failed";
  /** Why it isn't `ok`. */
  readonly reason?: string;
  readonly figures: StorageFigures;
  /** Where there are quotas. */
  readonly quotas?: QuotaStatus;
  /** Streams that damage has set aside since the start, the first 20 of them. */
  readonly damagedStreams?: readonly DamagedStream[];
  /** Damage to subscriptions that the start has met, the first 20 of it. */
  readonly damagedSubscriptions?: readonly DamagedSubscription[];
}

/** A stream that takes no appends, since what is kept of it is damaged. */
export interface DamagedStream {
  readonly id: number;
  /** `undefined` where it can't be read any more. */
  readonly name: string | undefined;
  /** What was found. */
  readonly reason: string;
}

/**
 * Damage to a subscription: one whose own row can't be read isn't there until it is created again; where
 * the position in a stream can't be read, all of that stream is pending.
 */
export interface DamagedSubscription {
  /** `undefined` where it can't be read any more. */
  readonly id: number | undefined;
  /** `undefined` where it can't be read any more. */
  readonly name: string | undefined;
  /** What was found. */
  readonly reason: string;
}

/** How far quotas are counted. */
export interface QuotaStatus {
  /**
   * Whether all that was stored before the start is counted: until then what isn't takes no room of its
   * quota.
   */
  readonly isCounted: boolean;
  /** How many accounts anything is stored in. */
  readonly accounts: number;
}

/** What is in memory and open now, and what was done since the start. */
export interface StorageFigures {
  /** Streams in memory. */
  readonly loadedStreams: number;
  /** Segment files that are open. */
  readonly openFiles: number;
  /** Bytes of the log's files that no checkpoint has freed yet. */
  readonly logBytes: number;
  /** Bytes of commands that wait to be written. */
  readonly queuedBytes: number;
  readonly checkpoints: number;
  readonly failedCheckpoints: number;
  /** Streams that damage has set aside since the start. */
  readonly damagedStreams: number;
  /** Damage to subscriptions that the start has met. */
  readonly damagedSubscriptions: number;
}
