import { type Clock, systemClock } from "../../env/clock.ts";
import { Backoff, type BackoffOptions, parseRetryAfter } from "./backoff.ts";
import { checkAmounts } from "../errors/option_checks.ts";
import { isServerFailure, isTransient } from "./response_error.ts";
import { sleep } from "./sleep.ts";
import type { Middleware, TransportRequest, TransportResponse } from "./transport.ts";

/** When {@link withRetry} gives up, and how it waits. */
export interface RetryOptions extends BackoffOptions {
  /** How often it is sent again; 10. */
  maxRetries?: number | undefined;
  /** No attempt begins later than this after the first; 60 s. */
  maxElapsedMs?: number | undefined;
  /** Where the time comes from. */
  clock?: Clock | undefined;
}

const RATE_LIMITED = 429;

/**
 * Sends again what is safe to repeat when no answer came or the server failed, and anything that was
 * refused before it was looked at (429). Waits grow exponentially with full jitter; a `Retry-After` is
 * honoured. What can't be repeated safely is a plain append: the idempotent producer's can.
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
    const startMs = clock.nowMs();
    let repeated = false;
    while (true) {
      const number = (request.attempt ?? 1) + backoff.failures;
      const attempt = await settle(next({ ...request, attempt: number }));
      const { response, error } = attempt;
      const delayMs = mayRepeat(request, attempt) && backoff.failures < maxRetries
        ? backoff.next(parseRetryAfter(response?.headers.get("retry-after"), clock.nowMs()))
        : Infinity;
      if (clock.nowMs() + delayMs - startMs > maxElapsedMs || delayMs === Infinity) {
        if (response === undefined) throw error;
        return repeated ? { ...response, repeated } : response;
      }
      repeated ||= response?.status !== RATE_LIMITED;
      await sleep(clock, delayMs, request.signal);
    }
  };
}

interface Attempt {
  response?: TransportResponse;
  error?: unknown;
}

function settle(answer: Promise<TransportResponse>): Promise<Attempt> {
  return answer.then((response) => ({ response }), (error: unknown) => ({ error }));
}

function mayRepeat(request: TransportRequest, { response, error }: Attempt): boolean {
  if (request.retriedByCaller) return false;
  if (response?.status === RATE_LIMITED) return true;
  const hasFailed = response === undefined ? isTransient(error) : isServerFailure(response);
  return request.repeatable && hasFailed;
}
