import { type Clock, systemClock } from "../../env/clock.ts";
import { redactedUrl } from "../errors/redacted_url.ts";
import type { Middleware } from "./transport.ts";

/** One request that was sent, and its result. */
export interface Attempt {
  readonly method: string;
  /** The URL in a form for logs: without credentials, and with `***` for the values you add to its query. */
  readonly url: string;
  /** 1 for the first attempt, 2 for the first repetition. */
  readonly attempt: number;
  /** How long it took; for a streaming response, until its head arrived. */
  readonly durationMs: number;
  /** The status of the response; `undefined` if none arrived. */
  readonly status: number | undefined;
  /** Why no response arrived. */
  readonly error: unknown;
}

/** Called after every {@link Attempt}. An error that it throws is left uncaught, and changes nothing here. */
export type AttemptHook = (attempt: Attempt) => void;

/**
 * Calls a hook after every request.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { withAttemptHook } from "./attempt_hook.ts";
 * import { Client } from "../client.ts";
 * import { withRetry } from "./retry.ts";
 * import { fetchTransport } from "./transport.ts";
 *
 * const seen: string[] = [];
 * const withLog = withAttemptHook(({ method, attempt, status }) => {
 *   seen.push(`${method} ${attempt}: ${status}`);
 * });
 * const fetch = () => new Response(null, { status: seen.length < 1 ? 503 : 204 });
 * const transport = withRetry({ initialDelayMs: 1 })(withLog(fetchTransport({ fetch })));
 * await new Client("http://localhost/v1/stream", { transport }).delete("old");
 * assert.deepEqual(seen, ["DELETE 1: 503", "DELETE 2: 204"]);
 * ```
 */
export function withAttemptHook(
  hook: AttemptHook,
  { clock = systemClock }: { clock?: Clock | undefined } = {},
): Middleware {
  return (next) => async (request) => {
    const { method, attempt = 1 } = request;
    const startMs = clock.nowMs();
    const report = (status: number | undefined, error?: unknown) => {
      const durationMs = clock.nowMs() - startMs;
      const finished = {
        method,
        url: redactedUrl(request.url),
        attempt,
        durationMs,
        status,
        error,
      };
      try {
        hook(finished);
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown;
        });
      }
    };
    try {
      const response = await next(request);
      report(response.status);
      return response;
    } catch (error) {
      report(undefined, error);
      throw error;
    }
  };
}
