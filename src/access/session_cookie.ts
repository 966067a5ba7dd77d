import { StreamError } from "../protocol/errors.ts";
import type { Credentials } from "./permit.ts";

/** The cookie that holds a token, or a link's query, for the pages of the server's own origin. */
export const SESSION_COOKIE = "ds-session";

/** Browsers keep no longer one. */
const LIMIT_CHARS = 4000;
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const TOKEN = /^[\w~+/.-]+=*$/;

/**
 * The value of a `Set-Cookie` header that keeps what a request shows for the requests after it, or
 * `undefined` where it shows neither a bearer token nor a link, or one too long for a cookie. The page's
 * scripts can't read it, and no page of another site sends it.
 *
 * @param path the path that it is sent below, such as the prefix
 * @param maxAgeMs how long it is kept; until the browser ends unless given
 */
export function sessionCookie(
  shown: string,
  path: string,
  maxAgeMs: number | undefined,
): string | undefined {
  const value = TOKEN.test(shown) ? shown : encodeURIComponent(shown);
  if (value.length > LIMIT_CHARS) return undefined;
  const age = maxAgeMs === undefined ? "" : `; Max-Age=${Math.max(0, Math.floor(maxAgeMs / 1000))}`;
  return `${SESSION_COOKIE}=${value}; Path=${path}; HttpOnly; Secure; SameSite=Strict${age}`;
}

/** The session that a request's cookies have; `undefined` where they have none. */
export function sessionOf(cookies: string): string | undefined {
  for (const cookie of cookies.split(";")) {
    const at = cookie.indexOf("=");
    if (at === -1 || cookie.slice(0, at).trim() !== SESSION_COOKIE) continue;
    const value = cookie.slice(at + 1).trim();
    try {
      return decodeURIComponent(value);
    } catch {
      return value;
    }
  }
  return undefined;
}

/**
 * Refuses what a cookie would let a stranger's page write: a browser sends it by itself, whoever asks.
 *
 * @throws {StreamError} `origin_not_allowed` where the request may change something and doesn't come from a page
 * of the very origin that it goes to
 */
export function checkCookieOrigin({ method, url, headers }: Credentials): void {
  if (SAFE_METHODS.has(method.toUpperCase())) return;
  // A proxy may have given the request another host or scheme; browsers say by this what it was.
  if (headers.get("sec-fetch-site") === "same-origin") return;
  const origin = headers.get("origin") ?? "";
  const isOwn = URL.canParse(origin) && URL.canParse(url) &&
    new URL(origin).host === new URL(url).host;
  if (isOwn) return;
  throw new StreamError(
    { code: "origin_not_allowed" },
    "A cookie lets only the pages of this server's own origin write, as their Origin says: send a token " +
      "in Authorization instead.",
  );
}

/** The `Set-Cookie` that ends a session. */
export function endedSessionCookie(path: string): string {
  return `${SESSION_COOKIE}=; Path=${path}; HttpOnly; Secure; SameSite=Strict; Max-Age=0`;
}
