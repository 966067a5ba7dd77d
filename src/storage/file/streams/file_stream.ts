import { expiryMs } from "../../../protocol/lifetime.ts";
import { copyString } from "../../copy_string.ts";
import { decodePolicies, encodePolicies } from "../../policies.ts";
import type { CreateRecord } from "../../records.ts";
import { Stream, type StreamIdentity } from "../../stream.ts";
import { type Block, TailBuffer } from "../../tail_buffer.ts";
import type {
  BlockRow,
  ProducerRow,
  SegmentRow,
  SnapshotRow,
  StateColumns,
  StreamRow,
  StreamUpdate,
} from "../catalog/catalog.ts";
import { identityChecksum } from "../catalog/schema.ts";
import { RowBlocks } from "../segments/row_blocks.ts";
import type { SegmentStream } from "../segments/segment_stream.ts";

const NO_SEGMENTS: ReadonlyMap<number, SegmentRow> = new Map();
const NO_PRODUCERS: ReadonlySet<string> = new Set();
const NO_PRODUCER_ROWS: readonly ProducerRow[] = [];
const NO_BLOCKS: readonly Block[] = [];
const NO_SEGMENT_ROWS: readonly SegmentRow[] = [];

/** A stream that a directory holds: beside its state, what of it the next checkpoint has to store. */
export class FileStream extends Stream implements SegmentStream {
  lastSegment: SegmentRow | undefined;
  readSegment: SegmentRow | undefined;
  rowBlocks: RowBlocks | undefined;
  /** Rows of blocks up to there are to go: nobody needs them, or a segment has them. 0 where none are. */
  goneBlocksBefore = 0;
  /** `accessedAtMs` as the row has it. */
  storedAccessAtMs: number;
  segmentIsTrimmed = false;
  /** Whether the next checkpoint has to look for bytes that nobody can read any more. */
  wantsRelease = false;
  /** The number of the snapshot in its row, 0 for none; `undefined` before that was looked for. */
  storedSnapshot: number | undefined;
  /** Whether it has a row. */
  hasRow = false;
  /** Whether its row lacks something. */
  isDirty = false;
  /** Whether a checkpoint is storing it: its buffer has to keep what the checkpoint will read. */
  inCheckpoint = false;
  /** When it was found last, counted in checkpoints. */
  usedInEpoch = 0;
  /** What it counts for among the idle ones in memory; 0 while it isn't one. */
  idleBytes = 0;
  #changedSegments: Map<number, SegmentRow> | undefined;
  #replacedSegments: SegmentRow[] | undefined;
  #changedProducers: Set<string> | undefined;
  #identityChecksum: number | undefined;

  constructor(identity: StreamIdentity, buffer: TailBuffer, accessedAtMs: number) {
    super(identity, buffer, accessedAtMs);
    this.storedAccessAtMs = accessedAtMs;
  }

  get changedSegments(): ReadonlyMap<number, SegmentRow> {
    return this.#changedSegments ?? NO_SEGMENTS;
  }

  /** Segments that others have taken the place of, and whose rows may be there yet. */
  get replacedSegments(): readonly SegmentRow[] {
    return this.#replacedSegments ?? NO_SEGMENT_ROWS;
  }

  /** Producers that wrote since the last checkpoint. */
  get changedProducers(): ReadonlySet<string> {
    return this.#changedProducers ?? NO_PRODUCERS;
  }

  /** When it is to be looked at for its retention; `Infinity` for never. */
  get trimsAtMs(): number {
    if (this.lifecycle !== "there") return Infinity;
    return this.retention?.dueMs ?? this.storedTrimsAtMs;
  }

  /** As in {@link StreamUpdate}. */
  get identityChecksum(): number {
    return this.#identityChecksum ??= identityChecksum(this);
  }

  markSegment(segment: SegmentRow): void {
    this.#changedSegments ??= new Map();
    this.#changedSegments.set(segment.base, segment);
  }

  dropRowBlocks(before: number): void {
    this.rowBlocks = this.rowBlocks?.after(before);
    this.goneBlocksBefore = before;
  }

  /**
   * Puts segments that were written anew in the place of others.
   *
   * @param newestUpTo before this are the newer messages of all that is missing in them
   */
  replaceSegments(
    old: readonly SegmentRow[],
    segments: readonly SegmentRow[],
    newestUpTo = 0,
  ): void {
    for (const { base } of old) this.#changedSegments?.delete(base);
    this.#replacedSegments = [...this.replacedSegments, ...old];
    this.readSegment = undefined;
    if (segments.length > 0 || !this.gaps.isNone) {
      this.setGaps(this.gaps.replacing(old.map(({ base }) => base), segments));
    }
    for (const segment of segments) {
      this.markSegment(segment);
      this.compactedUpTo = Math.max(this.compactedUpTo, segment.end, newestUpTo);
    }
  }

  /** What its row lacks of its snapshot: `null` that there is none; `undefined` where it lacks nothing. */
  get changedSnapshot(): SnapshotRow | null | undefined {
    const { keptSnapshot } = this;
    if (keptSnapshot === undefined) return undefined;
    if ((keptSnapshot?.number ?? 0) === this.storedSnapshot) return undefined;
    if (keptSnapshot === null) return null;
    const { lsn: _, ...row } = keptSnapshot;
    return { streamId: this.id, ...row };
  }

  /** The producer is to be stored with the next checkpoint. */
  markProducer(id: string): void {
    this.#changedProducers ??= new Set();
    if (!this.#changedProducers.has(id)) this.#changedProducers.add(copyString(id));
  }

  /** Forgets the changes that a stored snapshot holds; what changed since stays. */
  markStored(stored: StreamSnapshot): void {
    const { producers, segments, replacedSegments, snapshot } = stored;
    this.#markBlocksStored(stored);
    if (snapshot !== undefined) this.storedSnapshot = snapshot?.number ?? 0;
    for (const { producerId, epoch, seq } of producers) {
      const now = this.producers.get(producerId);
      if (now?.epoch === epoch && now.seq === seq) this.#changedProducers?.delete(producerId);
    }
    for (const { base, bytes } of segments) {
      if (this.#changedSegments?.get(base)?.bytes === bytes) this.#changedSegments.delete(base);
    }
    this.#replacedSegments = this.#replacedSegments?.slice(replacedSegments.length);
    if (this.#replacedSegments?.length === 0) this.#replacedSegments = undefined;
    if (this.#changedProducers?.size === 0) this.#changedProducers = undefined;
    if (this.#changedSegments?.size === 0) this.#changedSegments = undefined;
  }

  /** The blocks leave memory: from now on they are read from their rows. */
  #markBlocksStored({ blocks, goneBlocksBefore }: StreamSnapshot): void {
    if (this.goneBlocksBefore === goneBlocksBefore) this.goneBlocksBefore = 0;
    const end = blocks.at(-1)?.end;
    if (end === undefined) return;
    const { start, startMessages } = this.buffer;
    this.rowBlocks = this.rowBlocks?.with(blocks) ?? new RowBlocks(start, startMessages, blocks);
    this.buffer.dropBefore(end);
  }
}

/** Whether a stream has no segments: one that is damaged may have some that it doesn't go on in. */
export function hasNoSegment({ lastSegment, damage }: FileStream): boolean {
  return lastSegment === undefined && damage === undefined;
}

/** A stream as its create record leaves it, but for the record's own data. */
export function streamFromRecord(record: CreateRecord): FileStream {
  return new FileStream(record, new TailBuffer(record.fork?.point ?? 0), record.atMs);
}

/** A stream as its row has it. */
export function streamFromRow(
  row: StreamRow,
  { lastSegment, rowBlocks }: Pick<FileStream, "lastSegment" | "rowBlocks">,
): FileStream {
  const before = row.messages - row.restMessages;
  const buffer = new TailBuffer(row.tail - row.rest.length, row.lastAtMs, before);
  if (row.rest.length > 0) buffer.resume(row.rest, row.restMessages);
  const stream = withoutData(row, buffer);
  stream.lastSegment = lastSegment;
  stream.rowBlocks = rowBlocks;
  stream.hasRow = true;
  return stream;
}

/** What a stream's row says that it is: a summary without data, for a listing. */
export function streamSummary(row: StreamRow): FileStream {
  return withoutData(row, new TailBuffer(row.tail, row.lastAtMs, row.messages));
}

function withoutData(row: StreamRow, buffer: TailBuffer): FileStream {
  const stream = new FileStream(row, buffer, row.accessedAtMs);
  stream.closed = row.closed;
  stream.closedBy = row.closedBy;
  stream.seq = row.seq;
  stream.producerCount = row.producerCount;
  stream.lifecycle = row.softDeleted ? "soft_deleted" : "there";
  stream.lsn = row.lsn;
  stream.trim(row.earliest, row.earliestMessages);
  stream.showTrim();
  if (row.policies !== undefined) {
    stream.setPolicies(decodePolicies(row.policies));
    stream.showPolicies();
  }
  stream.storedTrimsAtMs = row.trimsAtMs;
  stream.publish(row.tail, row.closed);
  return stream;
}

/** What a checkpoint found a stream to be; its bytes are taken when they are stored. */
export interface StreamSnapshot {
  stream: FileStream;
  state: Omit<StateColumns, "rest">;
  restStart: number;
  producers: readonly ProducerRow[];
  /** The whole blocks in its buffer, which are to be rows. */
  blocks: readonly Block[];
  /** As in {@link FileStream.goneBlocksBefore}. */
  goneBlocksBefore: number;
  segments: readonly SegmentRow[];
  /** Those that go with it. */
  replacedSegments: readonly SegmentRow[];
  /** As in {@link FileStream.changedSnapshot}. */
  snapshot: SnapshotRow | null | undefined;
}

/** The stream's state now, once what goes into its segments is there: all blocks left are to be rows. */
export function takeSnapshot(stream: FileStream): StreamSnapshot {
  const { buffer } = stream;
  const blocks = buffer.blocks.length === 0 ? NO_BLOCKS : [...buffer.blocks];
  const last = blocks.at(-1);
  return {
    stream,
    state: {
      softDeleted: stream.lifecycle === "soft_deleted",
      accessedAtMs: stream.accessedAtMs,
      closed: stream.closed,
      closedBy: stream.closedBy,
      seq: stream.seq,
      producerCount: stream.producerCount,
      lsn: stream.lsn,
      tail: stream.tail,
      messages: stream.buffer.messages,
      lastAtMs: stream.buffer.lastAtMs,
      earliest: stream.earliest,
      earliestMessages: stream.earliestMessages,
      policies: encodePolicies(stream.policies),
      trimsAtMs: stream.trimsAtMs,
      restMessages: buffer.messages - (last?.messages ?? buffer.startMessages),
    },
    restStart: last?.end ?? buffer.start,
    blocks,
    goneBlocksBefore: stream.goneBlocksBefore,
    producers: stream.changedProducers.size === 0 ? NO_PRODUCER_ROWS : producerRows(stream),
    segments: stream.changedSegments.size === 0
      ? NO_SEGMENT_ROWS
      : [...stream.changedSegments.values()].map((segment) => ({ ...segment })),
    replacedSegments: stream.replacedSegments,
    snapshot: stream.changedSnapshot,
  };
}

function producerRows(stream: FileStream): ProducerRow[] {
  const rows: ProducerRow[] = [];
  for (const producerId of stream.changedProducers) {
    const state = stream.producers.get(producerId);
    if (state !== undefined) rows.push({ streamId: stream.id, producerId, ...state });
  }
  return rows;
}

/** The whole row that a snapshot stands for. */
export function rowOf({ stream, state, restStart }: StreamSnapshot): StreamRow {
  return {
    id: stream.id,
    name: stream.name,
    contentType: stream.contentType,
    lifetime: stream.lifetime,
    fork: stream.fork,
    ...state,
    rest: stream.buffer.slice(restStart, state.tail),
  };
}

/** The blocks of a snapshot that are to be rows. */
export function blockRowsOf({ stream, blocks }: StreamSnapshot): BlockRow[] {
  const { id: streamId, buffer } = stream;
  let base = buffer.start;
  return blocks.map(({ end, atMs, messages }) => {
    const row = { streamId, base, end, atMs, messages, body: buffer.slice(base, end) };
    base = end;
    return row;
  });
}

/** What a snapshot changes in the stream's row. */
export function updateOf({ stream, state, restStart }: StreamSnapshot): StreamUpdate {
  return {
    id: stream.id,
    identityChecksum: stream.identityChecksum,
    endsAtMs: expiryMs(stream.lifetime, state.accessedAtMs),
    softDeleted: state.softDeleted,
    accessedAtMs: state.accessedAtMs,
    closed: state.closed,
    closedBy: state.closedBy,
    seq: state.seq,
    producerCount: state.producerCount,
    lsn: state.lsn,
    tail: state.tail,
    messages: state.messages,
    lastAtMs: state.lastAtMs,
    earliest: state.earliest,
    earliestMessages: state.earliestMessages,
    policies: state.policies,
    trimsAtMs: state.trimsAtMs,
    restMessages: state.restMessages,
    rest: stream.buffer.slice(restStart, state.tail),
  };
}

/** Forgets the changes that a stored snapshot holds; what changed since stays. True if nothing did. */
export function markSnapshotStored(snapshot: StreamSnapshot): boolean {
  const { stream, state } = snapshot;
  stream.markStored(snapshot);
  stream.hasRow = true;
  stream.storedAccessAtMs = state.accessedAtMs;
  return stream.lsn === state.lsn && stream.accessedAtMs === state.accessedAtMs &&
    stream.changedSegments.size === 0 && stream.goneBlocksBefore === 0 && !stream.wantsRelease &&
    stream.trimsAtMs === state.trimsAtMs;
}
