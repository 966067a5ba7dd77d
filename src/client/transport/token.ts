import { type Clock, systemClock } from "../../env/clock.ts";
import { ClientError } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";
import { isTransient } from "./response_error.ts";
import { sleep } from "./sleep.ts";
import type { Middleware } from "./transport.ts";
import { untilAborted } from "./until_aborted.ts";

/**
 * A bearer token (RFC 6750), or a function that is asked for one: at the first request, and again once the
 * server has refused the last one (401) or says that its time is over. It is asked once at a time, whoever
 * waits for it.
 */
export type TokenOption = string | (() => string | Promise<string>);

/** How {@link withToken} waits. */
export interface TokenOptions {
  /** How long the function may take; 30 s. */
  timeoutMs?: number | undefined;
  /** The source of time. */
  clock?: Clock | undefined;
}

/** The status of a request whose token is missing or no good, so that nothing of it was carried out. */
const UNAUTHENTICATED = 401;
const TOKEN = /^[!-~]+$/;

/**
 * Sends a token with every request that has no `authorization` of its own. A request that is refused with 401
 * is sent once more, with what the function gives then; never after any other status.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Client } from "../client.ts";
 * import { fetchTransport } from "./transport.ts";
 *
 * const fetch = (_url: string, { headers }: RequestInit) => {
 *   const isGood = new Headers(headers).get("authorization") === "Bearer new";
 *   return new Response(null, { status: isGood ? 204 : 401 });
 * };
 * const tokens = ["old", "new"];
 * const client = new Client("http://localhost/v1/stream", {
 *   token: () => tokens.shift() ?? "none",
 *   // Left out if there is a server.
 *   transport: fetchTransport({ fetch }),
 * });
 * await client.delete("chat/1");
 * assert.deepEqual(tokens, []);
 * ```
 */
export function withToken(token: TokenOption, options: TokenOptions = {}): Middleware {
  const { timeoutMs = 30_000, clock = systemClock } = options;
  let current: Promise<string> | undefined;
  const ask = () => {
    const asked = askFor(token, timeoutMs, clock);
    // The next request asks again: it may have been offline.
    asked.catch(() => forget(asked));
    return asked;
  };
  // What another request has got meanwhile is kept.
  const forget = (used: Promise<string>) => {
    if (current === used) current = undefined;
  };
  return (next) => async (request) => {
    if (request.headers["authorization"] !== undefined) return await next(request);
    let isSecond = typeof token === "string";
    while (true) {
      const used = current ??= ask();
      const authorization = `Bearer ${await untilAborted(used, request.signal)}`;
      const response = await next({ ...request, headers: { ...request.headers, authorization } });
      if (response.status !== UNAUTHENTICATED || isSecond) {
        return response.stream === undefined
          ? response
          : { ...response, tokenIsOver: () => forget(used) };
      }
      isSecond = true;
      forget(used);
    }
  };
}

async function askFor(token: TokenOption, timeoutMs: number, clock: Clock): Promise<string> {
  const value: unknown = typeof token === "function"
    ? await askInTime(token, timeoutMs, clock)
    : token;
  if (typeof value === "string" && TOKEN.test(value)) return value;
  // Without the value: it may be most of a secret.
  throw new ClientError(
    "invalid_argument",
    `The token is ${
      typeof value === "string" ? `a text of ${value.length} characters` : typeof value
    }: expected printable ASCII without spaces.`,
  );
}

async function askInTime(
  token: () => string | Promise<string>,
  timeoutMs: number,
  clock: Clock,
): Promise<string> {
  const waiting = new AbortController();
  const late = sleep(clock, timeoutMs, waiting.signal).then(() => {
    throw new Error(`It took longer than ${timeoutMs} ms.`);
  });
  try {
    return await Promise.race([Promise.resolve().then(token), late]);
  } catch (error) {
    // What may succeed later is tried again like any request.
    if (isTransient(error)) throw error;
    throw new ClientError(
      "unauthenticated",
      `The token function failed: ${reasonOf(error)}`,
      { cause: error },
    );
  } finally {
    late.catch(() => {});
    waiting.abort();
  }
}
