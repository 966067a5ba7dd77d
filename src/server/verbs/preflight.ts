import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import { COMMON_HEADERS, METHODS } from "../common/common_headers.ts";

const ALLOWED_REQUEST_HEADERS = [
  "Content-Type",
  "Content-Encoding",
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
  "Stream-Snapshot-Offset",
  "Stream-Snapshot-Sub-Offset",
  "Stream-Retention",
  "Stream-Trim-Before",
  "Producer-Id",
  "Producer-Epoch",
  "Producer-Seq",
  "Traceparent",
  "*",
];

const PREFLIGHT_HEADERS: Readonly<HeaderFields> = {
  ...COMMON_HEADERS,
  "access-control-allow-methods": METHODS,
  "access-control-allow-headers": ALLOWED_REQUEST_HEADERS.join(", "),
  "access-control-max-age": "86400",
};

/** OPTIONS: what a browser wants to know before it sends a request across origins. */
export function preflight({ headers }: HttpRequest): HttpResponse {
  // Some ask before a page of the internet reaches into a private network, or into this machine.
  const isInward = headers.get("access-control-request-private-network") === "true";
  return {
    status: 204,
    headers: isInward
      ? { ...PREFLIGHT_HEADERS, "access-control-allow-private-network": "true" }
      : PREFLIGHT_HEADERS,
    body: null,
  };
}
