import type { Bytes } from "../protocol/bytes.ts";
import { messageEnds } from "../protocol/json.ts";
import { invariant } from "./invariant.ts";
import type {
  AppendRecord,
  CreateRecord,
  PoliciesRecord,
  SnapshotRecord,
  TrimRecord,
} from "./records.ts";
import { copyString, internString } from "./copy_string.ts";
import type { Stream } from "./stream.ts";

/**
 * What records do to a stream's assigned state. The same on the way in and when a log is replayed, so
 * what is recovered is what was acknowledged.
 */

/** The first content and closure of a stream that was just made from this record. */
export function applyCreate(stream: Stream, record: CreateRecord): void {
  addData(stream, record.data, record.atMs);
  stream.closed = record.closed;
  // A fork is made as far back as its source can be read, so that is so from the beginning.
  stream.trim(record.earliest ?? 0, 0);
  stream.showTrim();
  stream.setPolicies(record.policies);
  stream.showPolicies();
}

/** A trim: it only ever goes forward. */
export function applyTrim(stream: Stream, { earliest, messages }: TrimRecord): void {
  invariant(earliest <= stream.tail, `stream ${stream.id} is trimmed no further than it goes`);
  stream.trim(earliest, messages);
}

/** A change of policies. */
export function applyPolicies(stream: Stream, { policies }: PoliciesRecord): void {
  stream.setPolicies(policies);
}

/** One append's whole effect. The producer's earlier state, if any, is in memory already. */
export function applyAppend(stream: Stream, record: AppendRecord): void {
  invariant(record.start === stream.tail, `an append to stream ${stream.id} begins at its tail`);
  addData(stream, record.data, record.atMs, record.ends);
  if (record.producer !== undefined) {
    const { id, epoch, seq } = record.producer;
    const isNew = !stream.producers.has(id);
    if (isNew) stream.producerCount++;
    stream.producers.set(isNew ? copyString(id) : id, { epoch, seq });
  }
  if (record.seq !== undefined) stream.seq = copyString(record.seq);
  if (record.close) {
    stream.closed = true;
    stream.closedBy = record.producer && { ...record.producer, id: copyString(record.producer.id) };
  }
  stream.accessedAtMs = Math.max(stream.accessedAtMs, record.atMs);
}

/**
 * A stream's snapshot takes the place of the one before, or goes.
 *
 * @param lsn the record's
 */
export function applySnapshot(stream: Stream, record: SnapshotRecord, lsn: number): void {
  const { atMs, snapshot } = record;
  stream.keptSnapshot = snapshot === undefined
    ? null
    : { ...snapshot, contentType: internString(snapshot.contentType), atMs, lsn };
  stream.accessedAtMs = Math.max(stream.accessedAtMs, atMs);
}

/**
 * A delete: the first stream goes softly or for good, the others for good. `sourceOf` finds the stream
 * that one was forked from.
 */
export function applyDelete(
  streams: readonly Stream[],
  soft: boolean,
  sourceOf: (stream: Stream) => Stream | undefined,
): void {
  for (const stream of streams) {
    stream.keptSnapshot = null;
    stream.lifecycle = soft ? "soft_deleted" : "deleted";
    const source = soft ? undefined : sourceOf(stream);
    if (source !== undefined) source.forkCount--;
  }
}

function addData(stream: Stream, data: Bytes, atMs: number, ends = endsIn(stream, data)): void {
  if (data.length === 0) return;
  stream.buffer.append(data, ends, atMs);
  stream.tail += data.length;
}

function endsIn(stream: Stream, data: Bytes): readonly number[] {
  return stream.json ? messageEnds(data) : [data.length];
}
