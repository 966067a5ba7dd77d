import type { ProducerState } from "../../../protocol/errors.ts";
import type { NameRange } from "../../../protocol/name_order.ts";
import { OrderedNames } from "../../ordered_names.ts";
import { copyString } from "../../copy_string.ts";
import type { Stream } from "../../stream.ts";
import type { Catalog, SegmentRow, StreamRow } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";
import type { DamagedStreams } from "../directory/damaged_streams.ts";
import {
  type FileStream,
  markSnapshotStored,
  streamFromRow,
  type StreamSnapshot,
  streamSummary,
} from "./file_stream.ts";
import { listStreams } from "./listing.ts";

/** What a stream takes in memory beside its bytes, about. */
const STREAM_BYTES = 1200;
/** What each of its producers in memory takes, about. */
const PRODUCER_BYTES = 150;
/** Up to so many producers of a stream are loaded together. */
const FEW_PRODUCERS = 32;
/** Idle streams leave until this part of their room is taken. */
const EVICTION_GOAL = 0.9;
/** So much of what may be loaded is left to idle streams, however many are dirty. */
const LEAST_IDLE = 0.1;

/** What a stream table needs to know. */
export interface StreamCacheOptions {
  catalog: Catalog;
  damaged: DamagedStreams;
  /** Beyond so many streams in memory, dirty ones among them, idle ones leave it. */
  maxLoadedStreams: number;
  /** They also do where they take more than this together. */
  maxIdleBytes: number;
  /**
   * Set after an unclean end: uses that were not stored yet are lost, so a stream that may have been
   * used up to then counts as used at the start.
   */
  usedUntilMs: number | undefined;
}

/**
 * The streams in memory, and the way there from the catalogue's rows. A dirty stream, one whose row lacks
 * something, stays; an idle one leaves and comes back from its row.
 */
export class StreamCache {
  readonly #catalog: Catalog;
  readonly #damaged: DamagedStreams;
  readonly #maxLoaded: number;
  readonly #maxIdleBytes: number;
  readonly #usedUntilMs: number | undefined;
  readonly #byName = new Map<string, FileStream>();
  readonly #byId = new Map<number, FileStream>();
  readonly #dirty = new Map<number, FileStream>();
  readonly #deletedIds = new Set<number>();
  readonly #unstoredSegments = new Map<number, number[]>();
  readonly #unstoredForks = new Map<number, Set<number>>();
  /** The ids of names whose streams may have no row; of some the stream may have gone. */
  readonly #unstoredNames = new OrderedNames<number>();
  #idleBytes = 0;
  #checkpointEpoch = 0;
  #finds = 0;
  #evicting = false;

  constructor(options: StreamCacheOptions) {
    this.#catalog = options.catalog;
    this.#damaged = options.damaged;
    this.#maxLoaded = options.maxLoadedStreams;
    this.#maxIdleBytes = options.maxIdleBytes;
    this.#usedUntilMs = options.usedUntilMs;
  }

  /** How many streams the next checkpoint has to store, and deletions. */
  get dirty(): number {
    return this.#dirty.size + this.#deletedIds.size;
  }

  /** How many streams are in memory. */
  get loaded(): number {
    return this.#byId.size;
  }

  /** Whether a stream of this id is in memory, or goes with the next checkpoint. */
  isKnown(id: number): boolean {
    return this.#byId.has(id) || this.#deletedIds.has(id);
  }

  /** How often a stream was looked for by its name. */
  get finds(): number {
    return this.#finds;
  }

  /** The stream of this name in its assigned state. */
  find(name: string): FileStream | undefined {
    this.#finds++;
    const loaded = this.#byName.get(name);
    if (loaded !== undefined) {
      loaded.usedInEpoch = this.#checkpointEpoch;
      return loaded;
    }
    const row = this.#catalog.byName(name);
    if (row === undefined || this.#deletedIds.has(row.id)) return undefined;
    // In memory without its name: a replay has loaded it before an earlier stream of that name came and went.
    const stream = this.#byId.get(row.id) ?? this.#fromRow(row);
    this.#byName.set(name, stream);
    return stream;
  }

  /** The stream of this id, unless it is gone for good. */
  loadIfThere(id: number): FileStream | undefined {
    const loaded = this.#byId.get(id);
    if (loaded !== undefined) {
      loaded.usedInEpoch = this.#checkpointEpoch;
      return loaded;
    }
    if (this.#deletedIds.has(id)) return undefined;
    const row = this.#catalog.byId(id);
    return row === undefined ? undefined : this.#fromRow(row);
  }

  /** The streams in a range of names, as `Backend.list` has it. */
  list(range: NameRange, expected: number): Iterable<FileStream> {
    const parts = {
      catalog: this.#catalog,
      unstored: this.#unstoredNames,
      summary: (id: number, row: StreamRow | undefined) => this.glimpse(id, row),
    };
    return listStreams(parts, range, expected);
  }

  /** Adds a stream that was just made. */
  add(stream: FileStream): void {
    stream.usedInEpoch = this.#checkpointEpoch;
    this.#unstoredNames.set(stream.name, stream.id);
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.id, stream);
    this.#keepAlive(stream);
    this.markDirty(stream);
    if (stream.fork === undefined) return;
    const forks = this.#unstoredForks.get(stream.fork.sourceId) ?? new Set();
    this.#unstoredForks.set(stream.fork.sourceId, forks.add(stream.id));
  }

  /** Takes out a stream that is gone for good. */
  remove(stream: FileStream): void {
    if (this.#byName.get(stream.name) === stream) this.#byName.delete(stream.name);
    this.#byId.delete(stream.id);
    this.#markClean(stream);
    this.#endIdle(stream);
    this.#deletedIds.add(stream.id);
    this.#damaged.forget(stream.id);
    this.#forgetName(stream);
    if (stream.changedSegments.size > 0) {
      this.#unstoredSegments.set(stream.id, [...stream.changedSegments.keys()]);
    }
    if (stream.fork !== undefined) this.#forgetFork(stream.fork.sourceId, stream.id);
  }

  /** Takes out a stream that is gone for good and not in memory, since its row is gone or can't be read. */
  removeUnread(id: number): void {
    this.#deletedIds.add(id);
  }

  /** A producer's newest position; afterwards it is in `stream.producers` if there is one. */
  producer(stream: Stream, id: string): ProducerState | undefined {
    const known = stream.producers.get(id);
    if (known !== undefined) return known;
    const { producerCount } = stream;
    if (stream.loadedProducers === 0 && producerCount > 0 && producerCount <= FEW_PRODUCERS) {
      this.#loadProducers(stream);
    }
    // Where all are in memory, one that isn't there is new.
    if (stream.loadedProducers === producerCount) return stream.producers.get(id);
    const stored = this.#catalog.producer(stream.id, id);
    if (stored === undefined) return undefined;
    const position = { epoch: stored.epoch, seq: stored.seq };
    stream.producers.set(copyString(id), position);
    return position;
  }

  /** All of them cost little more than one, and then no new one is looked for in vain. */
  #loadProducers(stream: Stream): void {
    try {
      for (const { producerId, epoch, seq } of this.#catalog.producers(stream.id)) {
        stream.producers.set(producerId, { epoch, seq });
      }
    } catch (error) {
      // One of them is damaged: the others can be looked up by themselves.
      if (!isDamage(error)) throw error;
    }
  }

  /** Loads those of these ids that have a row which checks and aren't in memory. */
  preload(ids: readonly number[]): void {
    const absent = ids.filter((id) => !this.isKnown(id));
    if (absent.length === 0) return;
    for (const row of this.#catalog.byIds(absent)) this.#fromRow(row);
  }

  /** The stream's row lacks something from now on. */
  markDirty(stream: FileStream): void {
    // The flag spares appends the look-up.
    if (stream.isDirty) return;
    stream.isDirty = true;
    this.#endIdle(stream);
    this.#dirty.set(stream.id, stream);
  }

  /** Every use since a stream was stored is worth remembering: no other checkpoint follows. */
  markAccessed(): void {
    for (const stream of this.#byId.values()) {
      if (stream.accessedAtMs !== stream.storedAccessAtMs) this.markDirty(stream);
    }
  }

  /** The ids that the next checkpoint has to store, sorted. */
  dirtyIds(): number[] {
    return [...this.#dirty.keys()].sort((a, b) => a - b);
  }

  /** The ids that the next checkpoint has to delete, sorted. */
  deletedIds(): number[] {
    return [...this.#deletedIds].sort((a, b) => a - b);
  }

  /** Bases of a deleted stream's segments that the catalogue may not know. */
  unstoredSegments(deletedId: number): readonly number[] {
    return this.#unstoredSegments.get(deletedId) ?? [];
  }

  /** Forgets what a checkpoint has stored; what changed meanwhile stays dirty. */
  markStored(snapshots: readonly StreamSnapshot[]): void {
    for (const snapshot of snapshots) {
      const { stream } = snapshot;
      if (markSnapshotStored(snapshot) && stream.isDirty) {
        this.#markClean(stream);
        this.#beginIdle(stream);
      }
      this.#forgetName(stream);
      if (stream.fork !== undefined) this.#forgetFork(stream.fork.sourceId, stream.id);
    }
    this.#evictSoon();
  }

  /** A checkpoint is over, which has stored these deletions. */
  endCheckpoint(deletedIds: readonly number[]): void {
    for (const id of deletedIds) {
      this.#deletedIds.delete(id);
      this.#unstoredSegments.delete(id);
    }
    this.#checkpointEpoch++;
    this.#evictSoon();
  }

  #markClean(stream: FileStream): void {
    stream.isDirty = false;
    this.#dirty.delete(stream.id);
  }

  #beginIdle(stream: FileStream): void {
    stream.idleBytes = STREAM_BYTES + stream.buffer.capacityBytes +
      stream.loadedProducers * PRODUCER_BYTES;
    this.#idleBytes += stream.idleBytes;
  }

  #endIdle(stream: FileStream): void {
    this.#idleBytes -= stream.idleBytes;
    stream.idleBytes = 0;
  }

  /** The stream of this id as it is; one that isn't loaded comes as a likeness. */
  glimpse(id: number, row?: StreamRow): FileStream | undefined {
    const loaded = this.#byId.get(id);
    if (loaded !== undefined) return loaded;
    if (this.#deletedIds.has(id)) return undefined;
    if (row === undefined) return undefined;
    const stream = streamSummary(row);
    this.#keepAlive(stream);
    return stream;
  }

  /** The name may stand for another stream by now. */
  #forgetName({ name, id }: FileStream): void {
    if (this.#unstoredNames.get(name) === id) this.#unstoredNames.delete(name);
  }

  #forgetFork(sourceId: number, forkId: number): void {
    const forks = this.#unstoredForks.get(sourceId);
    forks?.delete(forkId);
    if (forks?.size === 0) this.#unstoredForks.delete(sourceId);
  }

  #fromRow(row: StreamRow): FileStream {
    const stream = streamFromRow(row, this.#lastSegmentOf(row));
    stream.damage = this.#damaged.reasonOf(row.id);
    stream.publish(stream.tail, stream.closed);
    stream.forkCount = this.#countForks(stream.id);
    stream.usedInEpoch = this.#checkpointEpoch;
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.id, stream);
    if (this.#keepAlive(stream)) this.markDirty(stream);
    else this.#beginIdle(stream);
    this.#evictSoon();
    return stream;
  }

  /**
   * The segment that a stream's bytes go on in. Where its row isn't what it has to be, the stream is set
   * aside; what the log still adds to it goes into a new segment.
   */
  #lastSegmentOf({ id, name, fork, tail, rest }: StreamRow): SegmentRow | undefined {
    const end = tail - rest.length;
    // One whose own bytes are all in its row has no segment to look for.
    if (end <= (fork?.point ?? 0)) return undefined;
    try {
      const segment = this.#catalog.segmentAt(id, tail);
      if (segment !== undefined && segment.base + segment.bytes === end) return segment;
      const found = segment === undefined ? "none" : `one to ${segment.base + segment.bytes}`;
      const reason = `The catalogue should have a segment up to offset ${end}, and has ${found}.`;
      this.#damaged.add({ id, name, reason });
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#damaged.add({ id, name, reason: error.message });
    }
    return undefined;
  }

  /**
   * Whether a stream counts as used at the start: its last uses may be lost, and it may live longer for
   * that, never shorter. That is stored, so that it isn't taken for over after the next crash.
   */
  #keepAlive(stream: FileStream): boolean {
    const usedMs = this.#usedUntilMs ?? 0;
    if (stream.lifetime.kind !== "ttl" || stream.accessedAtMs >= usedMs) return false;
    stream.accessedAtMs = usedMs;
    return true;
  }

  /** The catalogue's forks of a stream, with what the next checkpoint changes about them. */
  #countForks(id: number): number {
    const added = this.#unstoredForks.get(id);
    if (added === undefined && this.#deletedIds.size === 0) return this.#catalog.countForks(id);
    const forks = new Set(this.#catalog.forkIds(id));
    for (const fork of added ?? []) forks.add(fork);
    let count = 0;
    for (const fork of forks) if (!this.#deletedIds.has(fork)) count++;
    return count;
  }

  /**
   * Lets idle streams go once there are too many, later: whoever loads one may hold others, and acts on
   * them before it lets anything else run.
   */
  #evictSoon(): void {
    if (this.#evicting || !this.#isOver(1)) return;
    this.#evicting = true;
    setImmediate(() => {
      this.#evicting = false;
      this.#evict((stream) => stream.usedInEpoch < this.#checkpointEpoch);
      this.#evict(() => true);
    });
  }

  get #idle(): number {
    return this.#byId.size - this.#dirty.size;
  }

  #evict(isIdle: (stream: FileStream) => boolean): void {
    if (!this.#isOver(1)) return;
    for (const stream of this.#byId.values()) {
      if (!this.#isOver(EVICTION_GOAL)) return;
      if (!isIdle(stream) || stream.isWatched || stream.isDirty) continue;
      // Loaded again, it would be another object, which the checkpoint takes for stored when it ends.
      if (stream.inCheckpoint) continue;
      if (stream.accessedAtMs !== stream.storedAccessAtMs) {
        this.markDirty(stream);
        continue;
      }
      this.#byName.delete(stream.name);
      this.#byId.delete(stream.id);
      this.#endIdle(stream);
    }
  }

  /** Whether idle streams take more than this part of what they may; the dirty ones take of it first. */
  #isOver(part: number): boolean {
    const most = Math.max(this.#maxLoaded - this.#dirty.size, this.#maxLoaded * LEAST_IDLE);
    return this.#idle > most * part || this.#idleBytes > this.#maxIdleBytes * part;
  }
}
