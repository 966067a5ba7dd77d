import { openFileLimit } from "../env/open_file_limit.ts";
import { originOf } from "../listen/listen_error.ts";
import { countsOf, listen } from "../listen/listen.ts";
import type { TlsOptions } from "../listen/tls.ts";
import { isLoopback } from "../protocol/loopback.ts";
import { unixPath } from "../protocol/unix_host.ts";
import { createHandler } from "./app.ts";
import { type AppOptions, resolveOptions } from "./common/options.ts";

const DEFAULT_PORT = 4437;
/** Where the system doesn't say how many files may be open. */
const DEFAULT_MAX_CONNECTIONS = 5_000;

/** How a storage is served, beside what an app takes. */
export interface ServeOptions extends Omit<AppOptions, "streamName" | "clientAddress"> {
  /**
   * Where it listens, a name or an address; `127.0.0.1`, which only this machine reaches. `unix:` and a
   * path for a socket in the file system, which counts as that.
   */
  hostname?: string;
  /** 4437; 0 picks a free one. */
  port?: number;
  /**
   * How many connections may be open at once, and one more is answered 503 `too_many_connections`; half
   * of the files that the process may have open, or 5,000 where the system doesn't say.
   */
  maxConnections?: number;
  /**
   * The host names that requests may give beside those of loopback, or `*`; a request by another name is
   * refused with 421. `[]` unless given where `hostname` is loopback, else not looked at.
   */
  allowedHosts?: string | readonly string[];
  /** As an app's; unless given, false where `hostname` is loopback: bytes cost less there than gzip. */
  compress?: boolean;
  /** Speaks TLS with this certificate, and HTTP/1.1 over it. */
  tls?: TlsOptions;
  /** Who may connect to a socket in the file system, as a file's rights; 0o660. */
  socketMode?: number;
  /** Once aborted, it stops as {@link HttpServer.stop} says. */
  signal?: AbortSignal;
}

/** A storage that is being served. */
export interface HttpServer {
  /** The port that it listens on; 0 for a socket in the file system. */
  readonly port: number;
  /**
   * Where its streams are, as in `http://127.0.0.1:4437/v1/stream`: what a `Client` takes. Of a socket in
   * the file system, its path behind `unix:`.
   */
  readonly url: string;
  /**
   * Gives this certificate to whoever connects from now on; open connections go on with theirs.
   *
   * @throws {RangeError} where it can't be used, and then the one before stays
   */
  setCertificate(tls: TlsOptions): Promise<void>;
  /**
   * Takes no new connections from now on and answers every waiting reader; resolves when all requests in
   * flight are answered. The storage stays open: close it after this. Calling it again returns the same
   * promise.
   */
  stop(): Promise<void>;
}

/**
 * Serves a storage by the program's own HTTP/1.1 server, in this process: on Deno and Node over
 * `node:net`, on Bun over `Bun.listen`. What it takes and refuses is the same on each. Where requests are
 * to go through middleware or beside other routes, use `createApp` instead.
 *
 * @throws {RangeError} where an option makes no sense, or two don't go together
 * @throws {ListenError} where it can't listen; the message says why and what to do
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { serve } from "./serve.ts";
 * import { createMemoryStorage } from "../storage/memory.ts";
 *
 * const server = await serve({ storage: createMemoryStorage(), port: 0 });
 * const answer = await fetch(`${server.url}/greetings`, { method: "PUT", body: "hello" });
 * assert(answer.status === 201);
 * await answer.body?.cancel();
 * await server.stop();
 * ```
 */
export async function serve(options: ServeOptions): Promise<HttpServer> {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT, maxConnections, signal, tls, ...rest } =
    options;
  const { socketMode, ...app } = rest;
  within(0, 65_535, "port", port);
  if (maxConnections !== undefined) within(1, Infinity, "maxConnections", maxConnections);
  signal?.throwIfAborted();
  const readers = new AbortController();
  const appOptions: Omit<AppOptions, "streamName"> = {
    ...(isLoopback(hostname) ? { compress: false } : {}),
    ...(isLoopback(hostname) && unixPath(hostname) === undefined ? { allowedHosts: [] } : {}),
    welcome: true,
    page: isLoopback(hostname) || app.authorize !== undefined,
    ...app,
    ...loopbackWebhooks(app, hostname),
    signal: readers.signal,
  };
  const { longPollTimeoutMs, bodyTimeoutMs, prefix } = resolveOptions(appOptions);
  const counts = countsOf({ host: hostname, http: "own", ...(tls === undefined ? {} : { tls }) });
  const listener = await listen({
    host: hostname,
    port,
    handler: createHandler(appOptions, counts),
    counts,
    longestSilenceMs: Math.max(longPollTimeoutMs, bodyTimeoutMs),
    http: "own",
    maxConnections: maxConnections ?? defaultMaxConnections(),
    isShared: false,
    ...(tls === undefined ? {} : { tls }),
    ...(socketMode === undefined ? {} : { socketMode }),
  });
  let stopped: Promise<void> | undefined;
  const stop = () =>
    stopped ??= (() => {
      const isStopped = listener.stop();
      readers.abort();
      signal?.removeEventListener("abort", stop);
      return isStopped;
    })();
  signal?.addEventListener("abort", stop);
  return {
    port: listener.port,
    url: unixPath(hostname) === undefined
      ? originOf({ host: hostname, port: listener.port }, tls !== undefined) + prefix
      : hostname,
    async setCertificate(next) {
      await listener.setCertificate(next);
    },
    stop,
  };
}

/** Webhooks of a server that only this machine reaches may go to this machine. */
function loopbackWebhooks(
  { subscriptions = true }: Pick<AppOptions, "subscriptions">,
  hostname: string,
): Pick<AppOptions, "subscriptions"> {
  if (subscriptions === false) return { subscriptions };
  const given = subscriptions === true ? {} : subscriptions;
  return { subscriptions: { allowLoopback: isLoopback(hostname), ...given } };
}

function defaultMaxConnections(): number {
  const openFiles = openFileLimit();
  return openFiles === undefined ? DEFAULT_MAX_CONNECTIONS : Math.max(1, Math.floor(openFiles / 2));
}

function within(least: number, most: number, name: string, value: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new RangeError(`${name} is ${value}: it has to be a whole number ${range}.`);
}
