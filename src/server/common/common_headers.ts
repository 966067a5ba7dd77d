import type { HeaderFields } from "../../http/handler.ts";

/** The response headers that a page of another origin may read. */
export const EXPOSED_HEADERS = [
  "Stream-Next-Offset",
  "Stream-Start-Offset",
  "Stream-Earliest-Offset",
  "Stream-Retention",
  "Stream-Next-Ordinal",
  "Stream-Last-Time",
  "Stream-Up-To-Date",
  "Stream-Closed",
  "Stream-Damaged",
  "Stream-Snapshot-Offset",
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
  "X-Request-Id",
].join(", ");

/** The methods that stream URLs take. */
export const METHODS = "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS";

/**
 * The headers of every response, against sniffing and for embedding (PROTOCOL §12.7): a page can embed a
 * response without an `Origin`, as an image, only from the same site. {@link PageAccess} adds the headers for
 * pages of other origins.
 */
export const COMMON_HEADERS: Readonly<HeaderFields> = {
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-site",
};

/** For responses that a cache must not keep. */
export const NO_STORE: Readonly<HeaderFields> = { "cache-control": "no-store" };

/**
 * For responses to whoever showed a right to them: nobody else gets them, not even a cache. A signed link is in the
 * URL, and a page that it leads to would pass that on.
 */
export const AUTHORIZED: Readonly<HeaderFields> = {
  "cache-control": "private, no-store",
  "referrer-policy": "no-referrer",
};

/** {@link COMMON_HEADERS} and {@link AUTHORIZED}: one object less for an append to make. */
export const AUTHORIZED_COMMON_HEADERS: Readonly<HeaderFields> = {
  ...COMMON_HEADERS,
  ...AUTHORIZED,
};

/** For events (PROTOCOL §5.8): whoever keeps them asks before each use. */
export const NO_CACHE: Readonly<HeaderFields> = { "cache-control": "no-cache" };

/** For events that somebody had to be let in for: clients look for `no-cache` there. */
export const AUTHORIZED_EVENTS: Readonly<HeaderFields> = {
  "cache-control": "private, no-store, no-cache",
};
