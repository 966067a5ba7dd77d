import type { Bytes } from "../../../protocol/bytes.ts";
import type { ProducerState } from "../../../protocol/errors.ts";
import type { ProducerBatch } from "../../records.ts";
import { FrameReader, FrameWriter, MalformedFrame } from "./binary.ts";
import { decodeKept, encodeKept, type KeptState, NOTHING_KEPT } from "./kept_snapshot.ts";
import { KIND } from "./kinds.ts";
import { readPolicies } from "./read_policies.ts";
import { encodePolicies, type StreamPolicies } from "../../policies.ts";

/** A fork that a stream is the source of. */
export interface ForkReference {
  readonly name: string;
  /** When it was added, in ms since 1970. */
  readonly atMs: number;
  /** The first position of the stream that the fork may need. */
  readonly from: number;
}

/** A stream's state as the messages up to one leave it (FORMAT.md, "snapshots"). */
export interface StreamSnapshot {
  readonly id: number;
  /** Of the newest message that it includes. */
  readonly sequence: number;
  /** Of the stream's first message. */
  readonly firstSequence: number;
  readonly tail: number;
  readonly atMs: number;
  readonly accessedAtMs: number;
  /** Who recorded that it was used. */
  readonly accessedBy: number;
  readonly isClosed: boolean;
  readonly isSoftlyDeleted: boolean;
  readonly closedBy: ProducerBatch | undefined;
  readonly seq: string | undefined;
  readonly producers: ReadonlyMap<string, ProducerState>;
  /** By their ids. */
  readonly forks: ReadonlyMap<number, ForkReference>;
  /** What is kept beside it of an application's. */
  readonly kept: KeptState;
  /** How many messages of its own it has; `undefined` where they weren't counted. */
  readonly messages: number | undefined;
  /** What is kept of it; left out where that is all, as far as messages say. */
  readonly retention?: RetentionState;
}

/** What is kept of a stream. */
export interface RetentionState {
  /** The first position that can be read. */
  readonly earliest: number;
  /** How many messages of its own come before that; 0 where they aren't counted. */
  readonly messages: number;
  readonly policies: StreamPolicies | undefined;
  /** Messages up to this sequence may be gone from the log. */
  readonly purgedUpTo: number;
}

const CLOSED = 1;
const SOFTLY_DELETED = 2;
const HAS_CLOSED_BY = 4;
const HAS_SEQ = 8;
const HAS_KEPT = 16;
const HAS_MESSAGES = 32;
const HAS_RETENTION = 64;

/** The bytes of a snapshot. */
export function encodeSnapshot(snapshot: StreamSnapshot): Bytes {
  const { closedBy, seq, producers, forks, kept, messages, retention } = snapshot;
  const hasKept = kept.bodiesFrom > 0 || kept.snapshot !== undefined;
  const flags = (snapshot.isClosed ? CLOSED : 0) |
    (snapshot.isSoftlyDeleted ? SOFTLY_DELETED : 0) |
    (closedBy === undefined ? 0 : HAS_CLOSED_BY) | (seq === undefined ? 0 : HAS_SEQ) |
    (hasKept ? HAS_KEPT : 0) | (messages === undefined ? 0 : HAS_MESSAGES) |
    (retention === undefined ? 0 : HAS_RETENTION);
  const writer = new FrameWriter(KIND.snapshot, flags)
    .u53(snapshot.id).u53(snapshot.sequence).u53(snapshot.firstSequence).u53(snapshot.tail)
    .u53(snapshot.atMs).u53(snapshot.accessedAtMs).u53(snapshot.accessedBy);
  if (closedBy !== undefined) writer.text(closedBy.id).u53(closedBy.epoch).u53(closedBy.seq);
  if (seq !== undefined) writer.text(seq);
  writer.u32(producers.size);
  for (const [id, { epoch, seq }] of producers) writer.text(id).u53(epoch).u53(seq);
  writer.u32(forks.size);
  for (const [id, { name, atMs }] of forks) writer.u53(id).text(name).u53(atMs);
  if (hasKept) writer.bytes(encodeKept(kept));
  if (messages !== undefined) writer.u53(messages);
  if (retention !== undefined) {
    writer.u53(retention.earliest).u53(retention.messages).u53(retention.purgedUpTo)
      .text(encodePolicies(retention.policies) ?? "");
    for (const { from } of forks.values()) writer.u53(from);
  }
  return writer.seal();
}

/**
 * The snapshot that has these bytes.
 *
 * @throws {MalformedFrame}
 */
export function decodeSnapshot(bytes: Bytes): StreamSnapshot {
  const reader = new FrameReader(bytes);
  if (reader.kind !== KIND.snapshot) {
    throw new MalformedFrame(`it is of the kind ${reader.kind}, which no snapshot is`);
  }
  const has = (flag: number) => (reader.flags & flag) !== 0;
  const state: StreamSnapshot = {
    id: reader.u53(),
    sequence: reader.u53(),
    firstSequence: reader.u53(),
    tail: reader.u53(),
    atMs: reader.u53(),
    accessedAtMs: reader.u53(),
    accessedBy: reader.u53(),
    isClosed: has(CLOSED),
    isSoftlyDeleted: has(SOFTLY_DELETED),
    closedBy: has(HAS_CLOSED_BY)
      ? { id: reader.text(), epoch: reader.u53(), seq: reader.u53() }
      : undefined,
    seq: has(HAS_SEQ) ? reader.text() : undefined,
    producers: readProducers(reader),
    forks: readForks(reader),
    kept: has(HAS_KEPT) ? decodeKept(reader.bytes()) : NOTHING_KEPT,
    messages: has(HAS_MESSAGES) ? reader.u53() : undefined,
  };
  const snapshot = has(HAS_RETENTION) ? withRetention(state, reader) : state;
  reader.end();
  return snapshot;
}

function withRetention(state: StreamSnapshot, reader: FrameReader): StreamSnapshot {
  const [earliest, messages, purgedUpTo] = [reader.u53(), reader.u53(), reader.u53()];
  const text = reader.text();
  const policies = text === "" ? undefined : readPolicies(text);
  const forks = new Map<number, ForkReference>();
  for (const [id, fork] of state.forks) forks.set(id, { ...fork, from: reader.u53() });
  return { ...state, forks, retention: { earliest, messages, policies, purgedUpTo } };
}

function readProducers(reader: FrameReader): Map<string, ProducerState> {
  const producers = new Map<string, ProducerState>();
  for (let left = reader.u32(); left > 0; left--) {
    const id = reader.text();
    producers.set(id, { epoch: reader.u53(), seq: reader.u53() });
  }
  return producers;
}

function readForks(reader: FrameReader): Map<number, ForkReference> {
  const forks = new Map<number, ForkReference>();
  for (let left = reader.u32(); left > 0; left--) {
    const id = reader.u53();
    forks.set(id, { name: reader.text(), atMs: reader.u53(), from: 0 });
  }
  return forks;
}
