import { defined } from "./defined.ts";
import type { Middleware } from "./transport.ts";

type MaybePromise<T> = T | Promise<T>;

/** A header's or parameter's value, or what gives it anew for every request: a token that is refreshed, say. */
export type HeaderValue = string | (() => MaybePromise<string>);

/** Headers with their values, or what gives them anew for every request. */
export type HeadersOption =
  | Readonly<Record<string, HeaderValue | undefined>>
  | (() => MaybePromise<Readonly<Record<string, HeaderValue | undefined>>>);

/** Parameters of the query with their values, or what gives them anew for every request. */
export type QueryOption = HeadersOption;

/** What is added to requests, asked for at each. */
export interface RequestAdditions {
  /** Headers; what the protocol itself sets wins. */
  headers?: HeadersOption | undefined;
  /** Parameters of the query; what the protocol itself sets wins. */
  query?: QueryOption | undefined;
}

/**
 * Adds headers to every request, asked for at each; inside `withRetry` that is at every attempt. What
 * the protocol itself sets wins.
 */
export function withHeaders(headers: HeadersOption): Middleware {
  return withAdditions({ headers });
}

/** Adds headers and parameters to every request, asked for at each. */
export function withAdditions({ headers, query }: RequestAdditions): Middleware {
  return (next) => async (request) => {
    const added: Record<string, string> = {};
    for (const [name, value] of await resolve(headers)) added[name.toLowerCase()] = value;
    const url = query === undefined ? request.url : withQuery(request.url, await resolve(query));
    return await next({ ...request, url, headers: { ...added, ...request.headers } });
  };
}

async function resolve(option: HeadersOption = {}): Promise<[string, string][]> {
  const given = defined(typeof option === "function" ? await option() : option);
  const values: [string, string][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) {
      values.push([name, typeof value === "function" ? await value() : value]);
    }
  }
  return values;
}

function withQuery(url: string, added: readonly [string, string][]): string {
  const whole = new URL(url);
  for (const [name, value] of added) {
    if (!whole.searchParams.has(name)) whole.searchParams.set(name, value);
  }
  whole.searchParams.sort();
  return whole.href;
}
