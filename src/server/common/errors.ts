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
  STREAM_NEXT_OFFSET,
} from "../../protocol/headers.ts";
import { formatOffset } from "../../protocol/offset.ts";
import { COMMON_HEADERS, NO_STORE } from "./common_headers.ts";

/** A failure's status and the headers that the protocol wants beside it. */
interface ErrorStatus {
  status: number;
  headers?: HeaderFields;
}

/** The HTTP response of an error: its status and headers, and a JSON body with its code and message. */
export function failureResponse(error: StreamError): HttpResponse {
  const { status, headers } = statusOf(error.failure);
  return errorJson(status, error.code, error.message, headers);
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

/** Every failure's status: a missing one doesn't compile. */
function statusOf(failure: Failure): ErrorStatus {
  switch (failure.code) {
    case "invalid_name":
    case "invalid_offset":
    case "offset_past_tail":
    case "invalid_query":
    case "invalid_header":
    case "invalid_json":
    case "invalid_fork":
    case "empty_body":
    case "body_incomplete":
    case "undecodable_body":
    case "epoch_start":
      return { status: 400 };
    case "stale_epoch":
      return { status: 403, headers: { [PRODUCER_EPOCH]: String(failure.epoch) } };
    case "origin_not_allowed":
      return { status: 403 };
    case "host_not_allowed":
      return { status: 421 };
    case "not_found":
      return { status: 404 };
    case "malformed_body":
      return { status: 400, headers: { connection: "close" } };
    case "method_not_allowed":
      return { status: 405, headers: { allow: failure.allowed } };
    case "body_timeout":
      return { status: 408, headers: { connection: "close" } };
    case "stream_exists":
    case "source_deleted":
    case "content_type_mismatch":
      return { status: 409 };
    case "stream_closed":
      return { status: 409, headers: closedHeaders(failure) };
    case "sequence_regression":
    case "offset_mismatch":
      return {
        status: 409,
        headers: { [STREAM_NEXT_OFFSET]: formatOffset(failure.space, failure.tail) },
      };
    case "sequence_gap":
      return {
        status: 409,
        headers: {
          [PRODUCER_EXPECTED_SEQ]: String(failure.expected),
          [PRODUCER_RECEIVED_SEQ]: String(failure.received),
        },
      };
    case "gone":
    case "offset_gone":
      return { status: 410 };
    case "body_too_large":
      return { status: 413, headers: { connection: "close" } };
    case "unsupported_encoding":
      return { status: 415, headers: { "accept-encoding": failure.accepted } };
    case "too_many_producers":
      return { status: 429 };
    case "too_many_bodies":
      return { status: 503, headers: { "retry-after": "1", connection: "close" } };
    case "too_many_readers":
    case "overloaded":
      return { status: 503, headers: { "retry-after": "1" } };
    case "storage_failed":
    case "storage_closed":
      return { status: 503, headers: { "retry-after": "5" } };
    case "storage_full":
      return { status: 507, headers: { "retry-after": "5" } };
    case "damaged":
      return { status: 500, headers: damagedHeaders(failure) };
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
