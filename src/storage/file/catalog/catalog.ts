import { FileSystemError } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { type ProducerState, StreamError } from "../../../protocol/errors.ts";
import type { Lifetime } from "../../../protocol/lifetime.ts";
import type { NameRange } from "../../../protocol/name_order.ts";
import type { ForkOrigin, ProducerBatch } from "../../records.ts";
import type {
  CursorRow,
  SubscriptionCapture,
  SubscriptionRow,
} from "../../subscriptions/capture.ts";

/** The columns of a stream's row that never change: the first ones. */
export interface IdentityColumns {
  id: number;
  name: string;
  contentType: string;
  lifetime: Lifetime;
  fork: ForkOrigin | undefined;
}

/** The columns of a stream's row that records change: the others. */
export interface StateColumns {
  softDeleted: boolean;
  accessedAtMs: number;
  closed: boolean;
  closedBy: ProducerBatch | undefined;
  seq: string | undefined;
  producerCount: number;
  /** The newest record that the row includes. */
  lsn: number;
  tail: number;
  /** How many messages of its own it has. */
  messages: number;
  /** When the newest message came. */
  lastAtMs: number;
  /** The first position that can be read. */
  earliest: number;
  /** How many messages of its own come before that. */
  earliestMessages: number;
  /** Its policies, as `encodePolicies` has them. */
  policies: string | undefined;
  /** When it is to be looked at for its retention; `Infinity` for never. Not checked. */
  trimsAtMs: number;
  /** How many messages `rest` has. */
  restMessages: number;
  /** The bytes after the last whole block. */
  rest: Bytes;
}

/** A stream as of a record of the log: one row of the catalogue. */
export interface StreamRow extends IdentityColumns, StateColumns {}

/** The new state of a stream that has a row. */
export interface StreamUpdate extends StateColumns {
  id: number;
  /** The CRC-32 of the identity's columns, with which the row's begins. */
  identityChecksum: number;
  /** When the stream expires; `Infinity` for never. */
  endsAtMs: number;
}

/** A producer's state in a stream. */
export interface ProducerRow extends ProducerState {
  streamId: number;
  producerId: string;
}

/** When a stream expires, by its row. */
export interface RowExpiry {
  endsAtMs: number;
  id: number;
}

/** When a stream is to be looked at for its retention, by its row. */
export interface RowTrim {
  trimsAtMs: number;
  id: number;
}

/** A segment's extent: the only authority on which files a stream has and how long they are. */
export interface SegmentRow {
  streamId: number;
  /** Offset of its first byte. */
  base: number;
  /** How long its file is. */
  bytes: number;
  /** How many blocks, and so entries of its index. */
  blocks: number;
  /** Offset after its last byte: further away than its bytes where a compaction has left messages out. */
  end: number;
  /** How often it was written anew; part of its files' names. */
  generation: number;
}

/** A block of a stream that has no segment: one that is too small to have files of its own. */
export interface BlockRow {
  streamId: number;
  /** Offset of its first byte. */
  base: number;
  /** Offset after its last byte. */
  end: number;
  /** When its last message came. */
  atMs: number;
  /** How many messages of its own the stream has through this block. */
  messages: number;
  body: Bytes;
}

/** Blocks that go. */
export interface DeletedBlocks {
  streamId: number;
  /** Those go that end here or earlier. */
  before: number;
}

/** A stream's snapshot. */
export interface SnapshotRow {
  streamId: number;
  /** The offset that it is of. */
  position: number;
  atMs: number;
  contentType: string;
  /** How long its body is. */
  bytes: number;
  /** With the stream's id, the name of its body's file. */
  number: number;
  /** The body's. */
  crc32: number;
}

/** The one row of `state`. */
export interface CatalogState {
  uuid: string;
  /** All records up to this one are in the rows. */
  lsn: number;
  /** No stream had this id or a greater one. */
  nextId: number;
  /** When the last checkpoint began. */
  checkpointAtMs: number;
  /** Whether it was closed with nothing left to recover. */
  clean: boolean;
}

/** The changes of a checkpoint. Deletions come first: their names may have been created again. */
export interface CatalogChanges {
  deletedIds: readonly number[];
  /** Whole rows, of streams that may have none. */
  streams: readonly StreamRow[];
  /** Changed columns, of streams that have a row. */
  updates: readonly StreamUpdate[];
  producers: readonly ProducerRow[];
  /** Segments that go; before others are stored, which may begin where they did. */
  deletedSegments: readonly Pick<SegmentRow, "streamId" | "base">[];
  segments: readonly SegmentRow[];
  /** Blocks that go, before others are stored. */
  deletedBlocks: readonly DeletedBlocks[];
  blocks: readonly BlockRow[];
  snapshots: readonly SnapshotRow[];
  /** Streams that have no snapshot any more. */
  streamsWithoutSnapshot: readonly number[];
  /** What has changed of subscriptions. A row takes the place of another one of its name. */
  subscriptions: SubscriptionCapture;
}

/** Changes that change nothing, for those that are about one thing only. */
export const NO_CHANGES: CatalogChanges = {
  deletedIds: [],
  streams: [],
  updates: [],
  producers: [],
  deletedSegments: [],
  segments: [],
  deletedBlocks: [],
  blocks: [],
  snapshots: [],
  streamsWithoutSnapshot: [],
  subscriptions: { deletedIds: [], rows: [], cursors: [], deletedCursors: [] },
};

/** A row of a subscription, or one of its cursors', that is damaged: what can be read of it. */
export interface DamagedSubscriptionRow {
  readonly subscriptionId: number | undefined;
  /** The subscription's; `undefined` for a cursor. */
  readonly name: string | undefined;
  /** A cursor's. */
  readonly streamId: number | undefined;
  /** What was found. */
  readonly reason: string;
}

/** Some rows of streams, in the order of their ids. */
export interface RowPage {
  readonly rows: readonly StreamRow[];
  /** The id of the last one, a damaged one too; `undefined` where there was none. */
  readonly lastId: number | undefined;
}

/** The look-ups of a catalogue; a row that fails its checksum is `damaged`. */
export interface CatalogLookups {
  byName(name: string): StreamRow | undefined;
  /** The first rows of a range of names, in order: what comes before them costs nothing. */
  list(range: NameRange, limit: number): StreamRow[];
  byId(id: number): StreamRow | undefined;
  /** The undamaged rows of these ids: many at once take a quarter of the time. */
  byIds(ids: readonly number[]): StreamRow[];
  /** The next rows by their ids, without those that are damaged. */
  rowsAfter(id: number, limit: number): RowPage;
  /** All of a stream's producers. */
  producers(streamId: number): ProducerRow[];
  producer(streamId: number, producerId: string): ProducerState | undefined;
  /** The segment in which `offset` is. */
  segmentAt(streamId: number, offset: number): SegmentRow | undefined;
  /** All segments of a stream, oldest first. */
  segments(streamId: number): SegmentRow[];
  /**
   * The undamaged segments that were written anew, of streams with ids after the first and up to the second,
   * by these ids and oldest first. Looks at all of these streams'.
   */
  rewrittenSegments(afterId: number, upToId: number): SegmentRow[];
  /** The blocks of a stream that lie in the catalogue, oldest first: one run, of some KiB together. */
  blocks(streamId: number): BlockRow[];
  snapshot(streamId: number): SnapshotRow | undefined;
  /** The undamaged ones of streams with ids after the first and up to the second, by these ids. */
  snapshots(afterId: number, upToId: number): SnapshotRow[];
  countForks(sourceId: number): number;
  forkIds(sourceId: number): number[];
  /** The greatest id of an undamaged row, 0 where there is none; `undefined` where damage hides it. */
  greatestId(): number | undefined;
  /** The newest record after `lsn` that any row includes, a subscription's too. Reads all rows. */
  newestLsnAfter(lsn: number): number | undefined;
  /** Streams that are to be looked at for their retention by then, those due first. */
  dueForTrim(nowMs: number, after: RowTrim | undefined, limit: number): RowTrim[];
  /** Streams that have expired, by their rows, in the order of their ends; those after one of them. */
  expired(nowMs: number, after: RowExpiry | undefined, limit: number): RowExpiry[];
  /** All undamaged subscriptions, by their ids; damaged ones go to `onDamage`. */
  subscriptions(onDamage: (row: DamagedSubscriptionRow) => void): SubscriptionRow[];
  /** All undamaged cursors, by their subscriptions' ids and their streams'. */
  cursors(onDamage: (row: DamagedSubscriptionRow) => void): Iterable<CursorRow>;
}

/**
 * The rows of all streams. Look-ups are immediate; changes come from checkpoints alone and are durable
 * when the call resolves. The look-up of a row that fails its checksum throws `damaged`.
 */
export interface Catalog extends CatalogLookups {
  readonly state: CatalogState;
  /** Stores changes in one transaction; the state stays as it was. */
  store(changes: CatalogChanges): Promise<void>;
  /** Stores the row of `state`. */
  storeState(state: CatalogState): Promise<void>;
  close(): Promise<void>;
}

/** All rows of a catalogue as they were at one moment. */
export interface CatalogSnapshot {
  readonly state: CatalogState;
  /**
   * Writes them to the new file, which isn't synced.
   *
   * @param onCopied told of each part by its bytes, about; what it waits for, the next part waits for
   * @throws {StreamError} `damaged` where SQLite can't read them
   * @throws {FileSystemError}
   */
  copy(onCopied: (bytes: number) => Promise<void>): Promise<void>;
  /** Lets go of them; calling it again does nothing. */
  close(): void;
}

/** A copy of a catalogue that nobody changes. */
export interface CatalogCopy extends CatalogLookups {
  readonly state: CatalogState;
  /** What is wrong with the file as a whole, and with rows that no look-up is of; nothing where it is right. */
  problems(): string[];
  closeLookups(): void;
}

/** Whether a look-up failed: the row is damaged, or can't be read now. */
export function isLookUpFailure(error: unknown): error is StreamError | FileSystemError {
  return error instanceof StreamError || error instanceof FileSystemError;
}
