import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../env/clock.ts";
import type { FileSystem, Reserve, ShortageError } from "../../env/file_system.ts";
import { batchLinks } from "../../tracing/batch_links.ts";
import type { Tracer } from "../../tracing/tracer.ts";
import { StreamEngine } from "../engine.ts";
import { type Effect, showEffects } from "../journal.ts";
import type { UnfreedMeasures } from "../measures.ts";
import { OffsetSpaces } from "../offset_spaces.ts";
import type { Quota } from "../quota_account.ts";
import { Quotas } from "../quotas.ts";
import { RetentionRules } from "../retention_rules.ts";
import { SubscriptionEngine } from "../subscriptions/engine.ts";
import type { SubscriptionRegistry } from "../subscriptions/registry.ts";
import { newWakeId } from "../subscriptions/wake_id.ts";
import type { RetentionParts } from "../updates.ts";
import { FileAdmission } from "./admission.ts";
import type { Catalog, RowTrim } from "./catalog/catalog.ts";
import { Compactor } from "./compaction/compactor.ts";
import type { Ballast } from "./directory/ballast.ts";
import type { DamagedStreams } from "./directory/damaged_streams.ts";
import type { DamagedSubscriptions } from "./directory/damaged_subscriptions.ts";
import type { DirectoryLock } from "./directory/lock.ts";
import type { DirectoryPaths } from "./directory/paths.ts";
import type { DirectoryPins } from "./directory/pins.ts";
import { SecretsFile } from "./directory/secrets_file.ts";
import { FileBlocks } from "./file_blocks.ts";
import type { StorageLimits } from "./limits.ts";
import type { FileStorageOptions } from "./options.ts";
import { OpenSegments } from "./segments/open_segments.ts";
import { SegmentReader } from "./segments/reader.ts";
import { SegmentWriter } from "./segments/writer.ts";
import { statusOf } from "./status.ts";
import { Checkpointer } from "./streams/checkpoint.ts";
import { CheckpointTrigger } from "./streams/checkpoint_trigger.ts";
import { Expiry } from "./streams/expiry.ts";
import type { FileStream } from "./streams/file_stream.ts";
import { QuotaCount } from "./streams/quota_count.ts";
import { sweepOrphans } from "./streams/orphan_sweep.ts";
import { FileSnapshots } from "./streams/file_snapshots.ts";
import { sweepSnapshots } from "./streams/snapshot_sweep.ts";
import { SnapshotFiles } from "./snapshots/snapshot_files.ts";
import type { StreamCache } from "./streams/stream_cache.ts";
import type { CurrentLogFile, LogFiles } from "./wal/files.ts";
import { LogAge } from "./wal/log_age.ts";
import { LogSync } from "./wal/sync.ts";
import { Throttle } from "./wal/throttle.ts";
import { LogWriter } from "./wal/writer.ts";
import type { SyncedTags } from "./wal/writer_options.ts";

const logger = getLogger(["durable-streams", "storage"]);

const MIB = 1024 * 1024;
/** Of the log, between two slices of what retention looks at. */
const BATCHES_BETWEEN_SLICES = 2;
/** So many rows are looked at before others run: they take a millisecond. */
const SLICE_ROWS = 100;
/** A last checkpoint that is further ahead is of a clock that has been set back. */
const CLOCK_SLACK_MS = 60_000;
const SEGMENT_BYTES = 64 * MIB;

/** A directory that was opened and recovered, and is to be served. */
export interface RecoveredDirectory {
  readonly options: FileStorageOptions;
  readonly limits: StorageLimits;
  readonly clock: Clock;
  readonly fileSystem: FileSystem;
  readonly paths: DirectoryPaths;
  readonly lock: DirectoryLock;
  readonly reserve: Reserve | undefined;
  readonly ballast: Ballast;
  readonly catalog: Catalog;
  /** Its streams, as the log leaves them. */
  readonly cache: StreamCache;
  readonly damaged: DamagedStreams;
  /** Its subscriptions, as the log leaves them. */
  readonly subscriptions: SubscriptionRegistry;
  readonly damagedSubscriptions: DamagedSubscriptions;
  readonly files: LogFiles;
  /** The log's file to begin with. */
  readonly current: CurrentLogFile;
  readonly nextLsn: number;
  /** What a backup needs. */
  readonly pins: DirectoryPins;
}

/**
 * A storage in a directory: its parts, and what follows in one of them from what has happened in another.
 * Records go to the log, from there with checkpoints to segments and the catalogue.
 */
export class FileStorage {
  readonly engine: StreamEngine<FileStream>;
  readonly #directory: RecoveredDirectory;
  readonly #firstNewId: number;
  readonly #open: OpenSegments;
  readonly #log: LogWriter<Effect<FileStream>>;
  readonly #throttle: Throttle;
  readonly #segments: SegmentWriter;
  readonly #snapshots: FileSnapshots;
  readonly #checkpointer: Checkpointer;
  readonly #trigger: CheckpointTrigger;
  readonly #admission: FileAdmission;
  readonly #expiry: Expiry;
  readonly #compactor: Compactor;
  readonly #logAge = new LogAge();
  /** The row that retention has looked at last: those before it were since the last checkpoint. */
  #trimmedAfter: RowTrim | undefined;
  /** The same of a look at all of them, where the clock was ahead of what it is; `done` where it wasn't. */
  #lookedAfter: RowTrim | "none" | "done";
  #checkpointsDone = 0;
  readonly #quotas: Quotas;
  #isSwept = false;
  #sweepIsDone = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  constructor(directory: RecoveredDirectory) {
    const { options, limits, paths, catalog, cache, fileSystem, reserve } = directory;
    const { uuid } = catalog.state;
    const { maxOpenFiles = 512 } = options;
    this.#directory = directory;
    this.#firstNewId = cache.nextId;
    const aheadMs = catalog.state.checkpointAtMs - directory.clock.nowMs();
    this.#lookedAfter = aheadMs > CLOCK_SLACK_MS ? "none" : "done";
    this.#open = new OpenSegments(fileSystem, paths.segments, uuid, maxOpenFiles, reserve);
    this.#log = this.#makeLog();
    const log = this.#log;
    const { dirty } = cache;
    this.#throttle = new Throttle(
      log,
      () => log.roomBytes < limits.urgentRoomBytes || dirty.count > limits.urgentDirtyStreams,
    );
    this.#segments = this.#makeSegmentWriter();
    this.#snapshots = new FileSnapshots({ catalog, files: new SnapshotFiles(directory) });
    this.#checkpointer = this.#makeCheckpointer();
    const checkpointer = this.#checkpointer;
    this.#trigger = new CheckpointTrigger({ ...directory, log, dirty, checkpointer });
    this.#admission = new FileAdmission({ ...directory, log, dirty, checkpointer });
    this.#quotas = new Quotas(options.quotas ?? []);
    const blocks = new FileBlocks(new SegmentReader(directory.clock, catalog, this.#open), catalog);
    this.#compactor = this.#makeCompactor();
    this.engine = this.#makeEngine(blocks);
    this.#expiry = this.#makeExpiry();
  }

  /**
   * Begins what goes on in the background.
   *
   * @param isClean nothing was recovered, and everything is in the catalogue
   */
  start(isClean: boolean): void {
    void this.#directory.ballast.refill();
    if (!this.#quotas.isNone) this.#countQuotas(this.#firstNewId);
    this.engine.prepareRetention(this.#directory.options.retention ?? [])();
    void this.engine.trimDue();
    if (isClean) this.#sweep();
    else {
      // When the records of the last run were written nobody knows.
      this.#logAge.onBatch(this.#directory.clock);
      this.#checkpointer.request();
    }
  }

  #countQuotas(firstNewId: number, added?: readonly Quota[]): void {
    const parts = {
      ...this.#directory,
      quotas: this.#quotas,
      throttle: this.#throttle,
      isStopped: () => this.#isStopped,
    };
    void new QuotaCount(parts, firstNewId, added).run();
  }

  #makeCompactor(): Compactor {
    const { options, catalog, paths, fileSystem } = this.#directory;
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    const compactor = new Compactor({
      ...this.#directory,
      fileSystem,
      folder: paths.segments,
      uuid: catalog.state.uuid,
      open: this.#open,
      journal: this.#log,
      admission: this.#admission,
      throttle: this.#throttle,
      segmentBytes,
      share: options.compactionShare ?? 0.25,
      memoryBytes: options.compactionMemoryBytes ?? 64 * MIB,
      onHeld: (stream, addedBytes) => this.#quotas.changed(stream, addedBytes),
      policyOf: ({ policies }) => policies?.compaction,
    });
    this.#directory.cache.onPolicies = (stream) => compactor.schedule(stream);
    return compactor;
  }

  #makeEngine(blocks: FileBlocks): StreamEngine<FileStream> {
    const { options, clock, paths, catalog, cache, fileSystem } = this.#directory;
    const { maxProducersPerStream = 10_000, maxSubscriptions = 10_000 } = options;
    const log = this.#log;
    const statusParts = {
      ...this.#directory,
      log,
      checkpointer: this.#checkpointer,
      open: this.#open,
      admission: this.#admission,
    };
    const identity = catalog.state.uuid.slice(0, 8);
    const ports = {
      clock,
      admission: this.#admission,
      journal: log,
      streams: cache,
      spaces: new OffsetSpaces(identity, cache),
    };
    const { subscriptions } = this.#directory;
    return new StreamEngine<FileStream>({
      ...ports,
      identity,
      kind: "file",
      maxProducersPerStream,
      subscriptions: new SubscriptionEngine({
        ...ports,
        registry: this.#directory.subscriptions,
        secrets: new SecretsFile(fileSystem, paths),
        maxSubscriptions,
        append: (name, request) => this.engine.append(name, request),
        newWakeId,
        random: options.random ?? Math.random,
      }),
      snapshots: this.#snapshots,
      quotas: this.#quotas,
      retention: this.#retentionParts(),
      countQuotas: (added) => this.#countQuotas(cache.nextId, added),
      blocks,
      onExpiring: (stream) => this.#expiry.schedule(stream),
      status: () => statusOf(statusParts),
      measure: (commands) => ({
        commands,
        log: { ...log.measures, ageSeconds: this.#logAge.ageSeconds(clock.nowMs()) },
        checkpointDurationSeconds: this.#checkpointer.durations,
        dirtyStreams: cache.dirty.count,
        compaction: this.#compactor.figures,
        unfreed: unfreedMeasures(this.#checkpointer.unfreed, clock.nowMs()),
        // Only who asks for it pays for a look at each of them.
        get subscriptions() {
          return subscriptions.measure(clock.nowMs());
        },
      }),
      close: (limitMs = Infinity) => this.#closing ??= this.#shutDown(limitMs),
    });
  }

  #retentionParts(): RetentionParts<FileStream> {
    const { cache, catalog } = this.#directory;
    return {
      isSupported: true,
      compacts: true,
      // With all that is there; the start does it.
      rules: new RetentionRules([]),
      loaded: () => cache.loadedStreams(),
      findDue: (nowMs, limit) => {
        const ahead = this.#findAhead(limit);
        if (ahead.length > 0) return ahead;
        const rows = catalog.dueForTrim(nowMs, this.#trimmedAfter, limit);
        this.#trimmedAfter = rows.at(-1) ?? this.#trimmedAfter;
        if (rows.length === 0 && limit > 0) return undefined;
        // One that is in memory may have been looked at since its row was stored.
        return rows.map(({ id }) => id).filter((id) => {
          const known = cache.loadedStream(id)?.retention;
          return known?.limits === undefined || known.dueMs <= nowMs;
        });
      },
      onDue: (stream) => cache.markDirty(stream),
      onRules: (rules, schedule) => void this.#walkRules(rules, schedule),
      pause: () => this.#pauseLooks(),
    };
  }

  /** The next rows with a time to be looked at that may be one of a clock that was ahead. */
  #findAhead(limit: number): readonly number[] {
    if (this.#lookedAfter === "done" || limit === 0) return [];
    const after = this.#lookedAfter === "none" ? undefined : this.#lookedAfter;
    const { catalog } = this.#directory;
    const rows = catalog.dueForTrim(Number.MAX_SAFE_INTEGER - 1, after, limit);
    this.#lookedAfter = rows.at(-1) ?? "done";
    return rows.map(({ id }) => id);
  }

  /** Trims wait for no room, but what they change is in memory until it is stored: no more than of others. */
  async #pauseLooks(): Promise<void> {
    const { cache, limits } = this.#directory;
    await this.#throttle.yieldFor(BATCHES_BETWEEN_SLICES);
    while (cache.dirty.count >= limits.maxDirtyStreams && !this.#isStopped) {
      await this.#admission.admit("write", 0);
    }
  }

  /** Streams that aren't in memory are looked at once where a pattern is about them. */
  async #walkRules(rules: RetentionRules, schedule: (id: number) => void): Promise<void> {
    const { catalog, cache } = this.#directory;
    try {
      for (let after: number | undefined = 0; after !== undefined && !rules.isNone;) {
        const { rows, lastId } = catalog.rowsAfter(after, SLICE_ROWS);
        for (const { id, name, tail, earliest } of rows) {
          if (tail <= earliest || cache.dirty.isDeleted(id) || !rules.matches(name)) continue;
          if (cache.loadedStream(id)?.retention?.rules !== rules) schedule(id);
        }
        after = lastId;
        await this.#throttle.yieldFor(BATCHES_BETWEEN_SLICES);
        if (this.#isStopped) return;
      }
    } catch (error) {
      if (!this.#isStopped) logger.error("Not all streams are looked at: {error}", { error });
    }
  }

  #makeLog(): LogWriter<Effect<FileStream>> {
    const { options, limits, clock, cache, files, current, nextLsn } = this.#directory;
    return new LogWriter<Effect<FileStream>>({
      files,
      current,
      clock,
      fsync: options.fsync ?? "always",
      fsyncIntervalMs: options.fsyncIntervalMs ?? 1000,
      sync: new LogSync({ clock, mayBlock: options.mayBlock ?? false, uses: () => cache.finds }),
      limitBytes: limits.logBytes,
      batchLimitBytes: limits.batchBytes,
      nextLsn,
      onDurable: (effects) => this.#onDurable(effects),
      onSynced: options.tracer && traceBatches(options.tracer),
      onShortage: (error) => this.#onShortage(error),
      onFailure: (error) =>
        logger.fatal("The storage takes no writes any more: {error}", { error }),
    });
  }

  #makeSegmentWriter(): SegmentWriter {
    const { options, limits, catalog } = this.#directory;
    return new SegmentWriter({
      ...this.#directory,
      open: this.#open,
      throttle: this.#throttle,
      uuid: catalog.state.uuid,
      segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
      smallStreamBytes: limits.smallStreamBytes,
      barrierFiles: options.barrierFiles ?? 4096,
    });
  }

  #makeCheckpointer(): Checkpointer {
    return new Checkpointer({
      ...this.#directory,
      folder: this.#directory.paths.segments,
      log: this.#log,
      throttle: this.#throttle,
      segments: this.#segments,
      snapshots: this.#snapshots,
      open: this.#open,
      onHeld: (stream, addedBytes) => this.#quotas.changed(stream, addedBytes),
      onStart: () => {
        this.#logAge.onCheckpointStart();
        this.#trigger.onCheckpointStart();
      },
      onStored: () => this.#admission.openGate(),
      onEnd: () => this.#onCheckpointEnd(),
    });
  }

  #makeExpiry(): Expiry {
    const { clock, catalog, cache, limits } = this.#directory;
    return new Expiry({
      clock,
      catalog,
      throttle: this.#throttle,
      horizonMs: 2 * limits.checkpointIntervalMs,
      expire: (id) => {
        this.engine.expire([id]);
        const stream = cache.loadIfThere(id);
        return stream?.lifecycle === "there" ? stream : undefined;
      },
      isStopped: () => this.#isStopped,
    });
  }

  get #isStopped(): boolean {
    return this.#isClosed || this.#log.failure !== undefined;
  }

  /** Called by the log before anyone is answered. */
  #onDurable(effects: readonly Effect<FileStream>[]): void {
    showEffects(effects);
    this.#logAge.onBatch(this.#directory.clock);
    for (const { stream } of effects) this.#writeEarly(stream);
    this.#trigger.onBatch(effects);
  }

  /** Durable bytes only, without a sync: the log holds them until a checkpoint has made them safe. */
  #writeEarly(stream: FileStream): void {
    const { earlyWriteBytes } = this.#directory.limits;
    if (stream.durableTail - stream.buffer.start < earlyWriteBytes) return;
    if (stream.inCheckpoint || stream.lifecycle === "deleted") return;
    try {
      this.#segments.write(stream, stream.durableTail);
    } catch {
      // The checkpoint meets the same failure, and there it counts.
      this.#checkpointer.request();
    }
  }

  #onShortage(error: ShortageError): void {
    logger.error("The log can't go on: {message}", { message: error.message });
    this.#checkpointer.request();
    // Whoever waits for a checkpoint asks again: one that runs may wait for the log itself now.
    this.#admission.openGate();
  }

  #onCheckpointEnd(): void {
    const { done } = this.#checkpointer;
    this.#logAge.onCheckpointEnd(done > this.#checkpointsDone);
    this.#checkpointsDone = done;
    this.#admission.openGate();
    this.#expiry.onRows();
    this.#trimmedAfter = undefined;
    if (this.#checkpointer.done > 0) this.#sweep();
    // Before that, what an attempt left that a crash cut short is in nobody's way, but takes up room.
    if (this.#sweepIsDone) this.#compactor.onCheckpoint();
  }

  /** Once, when the rows are complete. */
  #sweep(): void {
    if (this.#isSwept) return;
    this.#isSwept = true;
    const { paths } = this.#directory;
    const parts = {
      ...this.#directory,
      throttle: this.#throttle,
      nextId: this.#firstNewId,
      isStopped: () => this.#isStopped,
    };
    const swept = async () => {
      await sweepOrphans({ ...parts, folder: paths.segments });
      await sweepSnapshots({ ...parts, folder: paths.snapshots, snapshots: this.#snapshots });
    };
    swept().catch((error) => {
      if (!this.#isStopped) logger.warn("The sweep of left-over files stopped: {error}", { error });
    }).finally(() => this.#sweepIsDone = true);
  }

  async #shutDown(limitMs: number): Promise<void> {
    this.#trigger.stop();
    this.#admission.close();
    // What can't be written now isn't waited for: it was never acknowledged.
    this.#log.shortage.stop();
    try {
      await this.#compactor.stop();
      if (this.#log.failure === undefined) {
        await this.#log.flush();
        await this.#checkpointer.runLast(limitMs);
        // What was let in before and decided only now.
        await this.#log.flush();
      } else {
        await this.#checkpointer.stop(limitMs);
      }
    } finally {
      await this.#log.close();
      await this.#directory.catalog.close().finally(() => this.#release());
    }
  }

  /** Lets go of files and locks, last of all. */
  async #release(): Promise<void> {
    const { ballast, lock, reserve } = this.#directory;
    this.#isClosed = true;
    await this.#expiry.stop();
    await ballast.stop();
    this.#open.close();
    lock.release();
    reserve?.end();
  }
}

function unfreedMeasures(
  { bytes, sinceMs }: Checkpointer["unfreed"],
  nowMs: number,
): UnfreedMeasures {
  return { bytes, ageSeconds: sinceMs === undefined ? 0 : Math.max(0, nowMs - sinceMs) / 1000 };
}

/** What is wrong with traces never stops the log. */
function traceBatches(tracer: Pick<Tracer, "batch">): (batch: SyncedTags<Effect>) => void {
  return ({ tags, ...batch }) => {
    const { links, droppedLinks } = batchLinks(tags);
    if (links.length === 0) return;
    try {
      tracer.batch({ ...batch, links, droppedLinks });
    } catch (error) {
      logger.error("A batch can't be traced: {error}", { error });
    }
  };
}
