import type { Clock } from "../../../env/clock.ts";
import type { File } from "../../../env/file_system.ts";

/** When what is written is synced: before it is acknowledged, from time to time, or by the system. */
export type FsyncMode = "always" | "interval" | "never";

/** A sync that takes so long holds the thread up, and for a while none blocks it again. */
const SLOW_MS = 2;
const BACK_OFF_MS = 1000;

/** What is done with a file of the log here. */
export type SyncedFile = Pick<File, "dataSync" | "dataSyncBlocking">;

/** What decides how a log file is synced. */
export interface LogSyncOptions {
  clock: Clock;
  /** Whether a sync may block the thread at all. */
  mayBlock: boolean;
  /** How often anything was asked of any stream. */
  uses(): number;
}

/**
 * Syncs the log's files. In another thread, so that this one serves others meanwhile; where there is
 * nobody but one who appends again and again, in this one, which saves two changes of threads.
 */
export class LogSync {
  readonly #options: LogSyncOptions;
  #wasAlone = false;
  #uses = 0;
  #blockAgainAtMs = 0;

  constructor(options: LogSyncOptions) {
    this.#options = options;
  }

  /**
   * Makes a batch durable.
   *
   * @param records of the batch
   * @throws {FileSystemError}
   */
  async sync(file: SyncedFile, records: number): Promise<void> {
    const { clock, mayBlock, uses } = this.#options;
    const usesNow = uses();
    const isAlone = records === 1 && usesNow - this.#uses <= 1;
    const blocks = mayBlock && isAlone && this.#wasAlone && clock.nowMs() >= this.#blockAgainAtMs;
    this.#uses = usesNow;
    this.#wasAlone = isAlone;
    if (!blocks) return await file.dataSync();
    const startedMs = clock.nowMs();
    file.dataSyncBlocking();
    const endedMs = clock.nowMs();
    if (endedMs - startedMs >= SLOW_MS) this.#blockAgainAtMs = endedMs + BACK_OFF_MS;
  }
}
