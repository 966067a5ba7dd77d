import type { SubscriptionConfig, SubscriptionState, WakeStream } from "../subscription.ts";

/** A subscription as of a record of the log: what a storage keeps of it, but for its cursors. */
export interface SubscriptionRow {
  readonly id: number;
  readonly name: string;
  /** All of the log's records up to this one are in it, and in its cursors. */
  readonly lsn: number;
  readonly createdAtMs: number;
  readonly config: SubscriptionConfig;
  readonly hash: string;
  readonly baseUrl: string;
  /** The streams that are linked explicitly. */
  readonly links: readonly string[];
  readonly state: SubscriptionState;
  readonly wakeStreams: readonly WakeStream[];
  /** How many cursors it has: one that damage hides is missed. */
  readonly cursorCount: number;
}

/** Up to where a subscription has processed a stream that goes further. */
export interface CursorRow {
  readonly subscriptionId: number;
  readonly streamId: number;
  readonly position: number;
}

/**
 * What has changed of all subscriptions since it was last stored, as of one instant. Rows of a
 * subscription and its cursors are stored in one transaction.
 */
export interface SubscriptionCapture {
  readonly deletedIds: readonly number[];
  readonly rows: readonly SubscriptionRow[];
  readonly cursors: readonly CursorRow[];
  readonly deletedCursors: readonly Omit<CursorRow, "position">[];
}
