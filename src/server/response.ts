/** A header as the fast way of making a `Response` wants it. */
export type HeaderPair = [string, string];

const EXPOSED = [
  "Stream-Next-Offset",
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

/** What every answer carries: for browsers on other origins, and against sniffing (PROTOCOL §12.7). */
export const COMMON_HEADERS: readonly HeaderPair[] = [
  ["access-control-allow-origin", "*"],
  ["access-control-expose-headers", EXPOSED.join(", ")],
  ["x-content-type-options", "nosniff"],
  ["cross-origin-resource-policy", "cross-origin"],
];

/** What a browser wants to know before it sends a request across origins. */
export const PREFLIGHT_HEADERS: readonly HeaderPair[] = [
  ...COMMON_HEADERS,
  ["access-control-allow-methods", METHODS],
  ["access-control-allow-headers", ALLOWED_REQUEST_HEADERS.join(", ")],
  ["access-control-max-age", "86400"],
];

/** For answers that a cache must not keep. */
export const NO_STORE: HeaderPair = ["cache-control", "no-store"];
