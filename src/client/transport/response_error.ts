import { decodeUtf8 } from "../../protocol/bytes.ts";
import {
  isTrue,
  PRODUCER_EPOCH,
  PRODUCER_EXPECTED_SEQ,
  STREAM_CLOSED,
  STREAM_DAMAGED,
  STREAM_EARLIEST_OFFSET,
  STREAM_EXPECTED_OFFSET,
  STREAM_NEXT_OFFSET,
  STREAM_SEQ,
} from "../../protocol/headers.ts";
import { parseRetryAfter } from "./retry_after.ts";
import {
  ClientError,
  type ClientErrorCode,
  type ClientErrorDetails,
} from "../errors/client_error.ts";
import { redactedText, redactedUrl } from "../errors/redacted_url.ts";
import type { TransportRequest, TransportResponse } from "./transport.ts";

/** The status of a request that was rejected unread, so that any request may be repeated. */
export const RATE_LIMITED = 429;

const MESSAGE_LIMIT_CHARS = 1_000;
const TITLE_LIMIT_CHARS = 80;
const CODES: Readonly<Record<number, ClientErrorCode>> = {
  401: "unauthenticated",
  403: "forbidden",
  404: "not_found",
  405: "unsupported",
  410: "gone",
  413: "too_large",
  [RATE_LIMITED]: "rate_limited",
  // Not failures: the server never supports these requests.
  501: "unsupported",
  505: "unsupported",
  511: "unsupported",
};

/**
 * Whether a response means that the server failed, and the same request may succeed later. Damage on its
 * disk is permanent.
 */
export function isServerFailure({ status, headers }: TransportResponse): boolean {
  return status === 408 || status === 425 ||
    (status >= 500 && CODES[status] === undefined && !headers.has(STREAM_DAMAGED));
}

/** Whether the same call may succeed later. */
export function isTransient(error: unknown): error is ClientError {
  return error instanceof ClientError &&
    (error.code === "network" || error.code === "timeout" || error.code === "unavailable" ||
      error.code === "rate_limited");
}

/** How long to wait at least before the same call is made again; `undefined` where that is no use. */
export function retryDelayMs(error: unknown): number | undefined {
  return isTransient(error) ? error.retryAfterMs ?? 0 : undefined;
}

/**
 * The error that a response stands for. The protocol uses status and headers, never the body (PROTOCOL
 * §5.2); a body of this project's server only improves the message.
 */
export function responseError(
  request: TransportRequest,
  response: TransportResponse,
  nowMs: number,
): ClientError {
  const { status, headers } = response;
  const serverError = readBody(response);
  const code = codeOf(request, response, serverError.code);
  const details: ClientErrorDetails = {
    status,
    serverCode: serverError.code,
    repeated: response.repeated,
    offset: headers.get(STREAM_NEXT_OFFSET) ?? undefined,
    earliestOffset: headers.get(STREAM_EARLIEST_OFFSET) ?? undefined,
    retryAfterMs: parseRetryAfter(headers.get("retry-after"), nowMs),
  };
  if (code === "stale_epoch") details.epoch = integer(headers.get(PRODUCER_EPOCH));
  if (code === "sequence_gap") details.expectedSeq = integer(headers.get(PRODUCER_EXPECTED_SEQ));
  const message = serverError.message ?? describe(request, response);
  return new ClientError(code, redactedText(message, request.url), details);
}

/** The error that a status stands for which is a stream's own, beside others in one response. */
export function errorOfStatus(
  status: number,
  serverCode: string | undefined,
  message: string,
): ClientError {
  const isDamaged = serverCode === "damaged";
  const code = CODES[status] ??
    (isDamaged ? "damaged" : status >= 500 ? "unavailable" : "bad_request");
  return new ClientError(code, message, { status, serverCode });
}

function codeOf(
  request: TransportRequest,
  response: TransportResponse,
  serverCode: string | undefined,
): ClientErrorCode {
  const { status, headers } = response;
  if (status === 403 && headers.has(PRODUCER_EPOCH)) return "stale_epoch";
  if (status === 410 && headers.has(STREAM_EARLIEST_OFFSET)) return "trimmed";
  if (status === 409) return conflictOf(request, headers, serverCode);
  const code = CODES[status];
  if (code !== undefined) return code;
  if (isServerFailure(response)) return "unavailable";
  if (status >= 500) return "damaged";
  return status >= 400 ? "bad_request" : "invalid_response";
}

function conflictOf(
  { headers: sent }: TransportRequest,
  headers: Headers,
  serverCode: string | undefined,
): ClientErrorCode {
  if (isTrue(headers.get(STREAM_CLOSED))) return "stream_closed";
  if (headers.has(PRODUCER_EXPECTED_SEQ)) return "sequence_gap";
  if (serverCode === "content_type_mismatch") return "conflict";
  if (serverCode === "FENCED") return "fenced";
  // A sequence conflict may also name the tail: the expected one.
  const tail = headers.get(STREAM_NEXT_OFFSET);
  const expected = sent[STREAM_EXPECTED_OFFSET];
  if (expected !== undefined && tail !== null && tail !== expected) return "offset_mismatch";
  // No header distinguishes it from a content type mismatch, which the client itself avoids.
  return sent[STREAM_SEQ] !== undefined ? "sequence_conflict" : "conflict";
}

interface ServerError {
  code: string | undefined;
  message: string | undefined;
}

/** The error in the body of this project's server; from any other server, the text. */
function readBody({ headers, body }: TransportResponse): ServerError {
  const text = decodeUtf8(body).trim();
  let parsed: { error?: { code?: unknown; message?: unknown } | null } | null = null;
  try {
    parsed = JSON.parse(text);
  } catch {
    // From another server, or a page of a proxy.
  }
  const { code, message = isPage(headers, text) ? "" : text } = parsed?.error ?? {};
  return {
    code: typeof code === "string" ? code : undefined,
    message: typeof message === "string" && message !== ""
      ? message.slice(0, MESSAGE_LIMIT_CHARS)
      : undefined,
  };
}

function isPage(headers: Headers, text: string): boolean {
  return text.startsWith("<") || /\bhtml\b/i.test(headers.get("content-type") ?? "");
}

/** Describes the request and the response, if the body has no message. */
function describe(
  request: TransportRequest,
  { status, statusText, body }: TransportResponse,
): string {
  const summary = `${request.method} ${redactedUrl(request.url)} was answered ` +
    (statusText ? `${status} ${statusText}` : status);
  if (body.length === 0) return `${summary}.`;
  const title = /<title[^>]*>([^<]+)/i.exec(decodeUtf8(body))?.[1]?.trim();
  const page = title ? `the page ${JSON.stringify(title.slice(0, TITLE_LIMIT_CHARS))}` : "a page";
  return `${summary} with ${page}: is a proxy or another server there?`;
}

function integer(value: string | null): number | undefined {
  return value !== null && /^\d+$/.test(value) ? Number(value) : undefined;
}
