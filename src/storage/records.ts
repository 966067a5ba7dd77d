import type { Bytes } from "../protocol/bytes.ts";
import type { ProducerState } from "../protocol/errors.ts";
import type { Lifetime } from "../protocol/lifetime.ts";
import type { StreamPolicies } from "./policies.ts";
import type { SnapshotRef } from "./snapshot_store.ts";
import type { SubscriptionConfig, SubscriptionState, WakeStream } from "./subscription.ts";

/** What happened to streams: a decided command, ready to be stored and applied. */
export type StreamRecord =
  | CreateRecord
  | AppendRecord
  | DeleteRecord
  | TrimRecord
  | PoliciesRecord
  | SnapshotRecord;

/** What the log holds. */
export type LogRecord = StreamRecord | SubscriptionRecord;

/** Where a fork branched off: as it was asked for, and the position that this came to. */
export interface ForkOrigin {
  sourceId: number;
  sourceName: string;
  /** `Stream-Fork-Offset`; `undefined` where the request left it out. */
  offset: number | undefined;
  subOffset: number;
  /** Bytes before this position are the source's, those from it on the fork's own. */
  point: number;
  /**
   * How many messages come before that point; `undefined` where a directory's earlier version didn't keep
   * that, or the storage doesn't count.
   */
  messages?: number | undefined;
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
  /** Of a fork the first position that can be read: its source's then. 0 where it is left out. */
  earliest?: number | undefined;
  /** What becomes of its older messages; `undefined` where they all stay. */
  policies?: StreamPolicies | undefined;
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

/** A stream's snapshot takes the place of the one before, or goes. Its body is durable already. */
export interface SnapshotRecord {
  kind: "snapshot";
  id: number;
  atMs: number;
  /** `undefined` where it goes. */
  snapshot: LoggedSnapshot | undefined;
}

/** What a record says of a snapshot. */
export type LoggedSnapshot = Omit<SnapshotRef, "atMs" | "lsn">;

/** What lies before a position of a stream can't be read any more. Applied twice it changes nothing. */
export interface TrimRecord {
  kind: "trim";
  id: number;
  atMs: number;
  /** The first position that still can be; a later one is kept. */
  earliest: number;
  /** How many messages of the stream's own come before it. */
  messages: number;
}

/** A stream has other policies. */
export interface PoliciesRecord {
  kind: "policies";
  id: number;
  atMs: number;
  /** All of them; `undefined` for none. */
  policies: StreamPolicies | undefined;
}

/** What happened to a subscription. */
export interface SubscriptionRecord {
  kind: "subscription";
  /** Of the same numbers as streams' ids. */
  id: number;
  atMs: number;
  change: SubscriptionChange;
}

/** All that can happen to a subscription; each replaces what it is about, however often it is applied. */
export type SubscriptionChange =
  | {
    kind: "create";
    name: string;
    config: SubscriptionConfig;
    /** Tells configurations apart (PROTOCOL §6.2). */
    hash: string;
    /** The beginning of the client's URLs, for callbacks. */
    baseUrl: string;
  }
  | { kind: "delete" }
  | { kind: "link"; paths: readonly string[] }
  | {
    kind: "unlink";
    path: string;
    /** The stream of this name; 0 where there is none. */
    streamId: number;
  }
  | StateChange;

/** A wake, an ack, a claim, or the end of one: the new state, and the cursors that moved with it. */
export interface StateChange {
  kind: "state";
  state: SubscriptionState;
  /** Streams by their ids, and up to where they are processed. */
  acks: readonly Ack[];
  /** The streams of a new wake or claim; `undefined` where they are as before. */
  wakeStreams: readonly WakeStream[] | undefined;
}

/** A stream's position up to which a subscription has processed it. */
export interface Ack {
  readonly streamId: number;
  readonly position: number;
  /** Whether that is the stream's tail: nothing of it is pending then. */
  readonly isTail: boolean;
}
