import type { HttpRequest } from "../../http/handler.ts";

/** Whether a request asks for a live read: a long-poll, or server-sent events. */
export function isLiveRead({ method, url }: HttpRequest): boolean {
  if (method !== "GET") return false;
  const query = url.indexOf("?");
  return query >= 0 && url.includes("live=", query);
}
