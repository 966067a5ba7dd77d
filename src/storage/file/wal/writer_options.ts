import type { Clock } from "../../../env/clock.ts";
import type { ShortageError } from "../../../env/file_system.ts";
import type { CurrentLogFile, LogFiles } from "./files.ts";
import type { FsyncMode, LogSync } from "./sync.ts";

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
  /** Called when the log is found to lack something that it needs to go on. */
  onShortage(error: ShortageError): void;
  /** Called once when the log can't be written any more. */
  onFailure(error: unknown): void;
}
