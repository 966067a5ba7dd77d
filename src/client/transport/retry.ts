import { type Clock, systemClock } from "../../env/clock.ts";
import { Backoff, type BackoffOptions } from "../../env/backoff.ts";
import { checkAmounts } from "../errors/option_checks.ts";
import { isServerFailure, isTransient, RATE_LIMITED } from "./response_error.ts";
import { parseRetryAfter } from "./retry_after.ts";
import { type Outcome, retry, RetryBudget } from "./retry_loop.ts";
import type { Middleware, TransportRequest, TransportResponse } from "./transport.ts";

/** How {@link withRetry} waits, and when it gives up. */
export interface RetryOptions extends BackoffOptions {
  /** How often a request is repeated; 10. */
  maxRetries?: number | undefined;
  /** No attempt begins later than this after the first; 60 s. */
  maxElapsedMs?: number | undefined;
  /** The source of time. */
  clock?: Clock | undefined;
}

/**
 * Repeats requests that are safe to repeat if no response arrived or the server failed, and any request
 * that was rejected unread (429). Waits grow exponentially with full jitter; a `Retry-After` is honoured.
 * A plain append isn't safe to repeat; an append of the idempotent producer is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Client } from "../client.ts";
 * import { withRetry } from "./retry.ts";
 * import { fetchTransport } from "./transport.ts";
 *
 * let attempts = 0;
 * const fetch = () => new Response(null, { status: ++attempts < 3 ? 503 : 204 });
 * const transport = withRetry({ initialDelayMs: 1 })(fetchTransport({ fetch }));
 * await new Client("http://localhost/v1/stream", { transport }).delete("old");
 * assert(attempts === 3);
 * ```
 *
 * @throws {ClientError} `invalid_argument`
 */
export function withRetry(options: RetryOptions = {}): Middleware {
  checkAmounts(options, ["maxRetries", "maxElapsedMs", "initialDelayMs", "maxDelayMs"]);
  const maxRetries = options.maxRetries ?? 10;
  const maxElapsedMs = options.maxElapsedMs ?? 60_000;
  const clock = options.clock ?? systemClock;
  return (next) => async (request) => {
    const backoff = new Backoff(options);
    let repeated = false;
    let mayBeDone = false;
    const response = await retry({
      budget: new RetryBudget(clock, maxElapsedMs),
      backoff,
      signal: request.signal,
      attempt: (number) => {
        repeated = mayBeDone;
        return next({ ...request, attempt: (request.attempt ?? 1) + number - 1 });
      },
      decide: (outcome) => {
        mayBeDone ||= outcome.value?.status !== RATE_LIMITED;
        if (!mayRepeat(request, outcome) || backoff.failures >= maxRetries) return undefined;
        const retryAfter = outcome.value?.headers.get("retry-after");
        return parseRetryAfter(retryAfter, clock.nowMs()) ?? 0;
      },
    });
    return repeated ? { ...response, repeated } : response;
  };
}

function mayRepeat(
  request: TransportRequest,
  { value: response, error }: Outcome<TransportResponse>,
): boolean {
  if (request.retriedByCaller) return false;
  if (response?.status === RATE_LIMITED) return true;
  const hasFailed = response === undefined ? isTransient(error) : isServerFailure(response);
  return request.repeatable && hasFailed;
}
