import type { HeaderFields, HttpRequest } from "../http/exchange.ts";

const EXPOSED = [
  "Stream-Next-Offset",
  "Stream-Start-Offset",
  "Stream-Up-To-Date",
  "Stream-Closed",
  "Stream-Cursor",
  "Stream-TTL",
  "Stream-Expires-At",
  "Stream-SSE-Data-Encoding",
  "Producer-Epoch",
  "Producer-Seq",
  "Producer-Expected-Seq",
  "Producer-Received-Seq",
  "ETag",
  "Location",
  "Retry-After",
];

const ALLOWED_REQUEST_HEADERS = [
  "Content-Type",
  "Authorization",
  "If-None-Match",
  "Last-Event-ID",
  "Cache-Control",
  "Stream-TTL",
  "Stream-Expires-At",
  "Stream-Closed",
  "Stream-Seq",
  "Stream-Expected-Offset",
  "Stream-Forked-From",
  "Stream-Fork-Offset",
  "Stream-Fork-Sub-Offset",
  "Producer-Id",
  "Producer-Epoch",
  "Producer-Seq",
  "*",
];

/** The methods that stream URLs take. */
export const METHODS = "GET, HEAD, PUT, POST, DELETE, OPTIONS";

/** What every answer carries, against sniffing and for embedding (PROTOCOL §12.7). */
const SECURITY_HEADERS: Readonly<HeaderFields> = {
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "cross-origin",
};

/** What every answer carries that a cache may hand to a page of another origin. */
export const COMMON_HEADERS: Readonly<HeaderFields> = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": EXPOSED.join(", "),
  ...SECURITY_HEADERS,
};

/**
 * What the answer to a write carries. No cache keeps it, so that only pages of another origin get what
 * is theirs; making and sending that costs an eighth of an append.
 */
export function writeHeaders(request: HttpRequest): Readonly<HeaderFields> {
  return request.headers.get("origin") === null ? SECURITY_HEADERS : COMMON_HEADERS;
}

/** What a browser wants to know before it sends a request across origins. */
export const PREFLIGHT_HEADERS: Readonly<HeaderFields> = {
  ...COMMON_HEADERS,
  "access-control-allow-methods": METHODS,
  "access-control-allow-headers": ALLOWED_REQUEST_HEADERS.join(", "),
  "access-control-max-age": "86400",
};

/** For answers that a cache must not keep. */
export const NO_STORE: Readonly<HeaderFields> = { "cache-control": "no-store" };
