import { encodeErrorBody } from "../../http/error_body.ts";
import type { HeaderFields, HttpResponse } from "../../http/handler.ts";
import type { Failure, StreamError } from "../../protocol/errors.ts";
import {
  PRODUCER_EPOCH,
  PRODUCER_EXPECTED_SEQ,
  PRODUCER_RECEIVED_SEQ,
  PRODUCER_SEQ,
  STREAM_CLOSED,
  STREAM_DAMAGED,
  STREAM_EARLIEST_OFFSET,
  STREAM_NEXT_OFFSET,
  STREAM_SNAPSHOT_OFFSET,
} from "../../protocol/headers.ts";
import { formatOffset } from "../../protocol/offset.ts";
import { COMMON_HEADERS, NO_STORE } from "./common_headers.ts";

/** Every failure's status: a missing one doesn't compile. */
const STATUSES: Readonly<Record<Failure["code"], number>> = {
  body_incomplete: 400,
  empty_body: 400,
  epoch_start: 400,
  invalid_fork: 400,
  invalid_header: 400,
  invalid_json: 400,
  invalid_name: 400,
  invalid_offset: 400,
  invalid_query: 400,
  invalid_subscription: 400,
  malformed_body: 400,
  offset_past_tail: 400,
  too_many_streams: 400,
  undecodable_body: 400,
  webhook_url_rejected: 400,
  token_expired: 401,
  token_invalid: 401,
  unauthenticated: 401,
  forbidden: 403,
  origin_not_allowed: 403,
  stale_epoch: 403,
  not_found: 404,
  snapshot_not_found: 404,
  subscription_not_found: 404,
  method_not_allowed: 405,
  body_timeout: 408,
  already_claimed: 409,
  content_type_mismatch: 409,
  fenced: 409,
  invalid_ack: 409,
  no_pending_work: 409,
  key_rotation_pending: 409,
  offset_mismatch: 409,
  sequence_gap: 409,
  sequence_regression: 409,
  snapshot_regression: 409,
  source_deleted: 409,
  stream_closed: 409,
  stream_exists: 409,
  subscription_exists: 409,
  gone: 410,
  offset_gone: 410,
  offset_trimmed: 410,
  offset_compacted: 410,
  body_too_large: 413,
  unsupported_encoding: 415,
  host_not_allowed: 421,
  too_many_producers: 429,
  too_many_requests: 429,
  too_many_subscriptions: 429,
  damaged: 500,
  subscriptions_unsupported: 501,
  ordinals_unsupported: 501,
  retention_unsupported: 501,
  snapshots_unsupported: 501,
  compaction_unsupported: 501,
  overloaded: 503,
  starting: 503,
  storage_closed: 503,
  storage_failed: 503,
  storage_unreachable: 503,
  too_many_bodies: 503,
  too_many_readers: 503,
  quota_exceeded: 507,
  storage_full: 507,
};

/** The codes of all failures. */
export const ERROR_CODES: readonly string[] = Object.keys(STATUSES);

/** The HTTP status of an error. */
export function statusOf(error: StreamError): number {
  return STATUSES[error.code];
}

/** Whether an answer with this code is a 5xx. */
export function isServerFault(code: string): boolean {
  return SERVER_FAULTS.has(code);
}

const SERVER_FAULTS: ReadonlySet<string> = new Set(
  Object.entries(STATUSES).filter(([, status]) => status >= 500).map(([code]) => code),
);

/** The HTTP response of an error: its status and headers, and a JSON body with its code and message. */
export function failureResponse(error: StreamError): HttpResponse {
  const { failure } = error;
  return errorJson(STATUSES[failure.code], error.code, error.message, headersOf(failure));
}

/** The response where the server itself is wrong: the error is in its log only. */
export function internalError(): HttpResponse {
  return errorJson(500, "internal", "The server failed: its log says more.");
}

function errorJson(
  status: number,
  code: string,
  message: string,
  headers?: HeaderFields,
): HttpResponse {
  return {
    status,
    headers: { ...COMMON_HEADERS, ...NO_STORE, "content-type": "application/json", ...headers },
    body: encodeErrorBody(code, message),
  };
}

/** The headers that the protocol wants beside a failure's status, and what HTTP does. */
function headersOf(failure: Failure): HeaderFields | undefined {
  switch (failure.code) {
    case "stale_epoch":
      return { [PRODUCER_EPOCH]: String(failure.epoch) };
    case "token_invalid":
    case "token_expired":
      return { "www-authenticate": 'Bearer error="invalid_token"' };
    case "unauthenticated":
      return { "www-authenticate": "Bearer" };
    case "forbidden":
      return { "www-authenticate": 'Bearer error="insufficient_scope"' };
    case "too_many_requests":
      return { "retry-after": String(Math.max(1, Math.ceil(failure.retryAfterMs / 1000))) };
    case "malformed_body":
    case "body_timeout":
    case "body_too_large":
      return { connection: "close" };
    case "method_not_allowed":
      return { allow: failure.allowed };
    case "stream_closed":
      return closedHeaders(failure);
    case "sequence_regression":
    case "offset_mismatch":
      return { [STREAM_NEXT_OFFSET]: formatOffset(failure.space, failure.tail) };
    case "offset_trimmed":
      return { [STREAM_EARLIEST_OFFSET]: formatOffset(failure.space, failure.earliest) };
    case "snapshot_regression":
      return { [STREAM_SNAPSHOT_OFFSET]: formatOffset(failure.space, failure.position) };
    case "sequence_gap":
      return {
        [PRODUCER_EXPECTED_SEQ]: String(failure.expected),
        [PRODUCER_RECEIVED_SEQ]: String(failure.received),
      };
    case "unsupported_encoding":
      return { "accept-encoding": failure.accepted };
    case "too_many_bodies":
      return { "retry-after": "1", connection: "close" };
    case "too_many_readers":
    case "overloaded":
    case "storage_unreachable":
    case "starting":
      return { "retry-after": "1" };
    case "storage_failed":
    case "storage_closed":
    case "storage_full":
      return { "retry-after": "5" };
    case "damaged":
      return damagedHeaders(failure);
  }
}

function damagedHeaders({ next }: Extract<Failure, { code: "damaged" }>): HeaderFields {
  const headers: HeaderFields = { [STREAM_DAMAGED]: "true" };
  if (next !== undefined) headers[STREAM_NEXT_OFFSET] = formatOffset(next.space, next.position);
  return headers;
}

function closedHeaders(failure: Extract<Failure, { code: "stream_closed" }>): HeaderFields {
  const headers: HeaderFields = {
    [STREAM_CLOSED]: "true",
    [STREAM_NEXT_OFFSET]: formatOffset(failure.space, failure.tail),
  };
  if (failure.producer !== undefined) {
    headers[PRODUCER_EPOCH] = String(failure.producer.epoch);
    headers[PRODUCER_SEQ] = String(failure.producer.seq);
    // One client takes a 409 without it for a gap that closes by itself, and asks for ever.
    headers[PRODUCER_EXPECTED_SEQ] = String(failure.producer.seq + 1);
  }
  return headers;
}
