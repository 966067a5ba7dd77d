import type { FileBody, FileBodyKind } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { ProducerState } from "../protocol/errors.ts";
import type { Lifetime } from "../protocol/lifetime.ts";
import type { Offset, OffsetSpace, ReadFrom } from "../protocol/offset.ts";
import type { RetentionPolicy } from "../protocol/retention.ts";
import type { TraceContext } from "../tracing/trace_context.ts";
import type { StorageMeasures } from "./measures.ts";
import type { Compaction, StreamPolicies } from "./policies.ts";
import type { QuotaOptions } from "./quota_account.ts";
import type { ProducerBatch } from "./records.ts";
import type { RetentionRule } from "./retention_rules.ts";
import type { SnapshotStore } from "./snapshot_store.ts";
import type { StorageStatus } from "./status.ts";
import type { SubscriptionStore } from "./subscription_store.ts";

/**
 * Where streams are kept. Every call that changes something resolves when the change is durable, and
 * every answer, a refusal too, rests on durable state. Calls reject with a `StreamError`.
 */
export interface Storage {
  /** Tells this storage's streams apart from any other's; goes into ETags. */
  readonly identity: string;
  /** Where its streams are; one without this is none of these. */
  readonly kind?: StorageKind;
  /** The subscriptions to its streams (PROTOCOL §6). A storage without them has none. */
  readonly subscriptions?: SubscriptionStore;
  /** The snapshots of its streams (an extension). A storage without them keeps none. */
  readonly snapshots?: SnapshotStore;
  /** Makes a stream or a fork, or finds the same one there already (PROTOCOL §4.2, §5.1). */
  create(name: string, spec: CreateSpec): Promise<Created>;
  /** Appends, closes, or both in one step (PROTOCOL §5.2, §5.3). */
  append(name: string, request: AppendRequest): Promise<Appended>;
  /**
   * Changes a stream's policies, trims it, or both in one step (an extension). A closed stream can be, too.
   * A storage without this method keeps all of every stream.
   *
   * @throws {StreamError} `not_found`, `gone`, `offset_gone`, `offset_past_tail`, `invalid_offset` (inside of
   * a message), `invalid_header` (a limit that makes no sense), `compaction_unsupported`, `damaged`
   */
  update?(name: string, change: StreamChange): Promise<Updated>;
  /** Deletes, softly where forks still read the stream (PROTOCOL §5.4). */
  delete(name: string): Promise<void>;
  /** What the stream is and how far it goes; doesn't count as use (PROTOCOL §5.5). */
  head(name: string): Promise<StreamInfo>;
  /** At most `limitBytes` from `from` on, ending at a message's boundary (PROTOCOL §5.6). */
  read(name: string, from: ReadFrom, limitBytes: number): Promise<ReadResult>;
  /**
   * As {@link read}, for who only hands the bytes on: long ones may come as a part of the file that they
   * are in, and what is at hand comes at once. A storage without this method has neither.
   */
  readBody?(
    name: string,
    from: ReadFrom,
    limitBytes: number,
    kind: FileBodyKind,
  ): BodyResult | Promise<BodyResult>;
  /**
   * All that is known of a stream, for who looks at it (an extension). It doesn't count as use. A storage
   * without this method knows no more than {@link head} says.
   */
  describe?(name: string): Promise<StreamDescription>;
  /**
   * How many messages come before an offset (an extension). A storage without this method counts none. In
   * a byte stream a place inside of a block counts those before the block.
   *
   * @throws {StreamError} `not_found`, `gone`, `offset_gone`, `offset_past_tail`, `damaged`
   */
  countBefore?(name: string, offset: Offset): Promise<MessageCount>;
  /**
   * One page of the streams that can be read, in the order of their names (an extension). It doesn't
   * count as use of them, and what comes before the page costs nothing.
   */
  list(request: ListRequest): Promise<ListPage>;
  /**
   * Calls `onChange` whenever more can be read, or the stream is closed or gone (PROTOCOL §5.7). What it
   * throws, or rejects with, is logged and changes nothing else.
   */
  watch(name: string, onChange: () => void): Promise<Watch>;
  /** How it is; costs nothing. */
  status(): StorageStatus;
  /** What it has counted, for metrics; takes a moment for each subscription. Another thread's has none. */
  measure?(): StorageMeasures;
  /**
   * Looks at other quotas and changes nothing yet. A stream that holds more than one of them takes nothing
   * more then, and loses nothing. Another thread's has none.
   *
   * @returns puts them in place
   * @throws {RangeError} where a quota makes no sense
   */
  prepareQuotas?(quotas: readonly QuotaOptions[]): () => void;
  /**
   * Looks at other rules of how much is kept of streams, and changes nothing yet. Another thread's has none.
   *
   * @returns puts them in place
   * @throws {RangeError} where a rule makes no sense
   */
  prepareRetention?(rules: readonly RetentionRule[]): () => void;
  /**
   * Ends the storage; nothing stays unflushed.
   *
   * @param limitMs tidying up that would take longer is left to the next start
   */
  close(limitMs?: number): Promise<void>;
}

/** The storages there are. */
export type StorageKind = "memory" | "file" | "nats";

/** What a create asks for; what is left out is inherited by a fork and the default elsewhere. */
export interface CreateSpec {
  contentType?: string | undefined;
  lifetime?: Lifetime | undefined;
  closed?: boolean | undefined;
  /** The first content, as the client sent it. */
  body?: Bytes | undefined;
  fork?: ForkSpec | undefined;
  /** What becomes of its older messages; `inherit`: as its source has it now, of a fork. */
  policies?: StreamPolicies | "inherit" | undefined;
  /** The request that asks for it, where that is traced. */
  trace?: TraceContext | undefined;
}

/** What is to change about a stream; what is left out stays. */
export interface StreamChange {
  /** `null` for none of its own. */
  retention?: RetentionPolicy | null | undefined;
  /** `null` for none. */
  compaction?: Compaction | null | undefined;
  /** What lies before this is to go; nothing does that is gone already. */
  trimBefore?: Offset | TrimBeforeTime | undefined;
}

/** Where the block begins that has the first message of this time or later, in ms since 1970. */
export interface TrimBeforeTime {
  readonly beforeMs: number;
}

/** What a stream is after a change. */
export interface Updated {
  /** The space that its offsets are of. */
  space: OffsetSpace;
  /** The first position that can be read. */
  earliest: number;
  tail: number;
  /** Those in force, as in {@link StreamInfo}. */
  policies: StreamPolicies | undefined;
}

/** Where a fork is to branch off (PROTOCOL §4.2). */
export interface ForkSpec {
  source: string;
  /** The source's tail where it is left out. */
  offset?: Offset | undefined;
  /** Bytes, or messages in JSON mode, past `offset`. */
  subOffset?: number | undefined;
}

/** A create's answer. */
export interface Created {
  /** False where the stream was there already, just as asked for. */
  created: boolean;
  contentType: string;
  /** That of the tail. */
  space: number;
  tail: number;
  closed: boolean;
}

/** An append, a close, or both. */
export interface AppendRequest {
  contentType?: string | undefined;
  /** As the client sent it; empty only where the request closes. */
  body: Bytes;
  close?: boolean | undefined;
  /** `Stream-Seq`. */
  seq?: string | undefined;
  producer?: ProducerBatch | undefined;
  /** Where the tail has to be (an extension: `Stream-Expected-Offset`). */
  expectedTail?: Offset | undefined;
  /** The request that asks for it, where that is traced. */
  trace?: TraceContext | undefined;
}

/** An append's answer. */
export interface Appended {
  /** That of the tail. */
  space: number;
  tail: number;
  closed: boolean;
  /** Nothing was appended: this batch is here already. */
  duplicate: boolean;
  /** The producer's newest position, where the request named a producer. */
  producer: ProducerState | undefined;
}

/** What a stream is (PROTOCOL §5.5). */
export interface StreamInfo {
  /** Unique in its storage for ever; a stream made again under the same name has another. */
  id: number;
  /** The space that its offsets are of; only a fork's are another stream's, up to its fork point. */
  space: OffsetSpace;
  contentType: string;
  lifetime: Lifetime;
  /** When it ends as things stand, in ms since 1970; `Infinity` for never. */
  expiresAtMs: number;
  tail: number;
  /** The first position that can be read; what was before it was trimmed (an extension). */
  earliest: number;
  closed: boolean;
  /** The policies in force: its own, and how much is kept by patterns of names, the strictest of each limit. */
  policies?: StreamPolicies | undefined;
  /**
   * How many messages there are, a fork's source's and trimmed ones too; `undefined` where that isn't known
   * at once. See `Storage.countBefore`.
   */
  messages: number | undefined;
}

/** How many messages come before a place in a stream (an extension). */
export interface MessageCount {
  readonly messages: number;
  /** When the last of them came, or one behind it in its block; 0 where there are none. In ms since 1970. */
  readonly lastAtMs: number;
}

/** All that is known of a stream. What a storage doesn't know is left out. */
export interface StreamDescription extends StreamInfo {
  /** When its newest message came, in ms since 1970; 0 where there was none, or that isn't known. */
  lastAppendAtMs: number;
  /** The newest `Stream-Seq`. */
  seq: string | undefined;
  /** The producer's batch that closed it. */
  closedBy: ProducerBatch | undefined;
  /** The first producers by their ids, {@link MAX_DESCRIBED} at most. */
  producers: readonly ProducerBatch[];
  /** How many there are. */
  producersTotal: number;
  /** Where it branched off, and of what: another name may be that stream's by now, or none. */
  forkedFrom: ForkedFrom | undefined;
  /** The names of its forks, {@link MAX_DESCRIBED} at most; `undefined` where that isn't known. */
  forks?: readonly string[];
  /** Its own policies, without those of patterns. */
  ownPolicies?: StreamPolicies | undefined;
}

/** So many producers, and so many forks, are described at most. */
export const MAX_DESCRIBED = 1000;

/** A fork's source. */
export interface ForkedFrom {
  /** Its name when the fork was made. */
  name: string;
  /** Up to where the bytes are the source's. */
  point: number;
}

/** One chunk of a stream and what was so when it was read. */
export interface ReadResult extends StreamInfo {
  /** As it is stored: the caller's own, and so is the byte before it in its buffer, if there is one. */
  data: Bytes;
  /** Where `data` begins. */
  start: number;
  /** Where the next read goes on; where `data` ends. */
  next: number;
}

/**
 * A chunk whose bytes needn't be in memory: checked, and sent from where they are. Who gets a slice lets
 * go of it.
 */
export interface BodyResult extends Omit<ReadResult, "data"> {
  data: Bytes | FileBody;
}

/** Which streams are listed; all where neither is given. */
export interface ListRequest {
  /** Those whose names begin with this. */
  readonly prefix?: string | undefined;
  /** Those whose names come after this one. */
  readonly after?: string | undefined;
  /** How many at most, at least 1. */
  readonly limit: number;
}

/** Some of the streams that a listing asked for, by their names' bytes in UTF-8. */
export interface ListPage {
  streams: ListedStream[];
  /** What the next page comes after; `undefined` where this was the last. */
  next: string | undefined;
}

/** A stream of a listing. */
export interface ListedStream extends StreamInfo {
  name: string;
  /** As in {@link StreamDescription}; left out where that isn't known. */
  lastAppendAtMs?: number;
  /** As in {@link StreamDescription}. */
  forkedFrom?: ForkedFrom;
}

/** A registered interest in a stream. */
export interface Watch {
  /** Ends it; calling it again does nothing. */
  cancel(): void;
}
