import type { Lifetime } from "../protocol/lifetime.ts";
import { expiryMs } from "../protocol/lifetime.ts";
import { isJsonType } from "../protocol/content_type.ts";
import type { OffsetSpace } from "../protocol/offset.ts";
import type { ProducerState } from "../protocol/errors.ts";
import type { CreateRecord, ForkOrigin, ProducerBatch } from "./records.ts";
import { internString } from "./copy_string.ts";
import { Gaps } from "./gaps.ts";
import type { StreamPolicies } from "./policies.ts";
import type { StreamAccounts } from "./quota_account.ts";
import type { SnapshotRef } from "./snapshot_store.ts";
import type { StreamInfo } from "./storage.ts";
import type { StreamRetention } from "./stream_retention.ts";
import { TailBuffer } from "./tail_buffer.ts";
import { callWatcher, type Watcher } from "./watcher.ts";

/** What never changes about a stream. */
export interface StreamIdentity {
  id: number;
  name: string;
  contentType: string;
  lifetime: Lifetime;
  fork: ForkOrigin | undefined;
}

/** What is kept of a stream, where that isn't all of it for ever. */
interface Kept {
  earliest: number;
  /** How many of its own messages come before that. */
  messages: number;
  durableEarliest: number;
  /** Where compactions have left bytes out. */
  gaps: Gaps;
  /** How many of these would be held, from the earliest on. */
  missingBytes: number;
  policies: StreamPolicies | undefined;
  durablePolicies: StreamPolicies | undefined;
}

/** Whether a stream is there, kept only for its forks, or gone. */
export type Lifecycle = "there" | "soft_deleted" | "deleted";

/**
 * A stream in memory, in two states: the assigned one, on which the next command is decided, and the
 * durable one, which readers see.
 */
export class Stream {
  readonly id: number;
  readonly name: string;
  readonly contentType: string;
  readonly json: boolean;
  readonly lifetime: Lifetime;
  readonly fork: ForkOrigin | undefined;

  /** Of a fork the space that its offsets are of, once that was looked for. */
  forkedSpace: OffsetSpace | undefined;
  /** The newest bytes; older ones, if any, are where the backend put them. */
  readonly buffer: TailBuffer;
  tail: number;
  closed = false;
  /** The producer's batch that closed the stream. */
  closedBy: ProducerBatch | undefined;
  /** The newest `Stream-Seq`. */
  seq: string | undefined;
  lifecycle: Lifecycle = "there";
  /** How many streams have this one as their source. */
  forkCount = 0;
  accessedAtMs: number;
  /** How many producers have written. */
  producerCount = 0;
  /** The subscriptions that follow it, once these were looked for. */
  followers: object | undefined;
  /** The accounts of quotas that it counts in, once these were looked for. */
  quotaAccounts: StreamAccounts | undefined;
  /** The snapshot that is kept of it; `null` where there is none, `undefined` before that was looked for. */
  keptSnapshot: SnapshotRef | null | undefined;
  /** When it was to be looked at for its retention, as it was stored; `Infinity` for never. */
  storedTrimsAtMs = Infinity;
  /** What its retention comes to, once that was looked for. */
  retention: StreamRetention | undefined;
  /** Before this messages may be missing, and the newer ones that stand for them are; 0 where none are missing. */
  compactedUpTo = 0;
  /** Why it takes no appends: what is wrong with its bytes where they are kept. */
  damage: string | undefined;

  /** LSN of the newest record that this stream's assigned state includes. */
  lsn = 0;
  /** LSN of the newest record by which the stream came or went. */
  lifecycleLsn = 0;

  durableTail: number;
  durableClosed = false;
  #durableMessages: number;
  // Most streams have no producers and nobody watches them, and very many are in memory.
  #producers: Map<string, ProducerState> | undefined;
  #watchers: Set<Watcher> | undefined;
  #kept: Kept | undefined;

  /**
   * @param buffer empty, standing where the stream stands but for the bytes still to be put in
   */
  constructor(identity: StreamIdentity, buffer: TailBuffer, accessedAtMs: number) {
    this.id = identity.id;
    this.name = identity.name;
    this.contentType = internString(identity.contentType);
    this.json = isJsonType(identity.contentType);
    this.lifetime = identity.lifetime;
    this.fork = identity.fork;
    this.buffer = buffer;
    this.tail = buffer.end;
    this.durableTail = buffer.end;
    this.#durableMessages = buffer.messages;
    this.accessedAtMs = accessedAtMs;
  }

  /** The producers' newest states, as far as they are in memory. */
  get producers(): Map<string, ProducerState> {
    return this.#producers ??= new Map();
  }

  /** How many of them are. */
  get loadedProducers(): number {
    return this.#producers?.size ?? 0;
  }

  /** Offset of the first byte that is the stream's own and not its source's. */
  get ownStart(): number {
    return this.fork?.point ?? 0;
  }

  /**
   * How many messages come before its own: its source's up to the fork point. `undefined` as long as that
   * isn't known of a fork.
   */
  get sourceMessages(): number | undefined {
    return this.fork === undefined ? 0 : this.fork.messages;
  }

  /** The first position that can be read, as it was decided. */
  get earliest(): number {
    return this.#kept?.earliest ?? 0;
  }

  /** The first position that readers can read: never before this while it is there. */
  get durableEarliest(): number {
    return this.#kept?.durableEarliest ?? 0;
  }

  /** How many of its own messages come before {@link earliest}. */
  get earliestMessages(): number {
    return this.#kept?.messages ?? 0;
  }

  /** Its own bytes that are held: those which aren't trimmed, and which no compaction has left out. */
  get heldBytes(): number {
    return this.tail - Math.max(this.ownStart, this.earliest) - this.missingBytes;
  }

  /** How many of its own bytes that aren't trimmed compactions have left out. */
  get missingBytes(): number {
    return this.#kept?.missingBytes ?? 0;
  }

  /** Where that is. */
  get gaps(): Gaps {
    return this.#kept?.gaps ?? Gaps.NONE;
  }

  /** Says where compactions have left bytes out. */
  setGaps(gaps: Gaps): void {
    if (gaps.isNone && this.#kept === undefined) return;
    const kept = this.#kept ??= newKept();
    kept.gaps = gaps;
    kept.missingBytes = gaps.missingFrom(kept.earliest);
  }

  /** Its own policies, as they were decided. */
  get policies(): StreamPolicies | undefined {
    return this.#kept?.policies;
  }

  /** Trims it: what lies before can't be read any more, once {@link showTrim} says so. */
  trim(earliest: number, messages: number): void {
    if (earliest <= this.earliest) return;
    const kept = this.#kept ??= newKept();
    kept.earliest = earliest;
    kept.messages = messages;
    kept.missingBytes = kept.gaps.missingFrom(earliest);
  }

  /** Readers see that it is trimmed, up to there or further. */
  showTrim(earliest = this.earliest): void {
    if (this.#kept === undefined) return;
    this.#kept.durableEarliest = Math.max(this.#kept.durableEarliest, earliest);
  }

  /** Gives it other policies, which readers see once {@link showPolicies} says so. */
  setPolicies(policies: StreamPolicies | undefined): void {
    if (policies === undefined && this.#kept === undefined) return;
    (this.#kept ??= newKept()).policies = policies;
    this.retention = undefined;
  }

  /** Readers see these of its policies. */
  showPolicies(policies = this.policies): void {
    if (this.#kept !== undefined) this.#kept.durablePolicies = policies;
  }

  /** The policies that readers see. */
  get visiblePolicies(): StreamPolicies | undefined {
    return this.#kept?.durablePolicies;
  }

  /** How many messages of its own readers see. */
  get visibleOwnMessages(): number {
    return this.#durableMessages;
  }

  /** How many messages readers see, its source's too; `undefined` where that isn't known at once. */
  get visibleMessages(): number | undefined {
    const { sourceMessages } = this;
    return sourceMessages === undefined ? undefined : sourceMessages + this.#durableMessages;
  }

  /** When it ends unless it is used again, in ms since 1970. */
  get expiresAtMs(): number {
    return expiryMs(this.lifetime, this.accessedAtMs);
  }

  /** Whether its time is over. A sliding one isn't while someone waits on it (PROTOCOL §5.1). */
  isExpired(nowMs: number): boolean {
    if (this.lifetime.kind === "ttl" && this.isWatched) return false;
    return this.expiresAtMs <= nowMs;
  }

  /** Whether it can be read and written: it isn't deleted, and its time isn't over. */
  isThere(nowMs: number): boolean {
    return this.lifecycle === "there" && !this.isExpired(nowMs);
  }

  /**
   * What readers see of it.
   *
   * @param space the space that its offsets are of
   */
  infoIn(space: OffsetSpace): StreamInfo {
    const info: StreamInfo = {
      id: this.id,
      space,
      contentType: this.contentType,
      lifetime: this.lifetime,
      expiresAtMs: this.expiresAtMs,
      tail: this.durableTail,
      earliest: this.durableEarliest,
      closed: this.durableClosed,
      policies: this.visiblePolicies,
      messages: this.visibleMessages,
    };
    if (this.compactedUpTo > 0) info.compactedUpTo = this.compactedUpTo;
    return info;
  }

  /**
   * Makes the assigned state what readers see, up to a record that left it so.
   *
   * @param messages how many of its own there are up to that tail
   */
  publish(tail: number, closed: boolean, messages = this.buffer.messages): void {
    this.durableTail = tail;
    this.#durableMessages = messages;
    this.durableClosed = closed;
  }

  /** Whether anyone waits for changes. */
  get isWatched(): boolean {
    return this.#watchers !== undefined && this.#watchers.size > 0;
  }

  /** Calls `onChange` after each change of the durable state, until the returned function is called. */
  watch(onChange: Watcher): () => void {
    const watchers = this.#watchers ??= new Set();
    watchers.add(onChange);
    return () => watchers.delete(onChange);
  }

  /** Tells everyone who waits. What one of them throws is logged, and is nobody else's matter. */
  notify(): void {
    if (this.#watchers === undefined) return;
    for (const watcher of [...this.#watchers]) callWatcher(watcher);
  }
}

function newKept(): Kept {
  return {
    earliest: 0,
    messages: 0,
    durableEarliest: 0,
    gaps: Gaps.NONE,
    missingBytes: 0,
    policies: undefined,
    durablePolicies: undefined,
  };
}

/** A stream as its create record leaves it, but for the record's own data. */
export function newStream(record: CreateRecord): Stream {
  return new Stream(record, new TailBuffer(record.fork?.point ?? 0), record.atMs);
}
