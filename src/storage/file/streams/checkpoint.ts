import { getLogger } from "@logtape/logtape";
import { Backoff, withoutJitter } from "../../../env/backoff.ts";
import type { Clock } from "../../../env/clock.ts";
import {
  type FileSystem,
  isNoSpace,
  isShortage,
  type ShortageError,
  type ShortageKind,
} from "../../../env/file_system.ts";
import type { SubscriptionCapture } from "../../subscriptions/capture.ts";
import type { SubscriptionRegistry } from "../../subscriptions/registry.ts";
import type { Ballast } from "../directory/ballast.ts";
import type { DirectoryPins } from "../directory/pins.ts";
import {
  type BlockRow,
  type Catalog,
  type CatalogChanges,
  type DeletedBlocks,
  isLookUpFailure,
  NO_CHANGES,
  type ProducerRow,
  type SegmentRow,
  type SnapshotRow,
  type StreamRow,
  type StreamUpdate,
} from "../catalog/catalog.ts";
import { CHECKPOINT_SECONDS } from "../../../metrics/buckets.ts";
import { Histogram, type HistogramValue } from "../../../metrics/histogram.ts";
import { ObsoleteFiles } from "../segments/obsolete_files.ts";
import {
  blockRowsOf,
  type FileStream,
  rowOf,
  type StreamSnapshot,
  takeSnapshot,
  updateOf,
} from "./file_stream.ts";
import type { Throttle } from "../wal/throttle.ts";
import type { OpenSegments } from "../segments/open_segments.ts";
import type { SegmentWriter } from "../segments/writer.ts";
import type { FileSnapshots } from "./file_snapshots.ts";
import type { StreamCache } from "./stream_cache.ts";
import { releaseTrimmed } from "./release_trimmed.ts";
import { subscriptionGroups } from "./subscription_groups.ts";

const logger = getLogger(["durable-streams", "storage", "checkpoint"]);

/** At most so many streams' blocks are written before others get their turns. */
const SLICE_STREAMS = 64;
/** A slice ends after so long, too: streams whose files have to be made take far more than others. */
const SLICE_MS = 1;
/** Of the log between two slices: a checkpoint takes a tenth of a busy server and all of an idle one. */
const BATCHES_BETWEEN_SLICES = 8;
/** Rows of one transaction; of a subscription and its cursors it may be more. */
const GROUP_STREAMS = 2000;
/** Bytes of one transaction, but for one stream's; of most streams there is far less in it. */
const GROUP_BYTES = 8 * 1024 * 1024;
/** The same on a full disk, where a transaction has little more than the ballast's room. */
const FULL_DISK_GROUP_STREAMS = 100;
/** What a backup needs is looked at again so often: the log's files are needed for far shorter. */
const PINNED_RETRY_MS = 200;
const RETRIES = { initialDelayMs: 1000, maxDelayMs: 30_000, random: withoutJitter };
const REASONS: Record<ShortageKind, string> = {
  no_space: "the disk is full",
  too_many_open_files: "no more files can be opened",
};

/** The log, as far as a checkpoint deals with it. */
export interface CheckpointLog {
  readonly assignedLsn: number;
  /** Why nothing can be written any more. */
  readonly failure: Error | undefined;
  /** Makes durable all that was recorded before the call. */
  flush(): Promise<void>;
  /** All records up to `lsn` are in the catalogue. */
  release(lsn: number): Promise<void>;
  fail(cause: unknown): void;
}

/** What a checkpoint works on. */
export interface CheckpointParts {
  fileSystem: FileSystem;
  clock: Clock;
  /** Where the segments are. */
  folder: string;
  catalog: Catalog;
  log: CheckpointLog;
  throttle: Throttle;
  cache: StreamCache;
  subscriptions: Pick<SubscriptionRegistry, "capture" | "markStored">;
  segments: SegmentWriter;
  /** Bodies of snapshots that wait to be removed. */
  snapshots: Pick<FileSnapshots, "isClear" | "waitingBytes" | "removeStored" | "removeOf">;
  open: OpenSegments;
  ballast: Ballast;
  /** What a backup needs stays for now. */
  pins: Pick<DirectoryPins, "isHeld">;
  /** What was released of a stream may have been shorter than what counted as held of it. */
  onHeld(stream: FileStream, addedBytes: number): void;
  /** Called as each checkpoint begins. */
  onStart(): void;
  /** Called when streams were stored. */
  onStored(): void;
  /** Called after each checkpoint, however it ended. */
  onEnd(): void;
}

/**
 * Brings the catalogue up to the log, so that log files can be used again. Appends go on meanwhile. A
 * checkpoint that fails forgets nothing: one stopped by a full disk, or for want of descriptors, is
 * tried again, with back-off; anything else ends all writing until the next start.
 */
export class Checkpointer {
  readonly #parts: CheckpointParts;
  readonly #obsolete: ObsoleteFiles;
  #running: Promise<void> | undefined;
  #again = false;
  readonly #backoff = new Backoff(RETRIES);
  #shortage: ShortageKind | undefined;
  #cancelRetry: (() => void) | undefined;
  #cancelFreeing: (() => void) | undefined;
  /** Log files up to this record, and files of deleted streams, wait for a backup's end. */
  #pinnedLsn: number | undefined;
  /** What is to go may have rows yet: a checkpoint runs, or has failed and will be tried again. */
  #mayHaveRows = false;
  #stopped = false;
  #deadlineMs = Infinity;
  #done = 0;
  #failed = 0;
  readonly #durations = new Histogram(CHECKPOINT_SECONDS);

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
    const { fileSystem, folder, open, segments } = parts;
    this.#obsolete = new ObsoleteFiles(fileSystem, folder, open, segments);
  }

  /** How long each took that was completed, in seconds. */
  get durations(): HistogramValue {
    return this.#durations.value;
  }

  /** What the last one was stopped for want of. */
  get shortage(): ShortageKind | undefined {
    return this.#shortage;
  }

  /** How many have ended well since the start. */
  get done(): number {
    return this.#done;
  }

  /** What deleted streams have on the disk still, in bytes, and since when, in milliseconds since 1970. */
  get unfreed(): { readonly bytes: number; readonly sinceMs: number | undefined } {
    const { bytes, sinceMs } = this.#obsolete.waiting;
    return { bytes: bytes + this.#parts.snapshots.waitingBytes, sinceMs };
  }

  /** How many have not. */
  get failed(): number {
    return this.#failed;
  }

  /** Begins one, unless one runs or waits to be tried again. */
  request(): void {
    if (this.#running !== undefined || this.#cancelRetry !== undefined || this.#stopped) return;
    void this.run();
  }

  /** Begins one at once, also where one waits to be tried again: there may be room now. */
  run(): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#runAll().finally(() => {
      this.#running = undefined;
      this.#parts.onEnd();
    });
    return this.#running;
  }

  /** Waits for one that runs, which gives up after `limitMs`; none begins any more. */
  async stop(limitMs: number): Promise<void> {
    this.#deadlineMs = this.#parts.clock.nowMs() + limitMs;
    this.#stopped = true;
    this.#again = false;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#cancelFreeing?.();
    this.#cancelFreeing = undefined;
    await this.#running;
  }

  /** Runs a last one, after which nothing is left to recover, unless it takes longer than `limitMs`. */
  async runLast(limitMs: number): Promise<void> {
    await this.stop(limitMs);
    try {
      await this.#once(true);
    } catch (error) {
      if (!(error instanceof DeadlineExceeded || isShortage(error))) throw error;
      const reason = isShortage(error) ? REASONS[error.kind] : "its time was over";
      logger.info("The last checkpoint was left to the next start: {reason}.", { reason });
    }
  }

  async #runAll(): Promise<void> {
    try {
      do {
        this.#again = false;
        await this.#onceWithRoom();
        this.#done++;
      } while (this.#again);
      this.#backoff.reset();
      this.#shortage = undefined;
      void this.#parts.ballast.refill();
    } catch (error) {
      if (error instanceof DeadlineExceeded) return;
      this.#failed++;
      if (isShortage(error)) this.#retryLater(error);
      else this.#parts.log.fail(error);
    }
  }

  /** On a full disk the deleted streams go first: what they leave may be room enough for the rest. */
  async #onceWithRoom(): Promise<void> {
    try {
      await this.#once(false);
    } catch (error) {
      if (!isNoSpace(error) || !await this.#removeDeleted()) throw error;
      await this.#once(false);
    }
  }

  /** Stores deletions alone, in the ballast's room; whether there were any. */
  async #removeDeleted(): Promise<boolean> {
    const { ballast, log, cache } = this.#parts;
    const deletedIds = cache.dirty.deletedIds();
    if (deletedIds.length === 0) return false;
    this.#markObsolete(deletedIds);
    ballast.release();
    await log.flush();
    await this.#storeDeletions(deletedIds, FULL_DISK_GROUP_STREAMS);
    cache.endCheckpoint(deletedIds);
    this.#mayHaveRows = false;
    await this.#obsolete.remove();
    this.#parts.snapshots.removeOf(deletedIds);
    return true;
  }

  /** Frees what no row needs any more, unless a backup that runs does. */
  async #free(lsn: number): Promise<void> {
    const { pins, log, throttle, snapshots } = this.#parts;
    // No append ever waits for a backup: that one finds out, and begins again.
    const isLogHeld = pins.isHeld("log") && !throttle.isUrgent;
    if (!isLogHeld) await log.release(lsn);
    const hasObsolete = !this.#obsolete.isEmpty || !snapshots.isClear;
    const isHeld = hasObsolete && pins.isHeld("segments");
    if (!isHeld && !this.#mayHaveRows) await this.#obsolete.remove();
    if (!isHeld) snapshots.removeStored(lsn);
    this.#pinnedLsn = isLogHeld || isHeld ? lsn : undefined;
    if (this.#pinnedLsn !== undefined) this.#freeLater();
  }

  #freeLater(): void {
    if (this.#stopped || this.#cancelFreeing !== undefined) return;
    this.#cancelFreeing = this.#parts.clock.setTimer(PINNED_RETRY_MS, () => {
      this.#cancelFreeing = undefined;
      const lsn = this.#pinnedLsn;
      // A checkpoint that runs does it in the end.
      if (this.#running !== undefined || this.#stopped || lsn === undefined) return;
      this.#running = this.#free(lsn).catch((error) => {
        // As in a checkpoint: a shortage passes, and nothing that was written is in doubt.
        if (isShortage(error)) this.#freeLater();
        else this.#parts.log.fail(error);
      }).finally(() => {
        this.#running = undefined;
        this.#parts.onStored();
        if (this.#again) void this.run();
      });
    });
  }

  #retryLater(error: ShortageError): void {
    this.#shortage = error.kind;
    const retryMs = this.#backoff.next();
    logger.error("A checkpoint stopped, {reason}: {message}. The next try is in {retryMs} ms.", {
      reason: REASONS[error.kind],
      message: error.message,
      retryMs,
    });
    if (this.#stopped) return;
    this.#cancelRetry = this.#parts.clock.setTimer(retryMs, () => void this.run());
  }

  async #once(isLast: boolean): Promise<void> {
    const { catalog, clock, log, cache, segments, subscriptions } = this.#parts;
    // One that has failed isn't tried again: a sync that follows would find nothing left to do.
    if (log.failure !== undefined) throw log.failure;
    const startedMs = clock.nowMs();
    this.#parts.onStart();
    if (isLast) cache.markAccessed();
    const lsn = log.assignedLsn;
    const captured = subscriptions.capture(lsn);
    const deletedIds = cache.dirty.deletedIds();
    this.#markObsolete(deletedIds);
    const snapshots: StreamSnapshot[] = [];
    let streams = 0;
    try {
      await this.#writeBlocks(cache.dirty.ids(), snapshots);
      streams = snapshots.length;
      // A row is never ahead of the log.
      await log.flush();
      await segments.sync(isLast);
      await this.#store(deletedIds, snapshots);
      await this.#storeSubscriptions(captured);
      // A stream deleted meanwhile was left out: its records may only go once its delete is durable.
      await log.flush();
      await catalog.storeState({
        uuid: catalog.state.uuid,
        lsn,
        nextId: cache.nextId,
        checkpointAtMs: startedMs,
        clean: isLast,
      });
    } finally {
      for (const { stream } of snapshots) stream.inCheckpoint = false;
    }
    cache.endCheckpoint(deletedIds);
    this.#mayHaveRows = false;
    await this.#free(lsn);
    const tookMs = clock.nowMs() - startedMs;
    this.#durations.observe(tookMs / 1000);
    logger.debug("Stored {streams} streams in {tookMs} ms, the log up to record {position}.", {
      streams,
      tookMs,
      position: lsn,
    });
  }

  /** Writes what is missing of the streams' segments; what their rows will hold is fixed with that. */
  async #writeBlocks(ids: readonly number[], snapshots: StreamSnapshot[]): Promise<void> {
    const { clock, cache, segments } = this.#parts;
    let sliceStreams = 0;
    let sliceEndMs = clock.nowMs() + SLICE_MS;
    for (const id of ids) {
      if (sliceStreams++ >= SLICE_STREAMS || clock.nowMs() > sliceEndMs) {
        await this.#yield();
        sliceStreams = 0;
        sliceEndMs = clock.nowMs() + SLICE_MS;
      }
      const stream = cache.loadIfThere(id);
      if (stream === undefined) continue;
      if (stream.wantsRelease) this.#release(stream);
      segments.write(stream, stream.tail);
      stream.inCheckpoint = true;
      snapshots.push(takeSnapshot(stream));
    }
  }

  /** What can't be looked up now stays for a later checkpoint. */
  #release(stream: FileStream): void {
    const { cache, catalog, onHeld } = this.#parts;
    try {
      const { heldBytes } = stream;
      releaseTrimmed(stream, cache, catalog);
      if (stream.heldBytes !== heldBytes) onHeld(stream, stream.heldBytes - heldBytes);
      stream.wantsRelease = false;
    } catch (error) {
      if (!isLookUpFailure(error)) throw error;
      logger.warn("What was trimmed of stream {id} stays: {message}", {
        id: stream.id,
        message: error.message,
      });
    }
  }

  /**
   * In transactions of bounded size; deletions first, since a name may have been made again. What is
   * stored may leave memory while the rest waits: others become dirty meanwhile.
   */
  async #store(deletedIds: readonly number[], snapshots: StreamSnapshot[]): Promise<void> {
    const { catalog, cache, clock } = this.#parts;
    await this.#storeDeletions(deletedIds, GROUP_STREAMS);
    while (snapshots.length > 0) {
      this.#checkTime();
      const group = nextGroup(snapshots);
      await catalog.store(toChanges(group));
      for (const { replacedSegments } of group) {
        this.#obsolete.add(replacedSegments, clock.nowMs());
      }
      for (const { stream } of group) stream.inCheckpoint = false;
      cache.markStored(group);
      snapshots.splice(0, group.length);
      this.#parts.onStored();
    }
  }

  /** After the streams' rows: no cursor is in a stream that has none. */
  async #storeSubscriptions(captured: SubscriptionCapture): Promise<void> {
    const { catalog, subscriptions } = this.#parts;
    for (const group of subscriptionGroups(captured, GROUP_STREAMS)) {
      this.#checkTime();
      await catalog.store({ ...NO_CHANGES, subscriptions: group });
      this.#parts.onStored();
    }
    subscriptions.markStored();
  }

  async #storeDeletions(ids: readonly number[], groupStreams: number): Promise<void> {
    for (let at = 0; at < ids.length; at += groupStreams) {
      this.#checkTime();
      const deletedIds = ids.slice(at, at + groupStreams);
      await this.#parts.catalog.store({ ...NO_CHANGES, deletedIds });
    }
  }

  async #yield(): Promise<void> {
    this.#checkTime();
    await this.#parts.throttle.yieldFor(BATCHES_BETWEEN_SLICES);
  }

  #checkTime(): void {
    if (this.#parts.clock.nowMs() > this.#deadlineMs) throw new DeadlineExceeded();
  }

  /** Notes which files they have, as long as there are rows that say so. */
  #markObsolete(ids: readonly number[]): void {
    const { cache, clock } = this.#parts;
    this.#mayHaveRows = true;
    for (const id of ids) {
      const stored = this.#storedSegments(id);
      const unstored = cache.dirty.unstoredSegments(id);
      // What was stored says how long it is, and comes last.
      this.#obsolete.add([...unstored, ...stored], clock.nowMs());
    }
  }

  #storedSegments(id: number): readonly SegmentRow[] {
    try {
      return this.#parts.catalog.segments(id);
    } catch (error) {
      // Whatever keeps it from being read, it is no more than files that stay for a while.
      if (!isLookUpFailure(error)) throw error;
      logger.warn(
        "Which files deleted stream {id} has can't be read, the next start removes them: {message}",
        { id, message: error.message },
      );
      return [];
    }
  }
}

/** The next streams of one transaction. */
function nextGroup(snapshots: readonly StreamSnapshot[]): StreamSnapshot[] {
  const most = snapshots.slice(0, GROUP_STREAMS);
  let bytes = 0;
  const end = most.findIndex(({ stream, state }) => {
    bytes += state.tail - stream.buffer.start;
    return bytes > GROUP_BYTES;
  });
  return end < 0 ? most : most.slice(0, Math.max(1, end));
}

function toChanges(snapshots: readonly StreamSnapshot[]): CatalogChanges {
  const streams: StreamRow[] = [];
  const updates: StreamUpdate[] = [];
  const producers: ProducerRow[] = [];
  const deletedSegments: SegmentRow[] = [];
  const segments: SegmentRow[] = [];
  const deletedBlocks: DeletedBlocks[] = [];
  const blocks: BlockRow[] = [];
  const keptSnapshots: SnapshotRow[] = [];
  const streamsWithoutSnapshot: number[] = [];
  // Those deleted meanwhile too: the delete may be lost, and what it would have deleted may not.
  for (const snapshot of snapshots) {
    if (snapshot.stream.hasRow) updates.push(updateOf(snapshot));
    else streams.push(rowOf(snapshot));
    producers.push(...snapshot.producers);
    deletedSegments.push(...snapshot.replacedSegments);
    segments.push(...snapshot.segments);
    const { stream: { id: streamId }, goneBlocksBefore: before } = snapshot;
    if (before > 0) deletedBlocks.push({ streamId, before });
    blocks.push(...blockRowsOf(snapshot));
    if (snapshot.snapshot === null) streamsWithoutSnapshot.push(snapshot.stream.id);
    else if (snapshot.snapshot !== undefined) keptSnapshots.push(snapshot.snapshot);
  }
  return {
    ...NO_CHANGES,
    streams,
    updates,
    producers,
    deletedSegments,
    segments,
    deletedBlocks,
    blocks,
    snapshots: keptSnapshots,
    streamsWithoutSnapshot,
  };
}

/** The storage closes, and the time for that is over. What was left is in the log. */
class DeadlineExceeded extends Error {}
