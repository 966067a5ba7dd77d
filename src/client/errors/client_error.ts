import { redactedUrl } from "./redacted_url.ts";

/**
 * Why a call of the client failed:
 *
 * - `not_found`, `gone`: no such stream, or one that was deleted (or recreated since, and the offset is one
 *   of the earlier stream)
 * - `trimmed`: what is at the offset is kept no more; reading can continue at `earliestOffset`
 * - `conflict`: the stream exists with other properties, or takes another content type
 * - `sequence_conflict`: `seq` is not greater than the last one (PROTOCOL §5.2)
 * - `offset_mismatch`: the tail is not where `expectedOffset` said
 * - `stream_closed`: the stream takes no more appends (PROTOCOL §4.1)
 * - `stale_epoch`: another producer took over this id (PROTOCOL §5.2.1)
 * - `sequence_gap`: the server lacks batches that were acknowledged to this producer
 * - `fenced`: the wake is another worker's by now, or over (PROTOCOL §7.3)
 * - `invalid_webhook`: the request is no webhook that one of the server's keys has signed (PROTOCOL §7.1)
 * - `unauthenticated`: the token is missing or no good (401), or there is none to be had
 * - `forbidden`: the token is good, but not for this (403)
 * - `bad_request`, `too_large`, `unsupported`, `rate_limited`: the server rejected the request
 * - `damaged`: the bytes on the server's disk are not those that were written; reading can continue behind
 *   them at `offset`, if the server knows it
 * - `unavailable`: the server failed (5xx), and kept failing during the retries
 * - `network`, `timeout`: no response arrived; whether the server carried out the request is unknown
 * - `invalid_response`: the response is not one of this protocol
 * - `invalid_message`: a message is not JSON, or the validator rejected it
 * - `invalid_argument`: an argument of the call is wrong
 * - `ended`: the reader or producer was closed before
 */
export type ClientErrorCode =
  | "not_found"
  | "gone"
  | "trimmed"
  | "conflict"
  | "sequence_conflict"
  | "offset_mismatch"
  | "stream_closed"
  | "stale_epoch"
  | "sequence_gap"
  | "fenced"
  | "invalid_webhook"
  | "bad_request"
  | "too_large"
  | "unauthenticated"
  | "forbidden"
  | "unsupported"
  | "rate_limited"
  | "damaged"
  | "unavailable"
  | "network"
  | "timeout"
  | "invalid_response"
  | "invalid_message"
  | "invalid_argument"
  | "ended";

/** How many messages could not be stored, or may not have been. */
export interface Undelivered {
  /**
   * Never sent, or rejected. If the network duplicated a request, the rejection of the second copy says
   * nothing about the first.
   */
  lost: number;
  /** Sent without a response: stored once, or not at all. */
  unknown: number;
}

/** Details beside the code; each only if it applies. */
export interface ClientErrorDetails {
  /** The request's method. */
  method?: string | undefined;
  /** The request's URL, without credentials; `***` stands for the values you add to its query. */
  url?: string | undefined;
  /** The HTTP status. */
  status?: number | undefined;
  /** The server's own error code, if it gave one. */
  serverCode?: string | undefined;
  /**
   * `stream_closed`, `offset_mismatch` and other conflicts whose response has it: the tail. `damaged`: the
   * offset behind the damage. `invalid_message`: the place after the message.
   */
  offset?: string | undefined;
  /** `trimmed`: the first offset that can still be read. */
  earliestOffset?: string | undefined;
  /** `stale_epoch`: the epoch that the server knows. */
  epoch?: number | undefined;
  /** `sequence_gap`: the sequence number that the server expects. */
  expectedSeq?: number | undefined;
  /** How long the server asked to wait. */
  retryAfterMs?: number | undefined;
  /** The request was sent more than once: an earlier attempt may have been carried out. */
  repeated?: boolean | undefined;
  /** The messages that a producer still held, or of a writer's call that waited behind a failed one. */
  undelivered?: Undelivered | undefined;
  cause?: unknown;
}

/**
 * Every failure of the client except an abort, which rejects with the signal's reason.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "../../server/app.ts";
 * import { createMemoryStorage } from "../../storage/memory.ts";
 * import { Client } from "../client.ts";
 * import { ClientError } from "./client_error.ts";
 * import { fetchTransport } from "../transport/transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
 * const client = new Client("http://localhost/v1/stream", { transport });
 * const error = await client.head("nothing").catch((error: unknown) => error);
 * assert(error instanceof ClientError && error.code === "not_found" && error.status === 404);
 * ```
 */
export class ClientError extends Error {
  override readonly name = "ClientError";
  // Assigned all at once.
  declare readonly code: ClientErrorCode;
  /** See {@link ClientErrorDetails}, as for every field below. */
  declare readonly method: string | undefined;
  declare readonly url: string | undefined;
  declare readonly status: number | undefined;
  declare readonly serverCode: string | undefined;
  declare readonly offset: string | undefined;
  declare readonly earliestOffset: string | undefined;
  declare readonly epoch: number | undefined;
  declare readonly expectedSeq: number | undefined;
  declare readonly retryAfterMs: number | undefined;
  declare readonly repeated: boolean;
  declare readonly undelivered: Undelivered | undefined;

  constructor(code: ClientErrorCode, message: string, details: ClientErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const { cause: _, ...known } = details;
    Object.assign(this, { ...known, code, repeated: details.repeated ?? false });
  }
}

/** The same error; to a {@link ClientError} without a request, the request is added. */
export function ofRequest<E>(error: E, { method, url }: { method: string; url: string }): E {
  if (error instanceof ClientError && error.url === undefined) {
    Object.assign(error, { method, url: redactedUrl(url) });
  }
  return error;
}
