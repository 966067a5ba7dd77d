import { FileSystemError } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { type ProducerState, StreamError } from "../../../protocol/errors.ts";
import type { Lifetime } from "../../../protocol/lifetime.ts";
import type { NameRange } from "../../../protocol/name_order.ts";
import type { ForkOrigin, ProducerBatch } from "../../records.ts";

/** What never changes about a stream: the first columns of its row. */
export interface IdentityColumns {
  id: number;
  name: string;
  contentType: string;
  lifetime: Lifetime;
  fork: ForkOrigin | undefined;
}

/** What records change about a stream: the other columns of its row. */
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
  /** When the newest message came. */
  lastAtMs: number;
  /** The bytes after the last whole block. */
  rest: Bytes;
}

/** What a stream is, as of a position in the log: one row of the catalogue. */
export interface StreamRow extends IdentityColumns, StateColumns {}

/** The new state of a stream that has a row. */
export interface StreamUpdate extends StateColumns {
  id: number;
  /** The CRC-32 of the identity's columns, with which the row's begins. */
  identityChecksum: number;
  /** When the stream's time is over; `Infinity` for never. */
  endsAtMs: number;
}

/** A producer's newest position in a stream. */
export interface ProducerRow extends ProducerState {
  streamId: number;
  producerId: string;
}

/** When a stream's time is over, as its row has it. */
export interface RowExpiry {
  endsAtMs: number;
  id: number;
}

/** A segment's extent: the only authority on which files a stream has and how long they are. */
export interface SegmentRow {
  streamId: number;
  /** Offset of its first byte. */
  base: number;
  bytes: number;
  /** How many blocks, and so entries of its index. */
  blocks: number;
}

/** What the catalogue says of itself. */
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

/** What a checkpoint changes. Deletions come first: a name may have been made again. */
export interface CatalogChanges {
  deletedIds: readonly number[];
  /** Whole rows: of streams that may have none. */
  streams: readonly StreamRow[];
  /** Of streams that have one. */
  updates: readonly StreamUpdate[];
  producers: readonly ProducerRow[];
  segments: readonly SegmentRow[];
}

/** What can be looked up in a catalogue; a row that isn't what was written is `damaged`. */
export interface CatalogLookups {
  byName(name: string): StreamRow | undefined;
  /** The first rows of a range of names, in order: what comes before them costs nothing. */
  list(range: NameRange, limit: number): StreamRow[];
  byId(id: number): StreamRow | undefined;
  /** The rows of these ids that are there and check: many at once take a quarter of the time. */
  byIds(ids: readonly number[]): StreamRow[];
  /** All of a stream's producers. */
  producers(streamId: number): ProducerRow[];
  producer(streamId: number, producerId: string): ProducerState | undefined;
  /** The segment in which `offset` is. */
  segmentAt(streamId: number, offset: number): SegmentRow | undefined;
  /** All segments of a stream, oldest first. */
  segments(streamId: number): SegmentRow[];
  countForks(sourceId: number): number;
  forkIds(sourceId: number): number[];
  /** The greatest id of a row that checks, 0 where there is none; `undefined` where damage hides it. */
  greatestId(): number | undefined;
  /** The newest record behind `position` that any row includes. Goes over all rows. */
  newestLsnAfter(position: number): number | undefined;
  /** Streams whose time is over, as far as the rows tell, first over first; those after one of them. */
  expired(nowMs: number, after: RowExpiry | undefined, limit: number): RowExpiry[];
}

/**
 * What every stream is. Look-ups are immediate; changes come from checkpoints alone and are durable when
 * the call resolves. A row that doesn't check makes its look-up throw `damaged`.
 */
export interface Catalog extends CatalogLookups {
  readonly state: CatalogState;
  /** Stores changes in one transaction; the state stays as it was. */
  store(changes: CatalogChanges): Promise<void>;
  /** Stores what the catalogue says of itself. */
  storeState(state: CatalogState): Promise<void>;
  close(): Promise<void>;
}

/** Whether a look-up failed: the row is damaged, or the system doesn't let it be read now. */
export function isLookUpFailure(error: unknown): error is StreamError | FileSystemError {
  return error instanceof StreamError || error instanceof FileSystemError;
}
