import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { endedSessionCookie } from "../../access/session_cookie.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import type { ServerContext } from "./context.ts";

const SESSION = "session";

/** Whether what follows `__ds/` in a URL is the session of a page. */
export function isSession(path: string): boolean {
  return path === SESSION;
}

/**
 * POST begins a session of the pages of this server's own origin: a cookie shows from then on what this
 * request shows by a header or a link, for `EventSource` and links to send. DELETE ends it.
 *
 * @throws {StreamError} `not_found` where nobody is asked who they are, and as {@link Authority.startSession}
 */
export async function session(
  { config }: ServerContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  const path = `${config.mountPath}${config.prefix}` || "/";
  if (request.method === "DELETE") return answer(endedSessionCookie(path));
  if (request.method !== "POST") {
    throw new StreamError(
      { code: "method_not_allowed", allowed: "POST, DELETE" },
      `A session doesn't take the method ${quote(request.method)}: expected POST or DELETE.`,
    );
  }
  if (config.authority?.startSession === undefined) {
    throw new StreamError(
      { code: "not_found" },
      "This server has no sessions, since it takes no tokens or links.",
    );
  }
  const cookie = await config.authority.startSession(request, path);
  if (cookie !== undefined) return answer(cookie);
  throw new StreamError({ code: "invalid_header" }, "The token is too long for a cookie.");
}

function answer(cookie: string): HttpResponse {
  return {
    status: 204,
    headers: {
      ...COMMON_HEADERS,
      ...NO_STORE,
      "referrer-policy": "no-referrer",
      "set-cookie": cookie,
    },
    body: null,
  };
}
