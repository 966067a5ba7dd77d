import { type Clock, systemClock } from "../env/clock.ts";
import { type Bytes, NO_BYTES } from "../protocol/bytes.ts";
import { ClientError } from "./client_error.ts";

/** One request as a transport gets it; sending it again means sending the same once more. */
export interface TransportRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Bytes | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long the answer may take, its body too unless `streaming`. */
  readonly timeoutMs: number;
  /** The answer's body is wanted as it comes. */
  readonly streaming: boolean;
  /** Doing it twice is the same as doing it once. */
  readonly repeatable: boolean;
  /** Who sent it asks again by itself, so that nothing else has to. */
  readonly retriedByCaller?: boolean;
}

/** The answer to a {@link TransportRequest}, whatever its status. */
export interface TransportResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The whole body; empty where it comes as `stream`. */
  readonly body: Bytes;
  /** The body of a `streaming` request that succeeded. */
  readonly stream: ReadableStream<Bytes> | undefined;
  /** An attempt before this one may have done it already. */
  readonly repeated?: boolean;
}

/**
 * Sends one request and resolves to its answer, or rejects with a {@link ClientError} `network` or
 * `timeout` where none came, or with the signal's reason.
 */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

/** Puts something around a transport: `withRetry()(fetchTransport())`. */
export type Middleware = (next: Transport) => Transport;

/** How {@link fetchTransport} sends. */
export interface FetchTransportOptions {
  /** What sends; the global `fetch`. */
  fetch?: (url: string, init: RequestInit) => Response | Promise<Response>;
  /** Where the time comes from. */
  clock?: Clock;
}

/**
 * Sends by `fetch`, once.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Client } from "./client.ts";
 * import { fetchTransport, type Middleware } from "./transport.ts";
 * import { withRetry } from "./retry.ts";
 *
 * const sent: string[] = [];
 * const withLog: Middleware = (next) => (request) => {
 *   sent.push(`${request.method} ${request.url}`);
 *   return next(request);
 * };
 * const fetch = () => new Response(null, { headers: { "stream-next-offset": "7" } });
 * const transport = withRetry()(withLog(fetchTransport({ fetch })));
 * const info = await new Client("http://localhost/v1/stream", { transport }).head("a/b");
 * assert(info.nextOffset === "7");
 * assert(sent[0] === "HEAD http://localhost/v1/stream/a/b");
 * ```
 */
export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  const send = options.fetch ?? ((url, init) => fetch(url, init));
  const clock = options.clock ?? systemClock;
  return async (request) => {
    request.signal?.throwIfAborted();
    const deadline = new Deadline(request, clock);
    try {
      const response = await deadline.race(async (signal) => {
        const late = await send(request.url, {
          method: request.method,
          headers: request.headers,
          signal,
          ...(request.body === undefined ? {} : { body: request.body }),
        });
        if (signal.aborted) await late.body?.cancel();
        return late;
      });
      const { status, headers } = response;
      if (request.streaming && response.ok && response.body !== null) {
        const stream = deadline.release(response.body);
        return { status, headers, body: NO_BYTES, stream };
      }
      const body = await deadline.race(() => response.arrayBuffer());
      deadline.end();
      return { status, headers, body: new Uint8Array(body), stream: undefined };
    } catch (error) {
      deadline.end();
      request.signal?.throwIfAborted();
      if (error instanceof ClientError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new ClientError("network", `${name(request)} got no answer: ${reason}`, {
        cause: error,
      });
    }
  };
}

/** Ends a request that takes too long or that its caller gave up. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #cancelTimer: () => void;
  readonly #failed: Promise<never>;
  readonly #onAbort = () => this.#fail(this.#caller?.reason);
  #reject: (reason: unknown) => void = () => {};

  constructor(request: TransportRequest, clock: Clock) {
    this.#caller = request.signal;
    this.#failed = new Promise<never>((_, reject) => this.#reject = reject);
    this.#failed.catch(() => {});
    this.#caller?.addEventListener("abort", this.#onAbort);
    this.#cancelTimer = clock.setTimer(request.timeoutMs, () => {
      const error = new ClientError(
        "timeout",
        `${name(request)} got no answer within ${request.timeoutMs} ms.`,
      );
      this.#fail(error);
    });
  }

  /** What `work` comes to, unless the time is up before; not every `fetch` listens to its signal. */
  race<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return Promise.race([work(this.#controller.signal), this.#failed]);
  }

  /** From here on only the caller ends it, until the stream has ended. */
  release(stream: ReadableStream<Bytes>): ReadableStream<Bytes> {
    this.#cancelTimer();
    const reader = stream.getReader();
    return new ReadableStream<Bytes>({
      start: (controller) => {
        this.#reject = (reason) => {
          controller.error(reason);
          reader.cancel(reason).catch(() => {});
        };
      },
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (this.#controller.signal.aborted) return;
          if (!done) return controller.enqueue(value);
          this.end();
          controller.close();
        } catch (error) {
          this.end();
          throw error;
        }
      },
      cancel: async (reason) => {
        this.end();
        await reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  end(): void {
    this.#cancelTimer();
    this.#caller?.removeEventListener("abort", this.#onAbort);
  }

  #fail(reason: unknown): void {
    this.end();
    this.#reject(reason);
    this.#controller.abort(reason);
  }
}

function name({ method, url }: TransportRequest): string {
  return `${method} ${url}`;
}
