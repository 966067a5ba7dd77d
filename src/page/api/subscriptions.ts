import { controlUrl } from "./config.ts";
import { callJson } from "./request.ts";

/** A subscription as the server lists it (PROTOCOL §6.3, and this server's own of how it does). */
export interface ListedSubscription {
  readonly id: string;
  readonly type: "webhook" | "pull-wake";
  readonly pattern: string | null;
  readonly webhook: { readonly url: string } | null;
  readonly wake_stream: string | null;
  readonly lease_ttl_ms: number;
  /** RFC 3339. */
  readonly created_at: string;
  readonly status: "active" | "failed";
  readonly description: string | null;
  /** Where it is between two wakes. */
  readonly phase?: "idle" | "delivering" | "waiting" | "leased";
  /** That of the newest wake; 0 before the first. */
  readonly generation?: number;
  /** The worker that has the lease. */
  readonly holder?: string | null;
  /** When it is tried again, or its lease ends: RFC 3339. */
  readonly due_at?: string | null;
  /** Attempts that came to nothing since the last one that did. */
  readonly failures?: number;
  readonly last_failure?: { readonly at: string; readonly reason: string } | null;
  /** How many streams have what isn't acknowledged yet; null where nobody counts them. */
  readonly lag?: { readonly streams: number } | null;
}

/** A stream that a subscription follows. */
export interface LinkedStream {
  readonly path: string;
  readonly link_type: string;
  readonly acked_offset: string;
}

/** A subscription with its streams. */
export interface WholeSubscription extends ListedSubscription {
  readonly streams: readonly LinkedStream[];
}

/** Some subscriptions, in the order of their ids. */
export interface SubscriptionPage {
  readonly subscriptions: readonly ListedSubscription[];
  readonly next?: string;
}

function urlOf(id: string): string {
  return controlUrl(`subscriptions/${encodeURIComponent(id)}`);
}

/** Some subscriptions, after one of them. @throws {ApiError} */
export function listSubscriptions(
  after: string | undefined,
  signal: AbortSignal,
): Promise<SubscriptionPage> {
  return callJson(controlUrl("subscriptions"), { query: { after, limit: 100 }, signal });
}

/** One of them. @throws {ApiError} */
export function getSubscription(id: string, signal: AbortSignal): Promise<WholeSubscription> {
  return callJson(urlOf(id), { signal });
}

/** Has the server try a delivery that waits for its time now; false where none waits. @throws {ApiError} */
export async function tryNow(id: string): Promise<boolean> {
  return (await callJson<{ retried: boolean }>(`${urlOf(id)}/retry`, { method: "POST" })).retried;
}
