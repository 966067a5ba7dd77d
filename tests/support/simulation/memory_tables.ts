import { FileSystemError } from "../../../src/env/file_system.ts";
import { expiryMs } from "../../../src/protocol/lifetime.ts";
import type {
  BlockRow,
  CatalogChanges,
  CatalogState,
  ProducerRow,
  SegmentRow,
  SnapshotRow,
  StreamRow,
  StreamUpdate,
} from "../../../src/storage/file/catalog/catalog.ts";
import { identityChecksum } from "../../../src/storage/file/catalog/schema.ts";
import type {
  CursorRow,
  SubscriptionCapture,
  SubscriptionRow,
} from "../../../src/storage/subscriptions/capture.ts";
import { invariant } from "../../../src/storage/invariant.ts";

/** A change of a catalogue: it happens whole or not at all. */
export type Transaction =
  | { kind: "store"; changes: CatalogChanges }
  | { kind: "state"; state: CatalogState };

/** A row of a stream's, its own where it says no more. */
export interface DamagedRow {
  streamId: number;
  producerId?: string;
  /** That of a segment. */
  base?: number;
  /** The base of a block. */
  block?: number;
  /** That of a cursor, or of a subscription, which is in stream 0. */
  subscriptionId?: number;
}

/** A catalogue's tables in memory. */
export class MemoryTables {
  state: CatalogState;
  /** Rows that aren't what was written, as long as nothing else is written there. */
  readonly #damaged = new Map<string, DamagedRow>();
  readonly #streams = new Map<number, StreamRow>();
  readonly #names = new Map<string, number>();
  readonly #producers = new Map<number, Map<string, ProducerRow>>();
  readonly #segments = new Map<number, Map<number, SegmentRow>>();
  readonly #blocks = new Map<number, Map<number, BlockRow>>();
  readonly #snapshots = new Map<number, SnapshotRow>();
  readonly #subscriptions = new Map<number, SubscriptionRow>();
  /** By their subscriptions and streams. */
  readonly #cursors = new Map<number, Map<number, CursorRow>>();

  constructor(uuid: string) {
    this.state = { uuid, lsn: 0, nextId: 1, checkpointAtMs: 0, clean: true };
  }

  /** The row isn't what was written any more. */
  damage(row: DamagedRow): void {
    this.#damaged.set(keyOf(row), row);
  }

  /** Whether a row isn't what was written. */
  isDamaged(row: DamagedRow): boolean {
    return this.#damaged.size > 0 && this.#damaged.has(keyOf(row));
  }

  /** The streams whose own rows are what was written. */
  soundStreams(): StreamRow[] {
    return [...this.#streams.values()].filter(({ id }) => !this.isDamaged({ streamId: id }));
  }

  idOf(name: string): number | undefined {
    return this.#names.get(name);
  }

  stream(id: number): StreamRow | undefined {
    return this.#streams.get(id);
  }

  streams(): Iterable<StreamRow> {
    return this.#streams.values();
  }

  producers(streamId: number): ProducerRow[] {
    return [...this.#producers.get(streamId)?.values() ?? []];
  }

  producer(streamId: number, producerId: string): ProducerRow | undefined {
    return this.#producers.get(streamId)?.get(producerId);
  }

  /** Oldest first. */
  segments(streamId: number): SegmentRow[] {
    return [...this.#segments.get(streamId)?.values() ?? []].sort((a, b) => a.base - b.base);
  }

  /** Oldest first. */
  blocks(streamId: number): BlockRow[] {
    return [...this.#blocks.get(streamId)?.values() ?? []].sort((a, b) => a.base - b.base);
  }

  /** Every block of every stream. */
  allBlocks(): BlockRow[] {
    return [...this.#blocks.keys()].flatMap((id) => this.blocks(id));
  }

  snapshot(streamId: number): SnapshotRow | undefined {
    return this.#snapshots.get(streamId);
  }

  /** By their streams' ids. */
  allSnapshots(): SnapshotRow[] {
    return [...this.#snapshots.values()].sort((a, b) => a.streamId - b.streamId);
  }

  /** Every segment of every stream. */
  allSegments(): SegmentRow[] {
    return [...this.#segments.keys()].flatMap((id) => this.segments(id));
  }

  /** By their ids. */
  subscriptions(): SubscriptionRow[] {
    return [...this.#subscriptions.values()].sort((a, b) => a.id - b.id);
  }

  /** Every cursor of every subscription. */
  allCursors(): CursorRow[] {
    return [...this.#cursors.values()].flatMap((cursors) => [...cursors.values()]);
  }

  /** When a stream's time is over, as its row has it. */
  static endsAtMs(row: StreamRow): number {
    return expiryMs(row.lifetime, row.accessedAtMs);
  }

  /** @throws {FileSystemError} where a name would stand for two streams; nothing has changed then */
  apply(transaction: Transaction): void {
    if (transaction.kind === "state") {
      this.state = transaction.state;
      return;
    }
    const { changes } = transaction;
    this.#checkNames(changes);
    for (const id of changes.deletedIds) this.#delete(id);
    for (const row of changes.streams) {
      this.#streams.set(row.id, row);
      this.#names.set(row.name, row.id);
      this.#damaged.delete(keyOf({ streamId: row.id }));
    }
    for (const update of changes.updates) this.#update(update);
    for (const row of changes.producers) {
      inner(this.#producers, row.streamId).set(row.producerId, row);
      this.#damaged.delete(keyOf(row));
    }
    for (const { streamId, base } of changes.deletedSegments) {
      this.#segments.get(streamId)?.delete(base);
    }
    for (const row of changes.segments) {
      inner(this.#segments, row.streamId).set(row.base, row);
      this.#damaged.delete(keyOf(row));
    }
    this.#applyBlocks(changes);
    for (const id of changes.streamsWithoutSnapshot) this.#snapshots.delete(id);
    for (const row of changes.snapshots) this.#snapshots.set(row.streamId, row);
    this.#applySubscriptions(changes.subscriptions);
  }

  #applyBlocks({ deletedBlocks, blocks }: CatalogChanges): void {
    for (const { streamId, before } of deletedBlocks) {
      for (const { base, end } of this.blocks(streamId)) {
        if (end > before) continue;
        this.#blocks.get(streamId)?.delete(base);
        this.#damaged.delete(keyOf({ streamId, block: base }));
      }
    }
    for (const row of blocks) {
      inner(this.#blocks, row.streamId).set(row.base, row);
      this.#damaged.delete(keyOf({ streamId: row.streamId, block: row.base }));
    }
  }

  #applySubscriptions({ deletedIds, rows, cursors, deletedCursors }: SubscriptionCapture): void {
    for (const id of deletedIds) this.#deleteSubscription(id);
    for (const row of rows) {
      const other = this.subscriptions().find(({ id, name }) => name === row.name && id !== row.id);
      if (other !== undefined) this.#deleteSubscription(other.id);
      this.#subscriptions.set(row.id, row);
      this.#damaged.delete(keyOf({ streamId: 0, subscriptionId: row.id }));
    }
    for (const { subscriptionId, streamId } of deletedCursors) {
      this.#cursors.get(subscriptionId)?.delete(streamId);
    }
    for (const row of cursors) {
      inner(this.#cursors, row.subscriptionId).set(row.streamId, row);
      this.#damaged.delete(keyOf(row));
    }
  }

  #deleteSubscription(id: number): void {
    this.#subscriptions.delete(id);
    this.#cursors.delete(id);
    for (const [key, { subscriptionId }] of this.#damaged) {
      if (subscriptionId === id) this.#damaged.delete(key);
    }
  }

  /** What a copy of the database would hold. */
  copy(): MemoryTables {
    const tables = new MemoryTables(this.state.uuid);
    tables.apply({ kind: "state", state: this.state });
    tables.apply({
      kind: "store",
      changes: {
        deletedIds: [],
        streams: [...this.#streams.values()],
        updates: [],
        producers: [...this.#producers.values()].flatMap((rows) => [...rows.values()]),
        deletedSegments: [],
        segments: this.allSegments(),
        deletedBlocks: [],
        blocks: this.allBlocks(),
        snapshots: this.allSnapshots(),
        streamsWithoutSnapshot: [],
        subscriptions: {
          deletedIds: [],
          rows: this.subscriptions(),
          cursors: this.allCursors(),
          deletedCursors: [],
        },
      },
    });
    for (const row of this.#damaged.values()) tables.damage(row);
    return tables;
  }

  #update({ identityChecksum: checksum, endsAtMs, ...state }: StreamUpdate): void {
    const row = this.#streams.get(state.id);
    if (row === undefined) {
      throw new FileSystemError("other", "commit", `${state.id}`, "there is no row to update");
    }
    const updated = { ...row, ...state };
    invariant(checksum === identityChecksum(row), "an update's checksum begins with the row's");
    invariant(endsAtMs === MemoryTables.endsAtMs(updated), "an update knows when the stream ends");
    this.#streams.set(state.id, updated);
  }

  #delete(id: number): void {
    const row = this.#streams.get(id);
    if (row !== undefined) this.#names.delete(row.name);
    this.#streams.delete(id);
    this.#producers.delete(id);
    this.#segments.delete(id);
    this.#blocks.delete(id);
    this.#snapshots.delete(id);
    for (const [key, { streamId, subscriptionId }] of this.#damaged) {
      if (streamId === id && subscriptionId === undefined) this.#damaged.delete(key);
    }
  }

  #checkNames(changes: CatalogChanges): void {
    const deleted = new Set(changes.deletedIds);
    for (const { id, name } of changes.streams) {
      const holder = this.#names.get(name);
      if (holder === undefined || holder === id || deleted.has(holder)) continue;
      throw new FileSystemError("other", "commit", name, `UNIQUE: stream ${holder} has the name`);
    }
  }
}

function inner<K, L, V>(maps: Map<K, Map<L, V>>, key: K): Map<L, V> {
  const found = maps.get(key) ?? new Map<L, V>();
  maps.set(key, found);
  return found;
}

function keyOf({ streamId, producerId, base, block, subscriptionId }: DamagedRow): string {
  const place = `${base ?? ""}/${block ?? ""}`;
  return `${streamId}/${place}/${subscriptionId ?? ""}/${producerId ?? ""}`;
}
