import type { Clock } from "../../../env/clock.ts";
import type { ShortageError } from "../../../env/file_system.ts";
import type { CurrentLogFile, LogFiles } from "./files.ts";
import type { FsyncMode, LogSync } from "./sync.ts";

/** A batch that was synced. */
export interface SyncedTags<Tag> {
  readonly tags: readonly Tag[];
  readonly records: number;
  readonly bytes: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** Options of a `LogWriter`. */
export interface LogWriterOptions<Tag> {
  files: LogFiles;
  /** The file to begin with; it holds no batch yet. */
  current: CurrentLogFile;
  clock: Clock;
  fsync: FsyncMode;
  fsyncIntervalMs: number;
  sync: LogSync;
  /** How long the log may get. */
  limitBytes: number;
  /** A batch is closed at this size. */
  batchLimitBytes: number;
  /** The LSN of the first record to come. */
  nextLsn: number;
  /** Called for each batch once it is durable, with what its records left, before anyone is answered. */
  onDurable(tags: readonly Tag[]): void;
  /**
   * Called for each batch that was synced by itself, before its records count as durable: with what they
   * left and with when the sync began and ended, in ms of `performance.now()`. It doesn't throw.
   */
  onSynced?: ((batch: SyncedTags<Tag>) => void) | undefined;
  /** Called when the log is found to lack something that it needs to go on. */
  onShortage(error: ShortageError): void;
  /** Called once when the log can't be written any more. */
  onFailure(error: unknown): void;
}
