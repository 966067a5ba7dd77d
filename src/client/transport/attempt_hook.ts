import { type Clock, systemClock } from "../../env/clock.ts";
import { redactedUrl } from "../errors/redacted_url.ts";
import type { Middleware } from "./transport.ts";

/** One request that was sent, and what came of it. */
export interface Attempt {
  readonly method: string;
  /** The URL as it may stand in a log: without credentials, and `***` for what you put into its query. */
  readonly url: string;
  /** 1 for the first attempt, 2 for the first repetition. */
  readonly attempt: number;
  /** How long it took; of an answer that streams, until its head was there. */
  readonly durationMs: number;
  /** The answer's status; `undefined` where none came. */
  readonly status: number | undefined;
  /** Why no answer came. */
  readonly error: unknown;
}

/** Hears of every {@link Attempt}; what it throws is the application's, and changes nothing here. */
export type AttemptHook = (attempt: Attempt) => void;

/**
 * Tells a hook of every request that passes.
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
    const tell = (status: number | undefined, error?: unknown) => {
      const durationMs = clock.nowMs() - startMs;
      const told = { method, url: redactedUrl(request.url), attempt, durationMs, status, error };
      try {
        hook(told);
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown;
        });
      }
    };
    try {
      const response = await next(request);
      tell(response.status);
      return response;
    } catch (error) {
      tell(undefined, error);
      throw error;
    }
  };
}
