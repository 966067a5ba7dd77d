/** How a subscription's workers are woken (PROTOCOL §7). */
export type SubscriptionType = "webhook" | "pull-wake";

/** What a subscription was created with; never changes (PROTOCOL §6.2). */
export interface SubscriptionConfig {
  readonly type: SubscriptionType;
  /** A glob over stream names. */
  readonly pattern: string | undefined;
  /** The streams that it was created with, sorted, each once. */
  readonly streams: readonly string[];
  /** Where a webhook's wakes are sent. */
  readonly webhookUrl: string | undefined;
  /** The stream that pull-wakes are written to. */
  readonly wakeStream: string | undefined;
  readonly leaseMs: number;
  readonly description: string | undefined;
  /**
   * What is kept of whoever created it, to ask at each wake what they may do by then; at most 4 KiB. Clients
   * don't see it, and it tells no two configurations apart.
   */
  readonly creator?: string;
}

/**
 * Where a subscription is between two wakes:
 *
 * - `idle`: nothing is in flight.
 * - `delivering`: a webhook's request is under way, and its lease runs.
 * - `waiting`: a webhook that failed is to be tried again, or a wake event waits to be claimed.
 * - `leased`: a worker has the wake, and its lease runs.
 */
export type SubscriptionPhase = "idle" | "delivering" | "waiting" | "leased";

/** What changes about a subscription, but for its links and cursors. */
export interface SubscriptionState {
  readonly phase: SubscriptionPhase;
  /** That of the newest wake; 0 before the first (PROTOCOL §7.3). */
  readonly generation: number;
  /** That of the newest wake; empty before the first. */
  readonly wakeId: string;
  /** When the newest wake was made, in ms since 1970. */
  readonly wakeAtMs: number;
  /** The worker that has the lease; empty where none does. */
  readonly holder: string;
  /** Idle: not to be woken before; waiting: the next attempt; else the lease's end. In ms since 1970. */
  readonly dueMs: number;
  /** Attempts that came to nothing since the last one that did. */
  readonly failures: number;
  /** Whether the newest delivery has failed, and another is to come (PROTOCOL §6.3). */
  readonly failed: boolean;
}

/** A stream of a wake, as it was when the wake was made. */
export interface WakeStream {
  readonly streamId: number;
  readonly path: string;
  readonly isExplicit: boolean;
  readonly acked: number;
  readonly tail: number;
  /** The same two as offsets on the wire: a stream may be gone by the time that they are sent. */
  readonly ackedOffset: string;
  readonly tailOffset: string;
}

/** What a subscription is before anything has happened. */
export const NEW_SUBSCRIPTION: SubscriptionState = {
  phase: "idle",
  generation: 0,
  wakeId: "",
  wakeAtMs: 0,
  holder: "",
  dueMs: 0,
  failures: 0,
  failed: false,
};
