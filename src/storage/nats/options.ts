import { type Clock, systemClock } from "../../env/clock.ts";
import type { RetentionRule } from "../retention_rules.ts";
import type { Stream } from "../stream.ts";
import type { JetStream } from "./jetstream.ts";

/** Is called behind what this front end has stored, with nothing in between. */
export interface CommitObserver {
  /** A stream was made. */
  created(stream: Stream): void;
  /** A stream goes further now: its tail was `start`. */
  appended(stream: Stream, start: number): void;
  /** A stream is gone, softly or for good. */
  removed(stream: Stream): void;
}

/** When appends are sent to another front end. */
export type Forwarding = "auto" | "always" | "never";

/** What has become of the connection so far. */
export interface ConnectionCounts {
  /** How often there was another one, after the first had ended. */
  readonly reconnects: number;
}

/** Options of `openNatsStorage`. */
export interface NatsStorageOptions {
  /** The way to the cluster; the storage closes it. */
  readonly jetStream: JetStream;
  /** What logs and subjects begin with; `ds`. */
  readonly prefix?: string | undefined;
  /** How many servers keep each log that is made; 3. */
  readonly replicas?: number | undefined;
  /** Among how many logs streams are spread at least; as many as there are. More may be made later. */
  readonly shards?: number | undefined;
  /** Among how many they are in a storage that is made now, unless `shards` says: a log a server; 1. */
  readonly newShards?: number | undefined;
  /** How many producers a stream may have; 10,000. */
  readonly maxProducersPerStream?: number | undefined;
  /** Beyond so many streams in memory, idle ones leave it; 100,000. */
  readonly maxLoadedStreams?: number | undefined;
  /** They also do where they take more than this together, their messages not counted; 192 MiB. */
  readonly maxLoadedBytes?: number | undefined;
  /** How much memory the newest messages of all streams may take; 64 MiB. */
  readonly messageCacheBytes?: number | undefined;
  /** Commands that would make more than this wait are refused; 64 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /** So many commands may wait for one stream; 10,000. */
  readonly maxQueuedPerStream?: number | undefined;
  /** How many streams' names may be listed; 1,000,000. */
  readonly maxListedNames?: number | undefined;
  /** How many subscriptions there may be; 10,000. */
  readonly maxSubscriptions?: number | undefined;
  /** Appends that wait for one stream go as one message of at most this; 256 KiB. */
  readonly groupBytes?: number | undefined;
  /** After so long without a known outcome a write is refused, and may be stored nevertheless; 30 s. */
  readonly writeLimitMs?: number | undefined;
  /** After so long in which the cluster took nothing a write is refused; 5 s. */
  readonly unavailableLimitMs?: number | undefined;
  /** After how many messages a stream's state is stored, so that loading it reads no more of them; 256. */
  readonly snapshotMessages?: number | undefined;
  /**
   * Whether appends to a stream that another front end writes to at the same time are sent to that one:
   * `auto` once races were lost, `always` (for tests) whenever another one wrote last; `auto`.
   */
  readonly forwarding?: Forwarding | undefined;
  /** How much is kept of streams whose names match patterns, beside what they say themselves; none. */
  readonly retention?: readonly RetentionRule[] | undefined;
  readonly observer?: CommitObserver | undefined;
  /** What has become of the connection, for metrics. */
  readonly connection?: ConnectionCounts | undefined;
  /** Where the time comes from. Those of several front ends have to agree to about a second. */
  readonly clock?: Clock | undefined;
  /** A number from 0 up to 1, for the jitter of waits; `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** The options, with what is left out. */
export type NatsSettings =
  & {
    readonly [K in Exclude<keyof NatsStorageOptions, "observer" | "connection">]-?: NonNullable<
      NatsStorageOptions[K]
    >;
  }
  & {
    readonly observer: CommitObserver | undefined;
    readonly connection: ConnectionCounts | undefined;
  };

/** Fills in what is left out. */
export function toSettings(options: NatsStorageOptions): NatsSettings {
  return {
    jetStream: options.jetStream,
    prefix: options.prefix ?? "ds",
    replicas: options.replicas ?? 3,
    shards: options.shards ?? 1,
    newShards: options.shards ?? options.newShards ?? 1,
    maxProducersPerStream: options.maxProducersPerStream ?? 10_000,
    maxLoadedStreams: options.maxLoadedStreams ?? 100_000,
    maxLoadedBytes: options.maxLoadedBytes ?? 192 * 1024 * 1024,
    messageCacheBytes: options.messageCacheBytes ?? 64 * 1024 * 1024,
    maxQueuedBytes: options.maxQueuedBytes ?? 64 * 1024 * 1024,
    maxQueuedPerStream: options.maxQueuedPerStream ?? 10_000,
    maxListedNames: options.maxListedNames ?? 1_000_000,
    maxSubscriptions: options.maxSubscriptions ?? 10_000,
    groupBytes: options.groupBytes ?? 256 * 1024,
    writeLimitMs: options.writeLimitMs ?? 30_000,
    unavailableLimitMs: options.unavailableLimitMs ?? 5000,
    snapshotMessages: options.snapshotMessages ?? 256,
    forwarding: options.forwarding ?? "auto",
    retention: options.retention ?? [],
    observer: options.observer,
    connection: options.connection,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}
