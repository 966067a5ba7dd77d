import type { HttpRequest } from "../../http/handler.ts";

/** The end of the path of a page's feed. */
const FEED = "/__ds/page/feed";

/** The end of the path of connections that follow many streams. */
const LIVE = "/__ds/live";

/** Whether a request asks for a live read: a long-poll, or server-sent events, those of the page too. */
export function isLiveRead({ method, url }: HttpRequest): boolean {
  if (method !== "GET" && method !== "POST") return false;
  const query = url.indexOf("?");
  if (query < 0 ? url.endsWith(LIVE) : url.startsWith(LIVE, query - LIVE.length)) return true;
  if (method !== "GET") return false;
  if (query < 0) return url.endsWith(FEED);
  if (url.startsWith(FEED, query - FEED.length)) return true;
  if (url.includes("live=", query)) return true;
  // A name may be percent-encoded, in part as well.
  return url.includes("%", query) && new URLSearchParams(url.slice(query)).has("live");
}
