import type { ProducerState } from "../../../protocol/errors.ts";
import type { NameRange } from "../../../protocol/name_order.ts";
import type { CreateRecord, ProducerBatch } from "../../records.ts";
import type { DescribedStreams } from "../../streams.ts";
import type { Catalog, SegmentRow, StreamRow } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";
import type { DamagedStreams } from "../directory/damaged_streams.ts";
import { DirtyStreams } from "./dirty_streams.ts";
import {
  type FileStream,
  markSnapshotStored,
  streamFromRecord,
  type StreamSnapshot,
} from "./file_stream.ts";
import { ForkCounts } from "./fork_counts.ts";
import { IdleStreams } from "./idle_streams.ts";
import { Listing } from "./listing.ts";
import { findProducer, listProducers } from "./producer_lookup.ts";
import { RowLoader } from "./row_loader.ts";

/** What a stream cache needs to know. */
export interface StreamCacheOptions {
  catalog: Catalog;
  damaged: DamagedStreams;
  /** As in `IdleStreamsParts`. */
  maxLoadedStreams: number;
  /** As in `IdleStreamsParts`. */
  maxIdleBytes: number;
  /** As in `RowLoaderParts`. */
  usedUntilMs: number | undefined;
}

/**
 * The streams in memory, and the way there from the catalogue's rows. A dirty stream, one whose row lacks
 * something, stays; an idle one leaves and comes back from its row.
 */
export class StreamCache implements DescribedStreams<FileStream> {
  /** What the rows lack. */
  readonly dirty = new DirtyStreams();
  /** The id that the next stream will get. */
  nextId = 1;
  /** Called for a stream with policies that has come into memory from its row, or whose row was stored. */
  onPolicies: (stream: FileStream) => void = () => {};
  readonly #catalog: Catalog;
  readonly #damaged: DamagedStreams;
  readonly #loader: RowLoader;
  readonly #byName = new Map<string, FileStream>();
  readonly #byId = new Map<number, FileStream>();
  readonly #idle: IdleStreams;
  readonly #forks: ForkCounts;
  readonly #listing: Listing;
  #finds = 0;

  constructor(options: StreamCacheOptions) {
    const { catalog, damaged } = options;
    this.#catalog = catalog;
    this.#damaged = damaged;
    this.#loader = new RowLoader(options);
    this.#forks = new ForkCounts(catalog, this.dirty);
    this.#listing = new Listing({ catalog, summary: (id, row) => this.#summary(id, row) });
    this.#idle = new IdleStreams({
      loaded: this.#byId,
      dirty: this.dirty,
      maxLoadedStreams: options.maxLoadedStreams,
      maxIdleBytes: options.maxIdleBytes,
      markDirty: (stream) => this.markDirty(stream),
      evict: (stream) => {
        this.#byName.delete(stream.name);
        this.#byId.delete(stream.id);
      },
    });
  }

  /** How many streams are in memory. */
  get loaded(): number {
    return this.#byId.size;
  }

  /** The stream of this id, if it is in memory; doesn't count as use. */
  loadedStream(id: number): FileStream | undefined {
    return this.#byId.get(id);
  }

  /** The streams in memory. */
  loadedStreams(): Iterable<FileStream> {
    return this.#byId.values();
  }

  /** The stream of a row as it is, `undefined` where it is gone; not loaded for this. */
  current(id: number, row: StreamRow): FileStream | undefined {
    return this.#summary(id, row);
  }

  /** Whether a stream of this id is in memory, or goes with the next checkpoint. */
  isKnown(id: number): boolean {
    return this.#byId.has(id) || this.dirty.isDeleted(id);
  }

  /** A stream's segments that aren't stored as they are; none of one that isn't in memory. */
  changedSegments(id: number): readonly SegmentRow[] {
    return [...this.#byId.get(id)?.changedSegments.values() ?? []];
  }

  /** How often a stream was looked for by its name. */
  get finds(): number {
    return this.#finds;
  }

  newId(): number {
    return this.nextId++;
  }

  find(name: string): FileStream | undefined {
    this.#finds++;
    const loaded = this.#byName.get(name);
    if (loaded !== undefined) {
      this.#idle.use(loaded);
      return loaded;
    }
    const row = this.#catalog.byName(name);
    if (row === undefined || this.dirty.isDeleted(row.id)) return undefined;
    // In memory without its name: a replay has loaded it before an earlier stream of that name came and went.
    const stream = this.#byId.get(row.id) ?? this.#fromRow(row);
    this.#byName.set(name, stream);
    return stream;
  }

  loadIfThere(id: number): FileStream | undefined {
    const loaded = this.#byId.get(id);
    if (loaded !== undefined) {
      this.#idle.use(loaded);
      return loaded;
    }
    if (this.dirty.isDeleted(id)) return undefined;
    const row = this.#catalog.byId(id);
    return row === undefined ? undefined : this.#fromRow(row);
  }

  summary(id: number): FileStream | undefined {
    return this.#summary(id, undefined) ?? this.#summary(id, this.#catalog.byId(id));
  }

  sortNames(): Promise<void> | undefined {
    return this.#listing.sortNames();
  }

  list(range: NameRange, expected: number): Iterable<FileStream> {
    return this.#listing.streams(range, expected);
  }

  producer(stream: FileStream, id: string): ProducerState | undefined {
    return findProducer(this.#catalog, stream, id);
  }

  producers(stream: FileStream, limit: number): ProducerBatch[] {
    return listProducers(this.#catalog, stream, limit);
  }

  forks(stream: FileStream, limit: number): string[] {
    const ids = this.#forks.idsOf(stream.id).slice(0, limit);
    return ids.flatMap((id) => this.summary(id) ?? [])
      .filter(({ lifecycle }) => lifecycle === "there").map(({ name }) => name);
  }

  /** The ids of a stream's forks, softly deleted ones too. */
  forkIds(stream: FileStream): readonly number[] {
    return this.#forks.idsOf(stream.id);
  }

  make(record: CreateRecord): FileStream {
    return streamFromRecord(record);
  }

  add(stream: FileStream): void {
    this.#idle.use(stream);
    this.#listing.add(stream);
    this.#forks.add(stream);
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.id, stream);
    this.#loader.keepAlive(stream);
    this.markDirty(stream);
  }

  remove(stream: FileStream): void {
    if (this.#byName.get(stream.name) === stream) this.#byName.delete(stream.name);
    this.#byId.delete(stream.id);
    this.dirty.addDeleted(stream);
    this.#idle.delete(stream);
    this.#damaged.forget(stream.id);
    this.#listing.forget(stream);
    this.#forks.forget(stream);
  }

  markDirty(stream: FileStream, producerId?: string): void {
    if (producerId !== undefined) stream.markProducer(producerId);
    // The flag spares appends the look-up.
    if (stream.isDirty) return;
    this.#idle.delete(stream);
    this.dirty.add(stream);
  }

  /** The next checkpoint lets go of it. */
  release(stream: FileStream): void {
    for (let at: FileStream | undefined = stream; at !== undefined;) {
      if (at.lifecycle !== "deleted") {
        at.wantsRelease = true;
        this.markDirty(at);
      }
      at = at.fork && this.#sourceOf(at.fork.sourceId);
    }
  }

  /** The first position that the stream's readers, or those of any of its forks, can read. */
  firstNeeded(stream: FileStream): number {
    let first = Infinity;
    // Without recursion: forks of forks may be many. Of a stream, each sees what comes before `end`.
    const readers = [{ reader: stream, end: Infinity }];
    for (let next = readers.pop(); next !== undefined; next = readers.pop()) {
      const { reader, end } = next;
      if (reader.lifecycle === "there" && reader.durableEarliest < end) {
        first = Math.min(first, reader.durableEarliest);
      }
      // Of one in memory that is known; a look-up for each that is trimmed would be many.
      if (reader === stream && stream.forkCount === 0) continue;
      for (const id of this.#forks.idsOf(reader.id)) {
        const fork = this.summary(id);
        if (fork !== undefined) readers.push({ reader: fork, end: Math.min(end, fork.ownStart) });
      }
    }
    return first;
  }

  /** A source that is damaged keeps what it has. */
  #sourceOf(id: number): FileStream | undefined {
    try {
      return this.loadIfThere(id);
    } catch (error) {
      if (!isDamage(error)) throw error;
      return undefined;
    }
  }

  accessed(stream: FileStream): void {
    const { lifetime } = stream;
    if (lifetime.kind !== "ttl") return;
    const worthMs = lifetime.ttlSeconds * 100;
    if (stream.accessedAtMs - stream.storedAccessAtMs > worthMs) this.markDirty(stream);
  }

  /** Every use since a stream was stored is worth remembering: no other checkpoint follows. */
  markAccessed(): void {
    for (const stream of this.#byId.values()) {
      if (stream.accessedAtMs !== stream.storedAccessAtMs) this.markDirty(stream);
    }
  }

  /** Loads those of these ids that have a row which checks and aren't in memory. */
  preload(ids: readonly number[]): void {
    const absent = ids.filter((id) => !this.isKnown(id));
    if (absent.length === 0) return;
    for (const row of this.#catalog.byIds(absent)) this.#fromRow(row);
  }

  /** Forgets what a checkpoint has stored; what changed meanwhile stays dirty. */
  markStored(snapshots: readonly StreamSnapshot[]): void {
    for (const snapshot of snapshots) {
      const { stream } = snapshot;
      if (markSnapshotStored(snapshot) && stream.isDirty) {
        this.dirty.delete(stream);
        this.#idle.add(stream);
      }
      this.#listing.forget(stream);
      this.#forks.forget(stream);
      if (stream.policies !== undefined) this.onPolicies(stream);
    }
    this.#idle.evictSoon();
  }

  /** A checkpoint is over, which has stored these deletions. */
  endCheckpoint(deletedIds: readonly number[]): void {
    this.dirty.forgetDeleted(deletedIds);
    this.#idle.beginEpoch();
  }

  #summary(id: number, row: StreamRow | undefined): FileStream | undefined {
    const loaded = this.#byId.get(id);
    if (loaded !== undefined) return loaded;
    return row === undefined || this.dirty.isDeleted(id) ? undefined : this.#loader.summary(row);
  }

  #fromRow(row: StreamRow): FileStream {
    const stream = this.#loader.load(row);
    stream.forkCount = this.#forks.count(stream.id);
    this.#idle.use(stream);
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.id, stream);
    if (this.#loader.keepAlive(stream)) this.markDirty(stream);
    else this.#idle.add(stream);
    this.#idle.evictSoon();
    if (stream.policies !== undefined) this.onPolicies(stream);
    return stream;
  }
}
