import type { HttpResponse } from "../../http/handler.ts";
import { COMMON_HEADERS, NO_STORE } from "./common_headers.ts";

/** A response of JSON that no cache keeps. */
export function jsonResponse(status: number, json: string): HttpResponse {
  return {
    status,
    headers: { ...COMMON_HEADERS, ...NO_STORE, "content-type": "application/json" },
    body: `${json}\n`,
  };
}
