import type { Middleware } from "./transport.ts";

type MaybePromise<T> = T | Promise<T>;

/** A header's value, or what gives it anew for every request: a token that is refreshed, say. */
export type HeaderValue = string | (() => MaybePromise<string>);

/** Headers for every request. */
export type HeadersOption =
  | Readonly<Record<string, HeaderValue>>
  | (() => MaybePromise<Readonly<Record<string, string>>>);

/**
 * Adds headers to every request, asked for at each; inside `withRetry` that is at every attempt. What
 * the protocol itself sets wins.
 */
export function withHeaders(option: HeadersOption): Middleware {
  return (next) => async (request) => {
    const added = lowerCased(await resolve(option));
    return await next({ ...request, headers: { ...added, ...request.headers } });
  };
}

async function resolve(option: HeadersOption): Promise<Readonly<Record<string, string>>> {
  if (typeof option === "function") return await option();
  const resolved: Record<string, string> = {};
  for (const [name, value] of Object.entries(option)) {
    resolved[name] = typeof value === "function" ? await value() : value;
  }
  return resolved;
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
