import { internString } from "../../copy_string.ts";
import type { SnapshotRef } from "../../snapshot_store.ts";
import { Stream } from "../../stream.ts";
import { type KeptState, NOTHING_KEPT, type StoredSnapshot } from "../format/kept_snapshot.ts";
import type { GoneMessage } from "../format/message.ts";
import type { NameRecord } from "../format/name_record.ts";
import { samePolicies } from "../../policies.ts";
import type { ForkReference, RetentionState, StreamSnapshot } from "../format/snapshot.ts";
import { CallMarks } from "./call_marks.ts";
import { TailMark } from "./tail_mark.ts";
import type { CacheEntry } from "./cached_message.ts";

/** An append of this front end's that another one has stored: what the stream was with it. */
export interface StoredForwarded {
  readonly tail: number;
  readonly closed: boolean;
}

/** An application's snapshot, and where its body is. */
export interface NatsSnapshotRef extends SnapshotRef, StoredSnapshot {}

/** An append that came in parts of which not all were seen yet. */
export interface OpenParts {
  readonly frontEnd: number;
  readonly count: number;
  readonly nextIndex: number;
  /** Where the next part begins. */
  readonly nextStart: number;
}

/**
 * A stream as the messages of its subject leave it, up to the one with {@link sequence}. All of it is
 * stored, so that what is assigned and what is durable are the same.
 */
export class NatsStream extends Stream {
  readonly shard: number;
  /** Sequence of its name's record; 0 where that isn't known. */
  nameSequence: number;
  /** Of a fork, once it was looked for. */
  source: NatsStream | undefined;
  readonly mark: TailMark;
  /** Of the newest message that is in this state. */
  sequence = 0;
  /** Of its first message; 0 before that is known. */
  firstSequence = 0;
  /** Those that have this one as their source, by their ids. */
  readonly forks = new Map<number, ForkReference>();
  openParts: OpenParts | undefined;
  /** The message by which it went for good: also where another front end has written it once more. */
  gone: GoneMessage | undefined;
  /** When it was used last, as far as the messages say it. */
  recordedAccessMs: number;
  /** The front end that recorded it. */
  accessedBy = 0;
  /** How many messages there are that no snapshot includes, and bytes in them. */
  messagesSinceSnapshot = 0;
  bytesSinceSnapshot = 0;
  /** Sequence of the newest snapshot. */
  snapshotSequence = 0;
  /** Whether its messages are counted: in each from the first on. */
  isCounted = true;
  override keptSnapshot: NatsSnapshotRef | null = null;
  /** As `KeptState` says; 0 where nothing was ever kept. */
  bodiesFrom = NOTHING_KEPT.bodiesFrom;
  /** Its messages in the cache, in order. */
  readonly cached: CacheEntry[] = [];
  /** The message of this front end's that is under way, and its sequence once it was seen. */
  inFlight: { readonly count: number; sequence: number | undefined } | undefined;
  /** Which front ends wrote what, for appends that they send here. */
  readonly callMarks: CallMarks;
  /** By calls with appends of this front end's whose answers aren't known: what was seen of them. */
  calls: Map<number, Map<number, StoredForwarded>> | undefined;
  /** Whether any message, or its name's record, says that less than all of it is kept, or has policies. */
  hasRetention = false;
  /** Messages up to this sequence may be gone from the log. */
  purgedUpTo = 0;
  /** Some messages up to this sequence were gone before they were seen here. */
  missedUpTo = 0;
  /** How many forks of it are loaded: it stays as long as they do. */
  pins = 0;

  constructor(
    record: NameRecord,
    nameSequence: number,
    snapshot?: StreamSnapshot,
  ) {
    const mark = new TailMark(
      snapshot?.tail ?? record.fork?.point ?? 0,
      snapshot?.atMs ?? record.createdAtMs,
      snapshot?.messages,
    );
    super(record, mark, snapshot?.accessedAtMs ?? record.createdAtMs);
    this.mark = mark;
    this.callMarks = new CallMarks(snapshot?.sequence ?? 0);
    this.shard = record.shard;
    this.nameSequence = nameSequence;
    this.recordedAccessMs = this.accessedAtMs;
    const { earliest = 0, policies } = record;
    if (earliest > 0 || policies !== undefined) this.retain({ earliest, messages: 0, policies });
    if (snapshot !== undefined) this.resume(snapshot);
  }

  override get visibleMessages(): number | undefined {
    return this.isCounted ? super.visibleMessages : undefined;
  }

  /** The newest time in its messages: those of later ones aren't before it, whatever clocks say. */
  get lastAtMs(): number {
    return this.mark.lastAtMs;
  }

  /** What is kept of it is this from now on: it never becomes more. */
  retain({ earliest, messages, policies }: Omit<RetentionState, "purgedUpTo">): void {
    this.hasRetention = true;
    this.trim(earliest, messages);
    this.showTrim();
    if (samePolicies(policies, this.policies)) return;
    this.setPolicies(policies);
    this.showPolicies();
  }

  /** What is kept beside it of an application's. */
  get kept(): KeptState {
    return { bodiesFrom: this.bodiesFrom, snapshot: this.keptSnapshot ?? undefined };
  }

  /** Something else is kept beside it, or nothing. */
  keep({ bodiesFrom, snapshot }: KeptState): void {
    this.bodiesFrom = bodiesFrom;
    // What was found of where it may be trimmed doesn't hold any more.
    if ((snapshot?.position ?? 0) < (this.keptSnapshot?.position ?? 0)) this.retention = undefined;
    this.keptSnapshot = snapshot === undefined
      ? null
      : { ...snapshot, contentType: internString(snapshot.contentType), lsn: 0 };
  }

  /** Its state as a snapshot. */
  snapshot(): StreamSnapshot {
    return {
      id: this.id,
      sequence: this.sequence,
      firstSequence: this.firstSequence,
      tail: this.tail,
      atMs: this.lastAtMs,
      accessedAtMs: this.recordedAccessMs,
      accessedBy: this.accessedBy,
      isClosed: this.closed,
      isSoftlyDeleted: this.lifecycle === "soft_deleted",
      closedBy: this.closedBy,
      seq: this.seq,
      producers: this.producers,
      forks: this.forks,
      ...(this.hasRetention ? { retention: this.#retention() } : {}),
      kept: this.kept,
      messages: this.isCounted ? this.mark.messages : undefined,
    };
  }

  #retention(): RetentionState {
    const { earliest, earliestMessages, policies, purgedUpTo } = this;
    return { earliest, messages: earliestMessages, policies, purgedUpTo };
  }

  /** Takes the state of a snapshot that is ahead of it. */
  resume(snapshot: StreamSnapshot): void {
    this.mark.advance(snapshot.tail - this.mark.end);
    this.mark.passTime(snapshot.atMs);
    this.isCounted = snapshot.messages !== undefined;
    this.mark.messages = snapshot.messages ?? 0;
    this.tail = snapshot.tail;
    this.sequence = snapshot.sequence;
    this.firstSequence = snapshot.firstSequence;
    this.recordedAccessMs = Math.max(this.recordedAccessMs, snapshot.accessedAtMs);
    this.accessedAtMs = Math.max(this.accessedAtMs, this.recordedAccessMs);
    this.accessedBy = snapshot.accessedBy;
    this.closed = snapshot.isClosed;
    this.closedBy = snapshot.closedBy;
    this.seq = snapshot.seq;
    if (snapshot.isSoftlyDeleted) this.lifecycle = "soft_deleted";
    if (this.loadedProducers > 0) this.producers.clear();
    for (const [id, state] of snapshot.producers) this.producers.set(id, state);
    this.producerCount = snapshot.producers.size;
    this.forks.clear();
    for (const [id, reference] of snapshot.forks) this.forks.set(id, reference);
    this.forkCount = this.forks.size;
    if (snapshot.retention !== undefined) {
      this.retain(snapshot.retention);
      this.purgedUpTo = Math.max(this.purgedUpTo, snapshot.retention.purgedUpTo);
    }
    this.keep(snapshot.kept);
    this.openParts = undefined;
    this.messagesSinceSnapshot = 0;
    this.bytesSinceSnapshot = 0;
    this.callMarks.jump(snapshot.sequence);
    this.publish(this.tail, this.closed);
  }
}
