import type { ProducerPosition } from "../../protocol/errors.ts";
import type { NameRange } from "../../protocol/name_order.ts";
import { applyAppend, applyCreate } from "../apply.ts";
import { invariant } from "../invariant.ts";
import { OrderedNames } from "../ordered_names.ts";
import { ownText } from "../own_text.ts";
import type { Stream } from "../stream.ts";
import type { Catalog, StreamRow } from "./catalog.ts";
import {
  FileStream,
  forgetStored,
  streamFromRecord,
  streamFromRow,
  streamLikeness,
  type StreamSnapshot,
} from "./file_stream.ts";
import { listStreams } from "./listing.ts";
import type { Replay, ReplayRecord } from "./replay.ts";

/** What a stream takes in memory beside its bytes, about. */
const STREAM_BYTES = 1200;
/** What each of its producers in memory takes, about. */
const PRODUCER_BYTES = 150;
/** Idle streams leave until this part of their room is taken. */
const EVICTION_GOAL = 0.9;
/** So much of what may be loaded is left to idle streams, however many are dirty. */
const LEAST_IDLE = 0.1;

/** What a stream table needs to know. */
export interface StreamTableOptions {
  catalog: Catalog;
  replay: Replay;
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
 * The streams in memory, and the way there: from the catalogue's rows and what the log adds to them. A
 * dirty stream, one whose row lacks something, stays; an idle one leaves and comes back from its row.
 */
export class StreamTable {
  readonly #catalog: Catalog;
  readonly #replay: Replay;
  readonly #maxLoaded: number;
  readonly #maxIdleBytes: number;
  readonly #usedUntilMs: number | undefined;
  readonly #byName = new Map<string, FileStream>();
  readonly #byId = new Map<number, FileStream>();
  readonly #dirty = new Map<number, FileStream>();
  readonly #deletedIds: Set<number>;
  readonly #unstoredSegments = new Map<number, number[]>();
  readonly #newForks: Map<number, Set<number>>;
  /** The ids of names whose streams may have no row; of some the stream may have gone. */
  readonly #unstoredNames = new OrderedNames<number>();
  #hasLoggedNames = false;
  #idleBytes = 0;
  #round = 0;
  #finds = 0;
  #evicting = false;

  constructor(options: StreamTableOptions) {
    this.#catalog = options.catalog;
    this.#replay = options.replay;
    this.#maxLoaded = options.maxLoadedStreams;
    this.#maxIdleBytes = options.maxIdleBytes;
    this.#usedUntilMs = options.usedUntilMs;
    this.#deletedIds = new Set(options.replay.deletedIds);
    this.#newForks = options.replay.forks;
    for (const [sourceId, forks] of this.#newForks) {
      for (const id of forks) if (this.#deletedIds.has(id)) this.#forgetFork(sourceId, id);
    }
  }

  /** How many streams the next checkpoint has to store, and deletions. */
  get dirty(): number {
    return this.#dirty.size + this.#deletedIds.size;
  }

  /** How many streams are in memory. */
  get loaded(): number {
    return this.#byId.size;
  }

  /** Whether a stream of this id is in memory or in the log, or goes with the next checkpoint. */
  isKnown(id: number): boolean {
    if (this.#byId.has(id)) return true;
    // One that the log deletes was never loaded, and no checkpoint knows which files it left.
    return this.#replay.has(id) ? !this.#deletedIds.has(id) : this.#deletedIds.has(id);
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
      loaded.usedInRound = this.#round;
      return loaded;
    }
    const loggedId = this.#replay.idOf(name);
    if (loggedId !== undefined && !this.#deletedIds.has(loggedId)) {
      return this.loadIfThere(loggedId);
    }
    const row = this.#catalog.byName(name);
    return row === undefined || this.#deletedIds.has(row.id) ? undefined : this.#fromRow(row);
  }

  /** The stream of this id, unless it is gone for good. */
  loadIfThere(id: number): FileStream | undefined {
    const loaded = this.#byId.get(id);
    if (loaded !== undefined) {
      loaded.usedInRound = this.#round;
      return loaded;
    }
    if (this.#deletedIds.has(id)) return undefined;
    const row = this.#catalog.byId(id);
    if (row !== undefined) return this.#fromRow(row);
    return this.#replay.has(id) ? this.#fromLog(id) : undefined;
  }

  /** The streams in a range of names, as `Backend.list` has it. */
  list(range: NameRange, expected: number): Iterable<FileStream> {
    this.#addLoggedNames();
    const parts = {
      catalog: this.#catalog,
      unstored: this.#unstoredNames,
      glimpse: (id: number, row: StreamRow | undefined) => this.glimpse(id, row),
    };
    return listStreams(parts, range, expected);
  }

  /** Adds a stream that was just made. */
  add(stream: FileStream): void {
    stream.usedInRound = this.#round;
    this.#unstoredNames.set(stream.name, stream.id);
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.id, stream);
    this.markDirty(stream);
    if (stream.fork === undefined) return;
    const forks = this.#newForks.get(stream.fork.sourceId) ?? new Set();
    this.#newForks.set(stream.fork.sourceId, forks.add(stream.id));
  }

  /** Takes out a stream that is gone for good. */
  remove(stream: FileStream): void {
    if (this.#byName.get(stream.name) === stream) this.#byName.delete(stream.name);
    this.#byId.delete(stream.id);
    this.#markClean(stream);
    this.#endIdle(stream);
    this.#deletedIds.add(stream.id);
    this.#forgetName(stream);
    if (stream.changedSegments.size > 0) {
      this.#unstoredSegments.set(stream.id, [...stream.changedSegments.keys()]);
    }
    if (stream.fork !== undefined) this.#forgetFork(stream.fork.sourceId, stream.id);
  }

  /** A producer's newest position; afterwards it is in `stream.producers` if there is one. */
  producer(stream: Stream, id: string): ProducerPosition | undefined {
    const known = stream.producers.get(id);
    // Where all are in memory, one that isn't there is new.
    if (known !== undefined || stream.loadedProducers === stream.producerCount) return known;
    const stored = this.#catalog.producer(stream.id, id);
    if (stored === undefined) return undefined;
    const position = { epoch: stored.epoch, seq: stored.seq };
    stream.producers.set(ownText(id), position);
    return position;
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
  markTouched(): void {
    for (const stream of this.#byId.values()) {
      if (stream.touchedAtMs !== stream.storedTouchMs) this.markDirty(stream);
    }
  }

  /** The ids that the next checkpoint has to store, sorted, those of the log included. */
  dirtyIds(): number[] {
    const ids = new Set([...this.#dirty.keys(), ...this.#replay.ids]);
    return [...ids].sort((a, b) => a - b);
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
  settle(snapshots: readonly StreamSnapshot[]): void {
    for (const snapshot of snapshots) {
      const { stream } = snapshot;
      if (forgetStored(snapshot) && stream.isDirty) {
        this.#markClean(stream);
        this.#beginIdle(stream);
      }
      this.#forgetName(stream);
      if (stream.fork !== undefined) this.#forgetFork(stream.fork.sourceId, stream.id);
    }
    this.#evictSoon();
  }

  /** A checkpoint is over, which has stored these deletions. */
  endRound(deletedIds: readonly number[]): void {
    for (const id of deletedIds) {
      this.#deletedIds.delete(id);
      this.#unstoredSegments.delete(id);
      this.#replay.forget(id);
    }
    this.#round++;
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
    const stream = streamLikeness(row, this.#replay.ends(id));
    if (stream !== undefined) this.#keepAlive(stream);
    return stream;
  }

  /** Only once they are listed: a start doesn't go over all names. */
  #addLoggedNames(): void {
    if (this.#hasLoggedNames) return;
    this.#hasLoggedNames = true;
    for (const [name, id] of this.#replay.names) {
      // A name that is there already was made again since.
      if (this.#unstoredNames.get(name) === undefined) this.#unstoredNames.set(name, id);
    }
  }

  /** The name may stand for another stream by now. */
  #forgetName({ name, id }: FileStream): void {
    if (this.#unstoredNames.get(name) === id) this.#unstoredNames.delete(name);
  }

  #forgetFork(sourceId: number, forkId: number): void {
    const forks = this.#newForks.get(sourceId);
    forks?.delete(forkId);
    if (forks?.size === 0) this.#newForks.delete(sourceId);
  }

  #fromRow(row: StreamRow): FileStream {
    // One whose own bytes are all in its row has no segment to look for.
    const isWhole = row.tail - row.rest.length <= (row.fork?.point ?? 0);
    const lastSegment = isWhole ? undefined : this.#catalog.segmentAt(row.id, row.tail);
    const stream = streamFromRow(row, lastSegment);
    return this.#register(stream, this.#replay.take(row.id), row.position);
  }

  #fromLog(id: number): FileStream | undefined {
    const [first, ...others] = this.#replay.take(id);
    // A stream without a row whose creation isn't in the log either was deleted by a checkpoint that
    // a crash cut short; its delete follows, and so it is among the deleted.
    invariant(first?.record.kind === "create", `stream ${id} begins with its creation`);
    const stream = streamFromRecord(first.record);
    applyCreate(stream, first.record);
    stream.position = first.sequence;
    return this.#register(stream, others, 0);
  }

  #register(
    stream: FileStream,
    records: readonly ReplayRecord[],
    storedPosition: number,
  ): FileStream {
    for (const { sequence, record } of records) {
      if (sequence <= stream.position) continue;
      this.#apply(stream, record);
      stream.position = sequence;
    }
    stream.publish(stream.tail, stream.closed);
    stream.forks = this.#countForks(stream.id);
    stream.usedInRound = this.#round;
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.id, stream);
    if (this.#keepAlive(stream) || stream.position > storedPosition) this.markDirty(stream);
    else this.#beginIdle(stream);
    this.#evictSoon();
    return stream;
  }

  #apply(stream: FileStream, record: ReplayRecord["record"]): void {
    if (record.kind === "append") {
      if (record.producer !== undefined) {
        this.producer(stream, record.producer.id);
        stream.markProducer(record.producer.id);
      }
      applyAppend(stream, record);
    } else if (record.kind === "delete") {
      invariant(record.soft, `stream ${stream.id} is not deleted for good`);
      stream.presence = "soft_deleted";
    }
  }

  /**
   * Whether a stream counts as used at the start: its last uses may be lost, and it may live longer for
   * that, never shorter. That is stored, so that it isn't taken for over after the next crash.
   */
  #keepAlive(stream: FileStream): boolean {
    const usedMs = this.#usedUntilMs ?? 0;
    if (stream.lifetime.kind !== "ttl" || stream.touchedAtMs >= usedMs) return false;
    stream.touchedAtMs = usedMs;
    return true;
  }

  /** The catalogue's forks of a stream, with what the next checkpoint changes about them. */
  #countForks(id: number): number {
    const added = this.#newForks.get(id);
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
      this.#evict((stream) => stream.usedInRound < this.#round);
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
      if (stream.touchedAtMs !== stream.storedTouchMs) {
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
