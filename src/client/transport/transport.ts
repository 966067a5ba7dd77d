import { type Clock, systemClock } from "../../env/clock.ts";
import { type Bytes, NO_BYTES } from "../../protocol/bytes.ts";
import { linkAborts } from "./abort_link.ts";
import { ClientError, ofRequest } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";
import { redactedUrl } from "../errors/redacted_url.ts";
import { untilAborted } from "./until_aborted.ts";

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
  /** Which attempt it is; 1 unless given. */
  readonly attempt?: number;
}

/** The answer to a {@link TransportRequest}, whatever its status. */
export interface TransportResponse {
  readonly status: number;
  /** The reason phrase, which HTTP/2 doesn't have. */
  readonly statusText?: string;
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
  fetch?: ((url: string, init: RequestInit) => Response | Promise<Response>) | undefined;
  /** Where the time comes from. */
  clock?: Clock | undefined;
}

/**
 * Sends by `fetch`, once.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Client } from "../client.ts";
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
 * assert(sent[0] === "HEAD http://localhost/v1/stream/a/b?offset=now");
 * ```
 */
export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  const send: Fetch = options.fetch ?? ((url, init) => fetch(url, init));
  const clock = options.clock ?? systemClock;
  return async (request) => {
    const ending = new AbortController();
    const { signal } = ending;
    const unlink = linkAborts([request.signal], ending);
    const named = () => `${request.method} ${redactedUrl(request.url)} got no answer`;
    const cancelTimer = clock.setTimer(request.timeoutMs, () => {
      const message = `${named()} within ${request.timeoutMs} ms.`;
      ending.abort(ofRequest(new ClientError("timeout", message), request));
    });
    try {
      signal.throwIfAborted();
      // Not every `fetch` listens to its signal.
      const response = await untilAborted(exchange(send, request, signal), signal);
      // A stream ends with its caller's signal, which is let go of together with it.
      if (response.stream === undefined) unlink();
      return response;
    } catch (error) {
      unlink();
      signal.throwIfAborted();
      checkHeaders(request);
      const message = `${named()}: ${reasonOf(error)}`;
      throw ofRequest(new ClientError("network", message, { cause: error }), request);
    } finally {
      cancelTimer();
    }
  };
}

type Fetch = NonNullable<FetchTransportOptions["fetch"]>;

async function exchange(
  send: Fetch,
  request: TransportRequest,
  signal: AbortSignal,
): Promise<TransportResponse> {
  const { url, method, headers, body = null, streaming, repeatable } = request;
  const response = await send(url, {
    method,
    headers,
    signal,
    redirect: isRead(request) ? "follow" : "manual",
    // Where a connection that was used before breaks, Deno sends bytes again by itself, but no blob.
    body: repeatable ? body : body && new Blob([body]),
  });
  if (signal.aborted) await response.body?.cancel();
  const { status, statusText } = response;
  const head = { status, statusText, headers: response.headers };
  if (streaming && response.ok && response.body !== null) {
    return { ...head, body: NO_BYTES, stream: response.body };
  }
  return { ...head, body: new Uint8Array(await response.arrayBuffer()), stream: undefined };
}

/**
 * Looks for the header that `fetch` refused to send.
 *
 * @throws {ClientError} `invalid_argument` without its value, which may be a secret
 */
function checkHeaders({ headers }: TransportRequest): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]]);
    } catch {
      throw new ClientError(
        "invalid_argument",
        `The header ${
          JSON.stringify(name)
        } can't be sent: expected a token as its name, and a value ` +
          "without line breaks and characters beyond U+00FF.",
      );
    }
  }
}

/** Anything else must not follow: `fetch` makes a GET of a redirected POST, and its 200 stores nothing. */
function isRead({ method }: TransportRequest): boolean {
  return method === "GET" || method === "HEAD";
}
