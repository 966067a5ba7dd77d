import type { Middleware } from "./transport.ts";

type MaybePromise<T> = T | Promise<T>;

/** A header's value, or what gives it anew for every request: a token that is refreshed, say. */
export type HeaderValue = string | (() => MaybePromise<string>);

/** Headers for every request. */
export type HeadersOption =
  | Readonly<Record<string, HeaderValue>>
  | (() => MaybePromise<Readonly<Record<string, HeaderValue>>>);

/**
 * Adds headers to every request, asked for at each; inside `withRetry` that is at every attempt. What
 * the protocol itself sets wins.
 */
export function withHeaders(option: HeadersOption): Middleware {
  return (next) => async (request) => {
    const given = typeof option === "function" ? await option() : option;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(given)) {
      headers[name.toLowerCase()] = typeof value === "function" ? await value() : value;
    }
    return await next({ ...request, headers: { ...headers, ...request.headers } });
  };
}
