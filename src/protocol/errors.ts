/**
 * Everything that a request can fail with: one closed union, distinguished by `code`.
 * `src/server/common/errors.ts` maps each to its HTTP response and doesn't compile if one is missing.
 */
export type Failure =
  | { code: "invalid_name" }
  | { code: "invalid_offset" }
  | { code: "offset_past_tail" }
  | { code: "offset_gone" }
  | { code: "offset_trimmed"; space: number; earliest: number }
  | { code: "offset_compacted" }
  | { code: "invalid_query" }
  | { code: "invalid_header" }
  | { code: "invalid_json" }
  | { code: "invalid_fork" }
  | { code: "invalid_subscription"; field: string }
  | { code: "webhook_url_rejected" }
  | { code: "token_invalid" }
  | { code: "token_expired" }
  | { code: "unauthenticated" }
  | { code: "forbidden" }
  | { code: "too_many_requests"; retryAfterMs: number }
  | { code: "quota_exceeded" }
  | { code: "key_rotation_pending" }
  | { code: "empty_body" }
  | { code: "body_incomplete" }
  | { code: "malformed_body" }
  | { code: "body_timeout" }
  | { code: "body_too_large" }
  | { code: "undecodable_body" }
  | { code: "unsupported_encoding"; accepted: string }
  | { code: "method_not_allowed"; allowed: string }
  | { code: "origin_not_allowed" }
  | { code: "host_not_allowed" }
  | { code: "not_found" }
  | { code: "gone" }
  | { code: "stream_exists" }
  | { code: "source_deleted" }
  | { code: "content_type_mismatch" }
  | { code: "stream_closed"; space: number; tail: number; producer?: ProducerState }
  | { code: "sequence_regression"; space: number; tail: number }
  | { code: "offset_mismatch"; space: number; tail: number }
  | { code: "snapshot_not_found" }
  | { code: "snapshot_regression"; space: number; position: number }
  | { code: "stale_epoch"; epoch: number }
  | { code: "epoch_start" }
  | { code: "sequence_gap"; expected: number; received: number }
  | { code: "subscription_not_found" }
  | { code: "subscription_exists" }
  | { code: "already_claimed"; holder: string; generation: number }
  | { code: "no_pending_work" }
  | { code: "fenced" }
  | { code: "invalid_ack"; path: string }
  | { code: "too_many_subscriptions" }
  | { code: "subscriptions_unsupported" }
  | { code: "ordinals_unsupported" }
  | { code: "retention_unsupported" }
  | { code: "snapshots_unsupported" }
  | { code: "compaction_unsupported" }
  | { code: "too_many_producers" }
  | { code: "too_many_readers" }
  | { code: "too_many_streams" }
  | { code: "too_many_bodies" }
  | { code: "overloaded" }
  | { code: "starting" }
  | { code: "storage_full" }
  | { code: "storage_failed" }
  | { code: "storage_closed" }
  | { code: "storage_unreachable" }
  | { code: "damaged"; range?: DamagedRange; next?: { space: number; position: number } };

/**
 * The positions that damage makes unreadable; where they are known, `next` of the failure is the first
 * offset of the stream after them, from which reading can continue.
 */
export interface DamagedRange {
  readonly start: number;
  readonly end: number;
}

/** The code of a {@link Failure}. */
export type FailureCode = Failure["code"];

/** The newest epoch of a producer and the highest sequence number accepted in it (PROTOCOL §5.2.1). */
export interface ProducerState {
  epoch: number;
  seq: number;
}

/**
 * A request's failure: `failure.code` for programs, `message` for the person who reads it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { StreamError } from "./errors.ts";
 * import { createMemoryStorage } from "../storage/memory.ts";
 *
 * const storage = createMemoryStorage();
 * const error = await storage.head("nothing").catch((error: unknown) => error);
 * assert(error instanceof StreamError && error.code === "not_found");
 * ```
 */
export class StreamError extends Error {
  override readonly name = "StreamError";
  readonly failure: Failure;

  constructor(failure: Failure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }

  /** Which failure it is; the same as `failure.code`. */
  get code(): FailureCode {
    return this.failure.code;
  }
}

/** Text from a request as it may stand in a message: quoted, escaped and cut. */
export function quote(value: string, limitChars = 80): string {
  const cut = value.length > limitChars ? `${value.slice(0, limitChars)}…` : value;
  return JSON.stringify(cut);
}
