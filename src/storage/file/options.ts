import type { Clock } from "../../env/clock.ts";
import type { FileSystem } from "../../env/file_system.ts";
import type { RetentionRule } from "../retention_rules.ts";
import type { QuotaOptions } from "../quota_account.ts";
import type { StartProgress } from "../start_progress.ts";
import type { Catalog, CatalogCopy, CatalogSnapshot } from "./catalog/catalog.ts";
import type { SegmentConverter } from "./catalog/conversion.ts";
import type { DirectoryLock } from "./directory/lock.ts";
import type { PinDriver } from "./directory/pins.ts";
import type { Tracer } from "../../tracing/tracer.ts";
import type { FsyncMode } from "./wal/sync.ts";

/** Options of `openFileStorage`. */
export interface FileStorageOptions {
  /** The directory; made where it is missing or empty. */
  dir: string;
  /**
   * When an append is acknowledged: `always` once it is on disk; `interval` once it is written, with a
   * sync from time to time (a power failure can lose what came since); `never` the same without syncs
   * (a power failure can lose what the system had not written yet). A killed process loses nothing in
   * any of them. `always`.
   */
  fsync?: FsyncMode;
  /** How often `interval` syncs; 1 s. */
  fsyncIntervalMs?: number;
  /**
   * Whether the sync of an append may block the thread where nobody else asks for anything: each takes
   * a tenth of a millisecond less. For a thread that has no other work; no.
   */
  mayBlock?: boolean;
  /** A segment file is followed by a new one at this size; 64 MiB. */
  segmentBytes?: number;
  /** The log's limit; 256 MiB. */
  walBytes?: number;
  /** Refuse a missing or empty directory: something may not be mounted. */
  mustExist?: boolean;
  /** How many segment files may be open; 512. */
  maxOpenFiles?: number;
  /** Commands that would make more than this wait to be written are refused; 64 MiB. */
  maxQueuedBytes?: number;
  /** How many producers a stream may have; 10,000. */
  maxProducersPerStream?: number;
  /** How many subscriptions there may be; 10,000. */
  maxSubscriptions?: number;
  /** How much may be stored below patterns of names; no limit unless it is given. */
  quotas?: readonly QuotaOptions[];
  /** How much is kept of streams by patterns of their names; all unless it is given. */
  retention?: readonly RetentionRule[];
  /** Beyond so many streams in memory, idle ones leave it; 100,000. */
  maxLoadedStreams?: number;
  /** They also do where they take more than this together; 192 MiB. */
  maxIdleBytes?: number;
  /**
   * A stream's bytes in memory go to its segment beyond this, also between checkpoints; 1 MiB. All else
   * waits for such a write.
   */
  earlyWriteBytes?: number;
  /**
   * A stream gets files of its own once it has more than this in whole blocks, which lie in the catalogue until
   * then; 16 KiB. With 0 each whole block goes into a file.
   */
  smallStreamBytes?: number;
  /** How much of the time a compaction may work, above 0 and at most 1: it rests for the others; 0.25. */
  compactionShare?: number;
  /** What a compaction's table of keys takes at most, 24 bytes for each 0.7 keys; 64 MiB. */
  compactionMemoryBytes?: number;
  /** More dirty segment files than this are synced by one barrier for the file system; 4096. */
  barrierFiles?: number;
  /** A checkpoint begins at so many dirty streams; 100,000. Writes wait past half as many again. */
  checkpointStreams?: number;
  /** A checkpoint begins at least this often where there is anything to store; 30 s. */
  checkpointIntervalMs?: number;
  /** Told of each batch of the log that was synced by itself; nobody unless given. */
  tracer?: Pick<Tracer, "batch">;
  /** Called while it is opened, as the log is read: about every 50 ms. */
  onProgress?: (progress: StartProgress) => void;
  /** Where the time comes from. */
  clock?: Clock;
  /** A number from 0 up to 1, for the jitter of waits; `Math.random`. */
  random?: () => number;
  /** The disk. */
  fileSystem?: FileSystem;
  /** The catalogue and the lock, which have a way of their own to the disk. */
  database?: CatalogDriver;
}

/** The parts of a directory that are SQLite's. */
export interface CatalogDriver extends PinDriver {
  lock(path: string): DirectoryLock;
  create(path: string, uuid: string): void;
  /**
   * Makes a catalogue of this version of one of an earlier version, and its streams' segments on the way;
   * also of one that is partly made.
   */
  convert(path: string, segments: SegmentConverter): Promise<void>;
  /** Whether a catalogue ever had a stream. */
  isUsed(path: string): boolean;
  open(path: string): Catalog;
  /** Holds on to the rows as they are now, also while a server changes them, to copy them to a new file. */
  snapshot(path: string, target: string): CatalogSnapshot;
  /** Opens such a copy for reading. */
  openCopy(path: string): CatalogCopy;
  /** Makes the copy that is there the catalogue of a directory. */
  adopt(path: string): void;
}
