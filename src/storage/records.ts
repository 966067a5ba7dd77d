import type { Bytes } from "../protocol/bytes.ts";
import type { ProducerState } from "../protocol/errors.ts";
import type { Lifetime } from "../protocol/lifetime.ts";

/** What happened to streams: a decided command, ready to be stored and applied. */
export type StreamRecord = CreateRecord | AppendRecord | DeleteRecord;

/** Where a fork branched off: as it was asked for, and the position that this came to. */
export interface ForkOrigin {
  sourceId: number;
  sourceName: string;
  /** `Stream-Fork-Offset`; `undefined` where the request left it out. */
  offset: number | undefined;
  subOffset: number;
  /** Bytes before this position are the source's, those from it on the fork's own. */
  point: number;
}

/** A stream comes into being, with its first content and perhaps closed. */
export interface CreateRecord {
  kind: "create";
  id: number;
  atMs: number;
  name: string;
  contentType: string;
  lifetime: Lifetime;
  fork: ForkOrigin | undefined;
  closed: boolean;
  /** The first content as it is stored. */
  data: Bytes;
}

/** A producer's batch: who sent it and which one it is (PROTOCOL §5.2.1). */
export interface ProducerBatch extends ProducerState {
  id: string;
}

/** One request's whole effect: data, producer, sequence and closure, all there or not at all. */
export interface AppendRecord {
  kind: "append";
  id: number;
  atMs: number;
  /** Offset of the first byte: the tail before it. */
  start: number;
  /** As it is stored; empty where the request only closes. */
  data: Bytes;
  /** Where its messages end in it. Not stored: a record that was read doesn't know. */
  ends?: readonly number[];
  producer: ProducerBatch | undefined;
  /** `Stream-Seq`. */
  seq: string | undefined;
  close: boolean;
}

/**
 * A stream goes: softly where forks still read it, else for good, and with it every softly deleted
 * stream up its chain that it was the last to hold (PROTOCOL §4.2).
 */
export interface DeleteRecord {
  kind: "delete";
  atMs: number;
  soft: boolean;
  /** The stream, then those that go with it. */
  ids: readonly number[];
}
