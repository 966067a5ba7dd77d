import { compareNames } from "../../protocol/name_order.ts";
import type { TraceContext } from "../../tracing/trace_context.ts";
import { partitionPoint } from "../partition_point.ts";
import type { SubscriptionConfig, SubscriptionState, WakeStream } from "../subscription.ts";
import type { SubscriptionRow } from "./capture.ts";
import type { SubscriptionScope } from "../subscription_store.ts";
import { type Pattern } from "../../protocol/name_pattern.ts";

/** A subscription in memory, in its assigned state, and the cursors of its pending streams. */
export class SubscriptionEntry {
  readonly id: number;
  readonly name: string;
  readonly createdAtMs: number;
  readonly config: SubscriptionConfig;
  readonly pattern: Pattern | undefined;
  readonly hash: string;
  readonly baseUrl: string;
  /** The origin of its webhook's URL. */
  readonly endpoint: string | undefined;
  state: SubscriptionState;
  /** The streams of the newest wake, as long as it is in flight. */
  wakeStreams: readonly WakeStream[];
  /**
   * Streams that go further than they were processed, by their ids: up to where they were. All other
   * linked streams are processed up to their tails.
   */
  readonly cursors = new Map<number, number>();
  isDeleted = false;
  /** What wakes it next, of the traced appends: the first one, or the first that is recorded. */
  nextTrace: TraceContext | undefined;
  /** What the newest wake was made for. */
  wakeTrace: TraceContext | undefined;
  /** Records up to this one were in its row when it was loaded. */
  readonly restoredLsn: number;
  /** LSN of the newest record about it. */
  lsn: number;
  readonly #links: Set<string>;
  /** The same in the names' order, once that was asked for: to sort 10,000 for each page takes 15 ms. */
  #sortedLinks: readonly string[] | undefined;
  #scope: SubscriptionScope | undefined;

  constructor(row: SubscriptionRow, pattern: Pattern | undefined, restoredLsn: number) {
    this.id = row.id;
    this.name = row.name;
    this.createdAtMs = row.createdAtMs;
    this.config = row.config;
    this.pattern = pattern;
    this.hash = row.hash;
    this.baseUrl = row.baseUrl;
    const { webhookUrl } = row.config;
    this.endpoint = webhookUrl === undefined ? undefined : new URL(webhookUrl).origin;
    this.#links = new Set(row.links);
    this.state = row.state;
    this.wakeStreams = row.wakeStreams;
    this.restoredLsn = restoredLsn;
    this.lsn = row.lsn;
  }

  /** The streams that are linked explicitly. */
  get links(): ReadonlySet<string> {
    return this.#links;
  }

  /** What it follows: another object once that changes. */
  get scope(): SubscriptionScope {
    const { pattern, config: { wakeStream, creator } } = this;
    return this.#scope ??= { pattern, paths: this.#links, wakeStream, creator };
  }

  /** An append that is traced is pending for it. */
  noteTrace(trace: TraceContext): void {
    const isBetter = this.nextTrace === undefined ||
      (trace.isSampled && !this.nextTrace.isSampled);
    if (isBetter) this.nextTrace = trace;
  }

  /** Up to `limit` of the explicit links that come after a name, in order. */
  linksAfter(after: string, limit: number): string[] {
    const sorted = this.#sortedLinks ??= [...this.#links].sort(compareNames);
    const first = partitionPoint(sorted.length, (i) => compareNames(sorted[i] ?? "", after) <= 0);
    return sorted.slice(first, first + limit);
  }

  /** Links a stream explicitly. */
  link(path: string): void {
    this.#links.add(path);
    this.#sortedLinks = undefined;
    this.#scope = undefined;
  }

  /** Takes an explicit link away. */
  unlink(path: string): void {
    this.#links.delete(path);
    this.#sortedLinks = undefined;
    this.#scope = undefined;
  }

  /** What a storage keeps of it, but for its cursors. */
  toRow(lsn: number): SubscriptionRow {
    const { id, name, createdAtMs, config, hash, baseUrl, state, wakeStreams } = this;
    return {
      id,
      name,
      lsn,
      createdAtMs,
      config,
      hash,
      baseUrl,
      links: [...this.links].sort(),
      state,
      wakeStreams,
      cursorCount: this.cursors.size,
    };
  }
}
