import { defined } from "./defined.ts";
import type { Middleware } from "./transport.ts";

type MaybePromise<T> = T | Promise<T>;

/** The value of a header or parameter, or a function that is called for every request, for a fresh token, say. */
export type HeaderValue = string | (() => MaybePromise<string>);

/** Headers with their values, or a function that is called for every request. */
export type HeadersOption =
  | Readonly<Record<string, HeaderValue | undefined>>
  | (() => MaybePromise<Readonly<Record<string, HeaderValue | undefined>>>);

/** Query parameters with their values, or a function that is called for every request. */
export type QueryOption = HeadersOption;

/** Additions to every request. */
export interface RequestAdditions {
  /** Headers; the protocol's own win. */
  headers?: HeadersOption | undefined;
  /** Query parameters; the protocol's own win. */
  query?: QueryOption | undefined;
}

/**
 * Adds headers to every request; inside `withRetry`, functions are called for every attempt. The
 * protocol's own headers win.
 */
export function withHeaders(headers: HeadersOption): Middleware {
  return withAdditions({ headers });
}

/** Adds headers and query parameters to every request. */
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
