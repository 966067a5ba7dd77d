import { decodeUtf8 } from "../../protocol/bytes.ts";
import {
  isTrue,
  PRODUCER_EPOCH,
  PRODUCER_EXPECTED_SEQ,
  STREAM_CLOSED,
  STREAM_DAMAGED,
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
import { redactedUrl } from "../errors/redacted_url.ts";
import type { TransportRequest, TransportResponse } from "./transport.ts";

const MESSAGE_LIMIT_CHARS = 1_000;
const TITLE_LIMIT_CHARS = 80;
const CODES: Readonly<Record<number, ClientErrorCode>> = {
  401: "unauthorized",
  403: "unauthorized",
  404: "not_found",
  405: "unsupported",
  410: "gone",
  413: "too_large",
  429: "rate_limited",
  // What the server never does; nothing failed.
  501: "unsupported",
  505: "unsupported",
  511: "unsupported",
};

/**
 * Whether an answer says that the server failed, and that the same request may well succeed later.
 * Damage on its disk is there whenever it is asked.
 */
export function isServerFailure({ status, headers }: TransportResponse): boolean {
  return status === 408 || status === 425 ||
    (status >= 500 && CODES[status] === undefined && !headers.has(STREAM_DAMAGED));
}

/** Whether the same call may well succeed later. */
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
 * The error that an answer stands for. The protocol tells by status and headers, never by the body
 * (PROTOCOL §5.2); the body, where it is this project's, only makes the message better.
 */
export function responseError(
  request: TransportRequest,
  response: TransportResponse,
  nowMs: number,
): ClientError {
  const { status, headers } = response;
  const told = readBody(response);
  const code = codeOf(request, response, told.code);
  const details: ClientErrorDetails = {
    status,
    serverCode: told.code,
    repeated: response.repeated,
    offset: headers.get(STREAM_NEXT_OFFSET) ?? undefined,
    retryAfterMs: parseRetryAfter(headers.get("retry-after"), nowMs),
  };
  if (code === "stale_epoch") details.epoch = integer(headers.get(PRODUCER_EPOCH));
  if (code === "sequence_gap") details.expectedSeq = integer(headers.get(PRODUCER_EXPECTED_SEQ));
  return new ClientError(code, told.message ?? describe(request, response), details);
}

function codeOf(
  request: TransportRequest,
  response: TransportResponse,
  serverCode: string | undefined,
): ClientErrorCode {
  const { status, headers } = response;
  if (status === 403 && headers.has(PRODUCER_EPOCH)) return "stale_epoch";
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
  // A sequence conflict may name the tail, too: the one that was expected.
  const tail = headers.get(STREAM_NEXT_OFFSET);
  const expected = sent[STREAM_EXPECTED_OFFSET];
  if (expected !== undefined && tail !== null && tail !== expected) return "offset_mismatch";
  // No header tells a sequence conflict from another content type, which the client itself minds.
  return sent[STREAM_SEQ] !== undefined ? "sequence_conflict" : "conflict";
}

interface ServerError {
  code: string | undefined;
  message: string | undefined;
}

/** What this project's server says in its body; of any other server, the text. */
function readBody({ headers, body }: TransportResponse): ServerError {
  const text = decodeUtf8(body).trim();
  let told: { error?: { code?: unknown; message?: unknown } | null } | null = null;
  try {
    told = JSON.parse(text);
  } catch {
    // Another server's, or a proxy's page.
  }
  const { code, message = isPage(headers, text) ? "" : text } = told?.error ?? {};
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

/** What was asked and answered, where the body doesn't say it in words. */
function describe(
  request: TransportRequest,
  { status, statusText, body }: TransportResponse,
): string {
  const answered = `${request.method} ${redactedUrl(request.url)} was answered ` +
    (statusText ? `${status} ${statusText}` : status);
  if (body.length === 0) return `${answered}.`;
  const title = /<title[^>]*>([^<]+)/i.exec(decodeUtf8(body))?.[1]?.trim();
  const page = title ? `the page ${JSON.stringify(title.slice(0, TITLE_LIMIT_CHARS))}` : "a page";
  return `${answered} with ${page}: is a proxy or another server there?`;
}

function integer(value: string | null): number | undefined {
  return value !== null && /^\d+$/.test(value) ? Number(value) : undefined;
}
