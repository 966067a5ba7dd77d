import type { HttpRequest } from "../../http/handler.ts";

/** Whether a request asks for a live read: a long-poll, or server-sent events. */
export function isLiveRead({ method, url }: HttpRequest): boolean {
  if (method !== "GET") return false;
  const query = url.indexOf("?");
  if (query < 0) return false;
  if (url.includes("live=", query)) return true;
  // A name may be percent-encoded, in part as well.
  return url.includes("%", query) && new URLSearchParams(url.slice(query)).has("live");
}
