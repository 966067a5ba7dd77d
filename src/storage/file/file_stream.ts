import type { CreateRecord } from "../records.ts";
import { Stream, type StreamIdentity } from "../stream.ts";
import { TailBuffer } from "../tail_buffer.ts";
import type { ReplayRecord } from "./replay.ts";
import type { ProducerRow, SegmentRow, StreamRow } from "./catalog.ts";

/** A stream that a directory holds: beside its state, what of it the next checkpoint has to store. */
export class FileStream extends Stream {
  /** The newest segment, if it has any; its bytes end where the buffer's begin. */
  lastSegment: SegmentRow | undefined;
  /** Segments changed since the last checkpoint, by their base. */
  readonly changedSegments = new Map<number, SegmentRow>();
  /** Producers that wrote since the last checkpoint. */
  readonly changedProducers = new Set<string>();
  /** `touchedAtMs` as the row has it. */
  storedTouchMs: number;
  /** Whether the newest segment's files were brought back to its row since the start. */
  segmentIsTrimmed = false;
  /** Whether its row lacks something. */
  isDirty = false;
  /** Whether a checkpoint is storing it: its buffer has to keep what the checkpoint will read. */
  inCheckpoint = false;
  /** When it was found last, counted in checkpoints. */
  usedInRound = 0;

  constructor(identity: StreamIdentity, buffer: TailBuffer, touchedAtMs: number) {
    super(identity, buffer, touchedAtMs);
    this.storedTouchMs = touchedAtMs;
  }
}

/** A stream as its create record leaves it, but for the record's own data. */
export function streamFromRecord(record: CreateRecord): FileStream {
  return new FileStream(record, new TailBuffer(record.fork?.point ?? 0), record.atMs);
}

/** A stream as its row has it. */
export function streamFromRow(
  row: StreamRow,
  lastSegment: SegmentRow | undefined,
): FileStream {
  const buffer = new TailBuffer(row.tail - row.rest.length, row.lastAtMs);
  if (row.rest.length > 0) buffer.resume(row.rest);
  const stream = withoutData(row, buffer);
  stream.lastSegment = lastSegment;
  return stream;
}

/**
 * What a stream's row, where it has one, and its records in the log say that it is: a likeness without
 * data, for a listing, made from its first and its last record alone.
 */
export function streamLikeness(
  row: StreamRow | undefined,
  logged: { first: ReplayRecord; last: ReplayRecord } | undefined,
): FileStream | undefined {
  const stream = row === undefined
    ? logged?.first.record.kind === "create" ? streamFromRecord(logged.first.record) : undefined
    : withoutData(row, new TailBuffer(row.tail, row.lastAtMs));
  if (stream === undefined || logged === undefined) return stream;
  const { record } = logged.last;
  if (record.kind === "delete") {
    stream.presence = "soft_deleted";
    return stream;
  }
  const start = record.kind === "create" ? stream.ownStart : record.start;
  const closed = record.kind === "create" ? record.closed : record.close;
  stream.touchedAtMs = Math.max(stream.touchedAtMs, record.atMs);
  stream.publish(start + record.data.length, closed);
  return stream;
}

function withoutData(row: StreamRow, buffer: TailBuffer): FileStream {
  const stream = new FileStream(row, buffer, row.touchedAtMs);
  stream.closed = row.closed;
  stream.closedBy = row.closedBy;
  stream.seq = row.seq;
  stream.producerCount = row.producerCount;
  stream.presence = row.softDeleted ? "soft_deleted" : "there";
  stream.position = row.position;
  stream.publish(row.tail, row.closed);
  return stream;
}

/** What a checkpoint found a stream to be; the bytes of its rest are taken when they are stored. */
export interface StreamSnapshot {
  stream: FileStream;
  row: Omit<StreamRow, "rest">;
  restStart: number;
  producers: ProducerRow[];
  segments: SegmentRow[];
}

/** The stream's state now. */
export function takeSnapshot(stream: FileStream): StreamSnapshot {
  const producers: ProducerRow[] = [];
  for (const producerId of stream.changedProducers) {
    const position = stream.producers.get(producerId);
    if (position !== undefined) producers.push({ streamId: stream.id, producerId, ...position });
  }
  return {
    stream,
    row: {
      id: stream.id,
      name: stream.name,
      contentType: stream.contentType,
      lifetime: stream.lifetime,
      fork: stream.fork,
      softDeleted: stream.presence === "soft_deleted",
      touchedAtMs: stream.touchedAtMs,
      closed: stream.closed,
      closedBy: stream.closedBy,
      seq: stream.seq,
      producerCount: stream.producerCount,
      position: stream.position,
      tail: stream.tail,
      lastAtMs: stream.buffer.lastAtMs,
    },
    restStart: stream.buffer.start,
    producers,
    segments: [...stream.changedSegments.values()].map((segment) => ({ ...segment })),
  };
}

/** Forgets the changes that a stored snapshot holds; what changed since stays. True if nothing did. */
export function forgetStored({ stream, row, producers, segments }: StreamSnapshot): boolean {
  for (const { producerId, epoch, seq } of producers) {
    const now = stream.producers.get(producerId);
    if (now?.epoch === epoch && now.seq === seq) stream.changedProducers.delete(producerId);
  }
  for (const { base, bytes } of segments) {
    if (stream.changedSegments.get(base)?.bytes === bytes) stream.changedSegments.delete(base);
  }
  stream.storedTouchMs = row.touchedAtMs;
  return stream.position === row.position && stream.touchedAtMs === row.touchedAtMs &&
    stream.changedSegments.size === 0;
}
