import { type Clock, systemClock } from "../../env/clock.ts";
import { type Bytes, NO_BYTES } from "../../protocol/bytes.ts";
import { linkAborts } from "./abort_link.ts";
import { ClientError, ofRequest } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";
import { redactedText, redactedUrl } from "../errors/redacted_url.ts";
import { untilAborted } from "./until_aborted.ts";

/** One request to a transport; repeating it means sending the same again. */
export interface TransportRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Bytes | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long the response may take, including its body unless `streaming`. */
  readonly timeoutMs: number;
  /** The body of the response is read as it arrives. */
  readonly streaming: boolean;
  /** Doing it twice has the same effect as doing it once. */
  readonly repeatable: boolean;
  /** The sender retries by itself, so that the transport must not. */
  readonly retriedByCaller?: boolean;
  /** The number of the attempt; 1 unless given. */
  readonly attempt?: number;
}

/** The response to a {@link TransportRequest}, with any status. */
export interface TransportResponse {
  readonly status: number;
  /** The reason phrase, which HTTP/2 doesn't have. */
  readonly statusText?: string;
  readonly headers: Headers;
  /** The whole body; empty if it is in `stream`. */
  readonly body: Bytes;
  /** The body of a `streaming` request that succeeded. */
  readonly stream: ReadableStream<Bytes> | undefined;
  /** An earlier attempt may have been carried out already. */
  readonly repeated?: boolean;
  /** Says that the time of the token is over that the request of `stream` had. */
  readonly tokenIsOver?: () => void;
}

/**
 * Sends one request and resolves to its response, or rejects with a {@link ClientError} `network` or
 * `timeout` if none arrived, or with the signal's reason.
 */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

/** Wraps a transport: `withRetry()(fetchTransport())`. */
export type Middleware = (next: Transport) => Transport;

/** How {@link fetchTransport} sends. */
export interface FetchTransportOptions {
  /** Sends the request; the global `fetch`. */
  fetch?: ((url: string, init: RequestInit) => Response | Promise<Response>) | undefined;
  /** The source of time. */
  clock?: Clock | undefined;
}

/**
 * Sends each request with `fetch`, once.
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
    const noResponse = () => `${request.method} ${redactedUrl(request.url)} got no answer`;
    const cancelTimer = clock.setTimer(request.timeoutMs, () => {
      const message = `${noResponse()} within ${request.timeoutMs} ms.`;
      ending.abort(ofRequest(new ClientError("timeout", message), request));
    });
    try {
      signal.throwIfAborted();
      // Not every `fetch` listens to its signal.
      const response = await untilAborted(exchange(send, request, signal), signal);
      // A stream keeps the link to its caller's signal, and is collected together with it.
      if (response.stream === undefined) unlink();
      return response;
    } catch (error) {
      unlink();
      signal.throwIfAborted();
      checkHeaders(request);
      const message = `${noResponse()}: ${redactedText(reasonOf(error), request.url)}`;
      const cause = withoutSecrets(error, request.url);
      throw ofRequest(new ClientError("network", message, { cause }), request);
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
    // If a reused connection breaks, Deno sends bytes again by itself, but not a blob.
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

/** The error, or if it quotes the secrets of the URL, as some `fetch`es' do, only what it says. */
function withoutSecrets(error: unknown, url: string): unknown {
  const reason = reasonOf(error);
  const texts = [reason, ...Object.values(Object(error))].map(String);
  const isFit = texts.every((text) => redactedText(text, url) === text);
  return isFit ? error : new TypeError(redactedText(reason, url));
}

/**
 * Looks for a header that `fetch` can't send.
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

/** Only reads follow redirects: `fetch` turns a redirected POST into a GET, whose 200 stores nothing. */
function isRead({ method }: TransportRequest): boolean {
  return method === "GET" || method === "HEAD";
}
