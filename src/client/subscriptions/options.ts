import type { CallOptions } from "../transport/call_options.ts";
import type { LinkedStream, WakeStream } from "./wake_stream.ts";

/** The configuration of a new subscription (PROTOCOL §6.2): a webhook or a wake stream, and which streams. */
export interface SubscriptionOptions extends CallOptions {
  /** Which streams wake: `*` stands for one segment of a name, `**` for any number. */
  pattern?: string | undefined;
  /** Streams that wake, beside those of the pattern; their names. */
  streams?: readonly string[] | undefined;
  /** The URL that wakes are posted to. */
  webhookUrl?: string | undefined;
  /** The stream that wakes are written to, for workers that claim them; it has to be created. */
  wakeStream?: string | undefined;
  /** How long a worker has until it must be heard from, 1 s to 10 min; 30 s. */
  leaseMs?: number | undefined;
  /** For people. */
  description?: string | undefined;
}

/** A subscription but for its streams, as a listing has it. */
export interface ListedSubscription {
  id: string;
  type: "webhook" | "pull-wake";
  pattern?: string;
  webhookUrl?: string;
  /** Where the server's public keys are, for `verifyWebhook`. */
  jwksUrl?: string;
  wakeStream?: string;
  leaseMs: number;
  createdAt: Date;
  /** `failed` while a delivery that failed waits to be repeated. */
  status: "active" | "failed";
  description?: string;
}

/** A subscription (PROTOCOL §6.3). */
export interface SubscriptionInfo extends ListedSubscription {
  streams: LinkedStream[];
}

/** The result of a create. */
export interface CreatedSubscription extends SubscriptionInfo {
  /** False if it existed already, with the same configuration. */
  created: boolean;
}

/** A wake that a worker holds (PROTOCOL §7.2). */
export interface Claim {
  wakeId: string;
  /** Grows by one with each wake of the subscription. */
  generation: number;
  /** Shows that the wake is this worker's. */
  token: string;
  /** The streams that have something pending. */
  streams: WakeStream[];
  /** It is over after this long without an ack. */
  leaseMs: number;
}

/** What shows a wake to be a worker's: a claim, or a verified webhook, which is acked by its callback. */
export type HeldWake =
  & Pick<Claim, "wakeId" | "generation">
  & ({ readonly token: string } | { readonly callbackToken: string });

/** Up to where a stream was processed. */
export interface StreamAck {
  /** The stream's name. */
  path: string;
  /** An offset that the server gave: a reader's `nextOffset`, or the wake's `tailOffset`. */
  offset: string;
}

/** What an ack says. */
export interface AckOptions extends CallOptions {
  acks?: readonly StreamAck[] | undefined;
  /** The wake is over; otherwise its lease begins anew. */
  done?: boolean | undefined;
}
