import { type Clock, systemClock } from "../../env/clock.ts";
import type { Authority, Authorize } from "../../access/permit.ts";
import type { RequestLog } from "./request_entry.ts";
import type { ForwardControl } from "./forwarded_request.ts";
import type { ShareLiveChange } from "./live_change.ts";
import type { Sample } from "../../metrics/sample.ts";
import { StreamError } from "../../protocol/errors.ts";
import { parsePattern, type Pattern } from "../../protocol/name_pattern.ts";
import { checkClientLimits, type ClientLimitOptions, type RateOptions } from "./limit_options.ts";
import { BLOCK_BYTES } from "../../storage/block_rule.ts";
import type { StartProgress } from "../../storage/start_progress.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Tracer } from "../../tracing/tracer.ts";
import type { WebhookTransport } from "../../subscriptions/webhooks/transport.ts";

const MAX_APPEND_BYTES = 10 * 1024 * 1024;
const MAX_SNAPSHOT_BYTES = 16 * 1024 * 1024;

/** The memory that the longest body needs beside itself while it is read. */
export const BODY_OVERHEAD_BYTES = 64 * 1024;

/** How an app serves its storage. */
export interface AppOptions {
  /** Where the streams are. */
  storage: Storage;
  /** The beginning of stream URLs; `/v1/stream`. */
  prefix?: string;
  /**
   * The name of the stream that a request is about, still percent-encoded; `undefined` where it is about
   * none. Takes the place of the prefix.
   */
  streamName?: (request: Request) => string | undefined;
  /** A long-poll without new data is answered after this; 30 s. */
  longPollTimeoutMs?: number;
  /** An SSE connection is closed after this, for caches to collapse readers (PROTOCOL §10.2); 60 s. */
  sseCloseAfterMs?: number;
  /**
   * An idle SSE connection gets a comment this often; 6 s. `Bun.serve` cuts after its ten idle seconds
   * unless told otherwise, and these may be over after eight and a half.
   */
  sseKeepAliveMs?: number;
  /** Nothing more is pushed to an SSE reader that has this much unread; 64 KiB. */
  sseBufferBytes?: number;
  /** A body longer than this is refused; 10 MiB. */
  maxAppendBytes?: number;
  /**
   * A snapshot longer than this is refused; 16 MiB, or what `maxBodyBytesInFlight` leaves where that is less.
   */
  maxSnapshotBytes?: number;
  /**
   * The memory that all incoming bodies may take at once; a request that needs more is refused; 256 MiB,
   * or twice `maxAppendBytes` where that is more. At least 64 KiB more than `maxAppendBytes` and
   * `maxSnapshotBytes`.
   */
  maxBodyBytesInFlight?: number;
  /** A response holds at most this, unless a single message is longer; 1 MiB, at least 4 KiB. */
  chunkBytes?: number;
  /**
   * Whether catch-up reads of text, JSON and their like are answered in gzip, from 1 KiB on, where the
   * client takes that; true.
   */
  compress?: boolean;
  /** How many long-polls and SSE connections may wait at once; 20,000. */
  maxLiveReaders?: number;
  /** A connection that follows many streams at once (`__ds/live`) may follow so many; 1,000. */
  maxLiveStreams?: number;
  /** So many streams may all such connections follow, each counted once for every connection; 500,000. */
  maxFollowedStreams?: number;
  /**
   * A client of such a connection that was sent something less than this ago gets what is new together, up
   * to so much later; 20 ms.
   */
  livePaceMs?: number;
  /** Such a connection is closed after this, for its client to connect again; 10 min. */
  liveCloseAfterMs?: number;
  /** A body has to be here after this; 30 s. */
  bodyTimeoutMs?: number;
  /** Whether responses may stay in a shared cache: all are private, or those of the streams it says. */
  private?: boolean | ((name: string) => boolean);
  /**
   * Whether `{prefix}/__ds/streams` lists the names of all streams to whoever asks; false. It has no URL
   * with `streamName`.
   */
  listing?: boolean;
  /**
   * The web pages of other origins that may use the streams, one or several of: `loopback`, those of
   * servers on the page's own machine; origins such as `https://app.example`; `*`, all, though the
   * listing and the health are for those only that are named; `none`. `loopback` unless given. Others'
   * requests are refused before they have any effect. Pages of the app's own origin, and whoever is no
   * browser, are always served.
   */
  cors?: string | readonly string[];
  /**
   * The host names that requests may give beside those of loopback, or `*`; a request by another name is
   * refused. Not looked at unless given: give it where the app listens on loopback, so that no web page
   * gets in by a name of its own that leads here.
   */
  allowedHosts?: string | readonly string[];
  /**
   * Whether a proxy says in front which URL the client asked for, by `Forwarded` (RFC 7239) or
   * `X-Forwarded-Proto`, `-Host`, `-Port` and `-Prefix`: `Location` is that URL then. Only where each
   * request comes through a proxy that sets these or drops them; false.
   */
  trustProxy?: boolean;
  /**
   * The beginning of the path in the client's URL where requests come here without it, as Hono's `mount()`
   * and Express' `use()` hand them on: `/api`. Nothing unless given.
   */
  mountPath?: string;
  /**
   * Subscriptions to the streams, by webhook or pull-wake (PROTOCOL §6, §7): true, where the storage keeps
   * any. Of several apps over one storage the first delivers.
   */
  subscriptions?: boolean | SubscriptionOptions;
  /**
   * The URL of this server as its clients know it, `https://streams.example`, with a path where the
   * prefix isn't at its root: for the callback URLs of webhooks. Unless given it is that of the request
   * that creates a subscription.
   */
  publicUrl?: string;
  /**
   * Who may do what: a function that says who asks, or that and more. Everybody may do everything unless it
   * is given.
   */
  authorize?: Authorize | Authority;
  /** What one client may do: a token's subject, else an address. Nothing is limited unless it is given. */
  clientLimits?: ClientLimitOptions;
  /**
   * The address of a request's client, or whatever else tells clients apart: for limits, where the app is
   * embedded and only its program knows.
   */
  clientAddress?: (request: Request) => string | undefined;
  /**
   * With `trustProxy`, the addresses and networks of all proxies that are believed about who asked them:
   * `10.0.0.0/8`. Unless given it is the one that connects, whatever its address.
   */
  trustedProxies?: string | readonly string[];
  /** The path of the health check, such as `/health`; nowhere unless it is given. */
  health?: string;
  /** The path of the metrics for Prometheus, such as `/metrics`; nowhere unless it is given. */
  metrics?: string;
  /**
   * The streams that have a metric each, how far they go: a pattern as subscriptions have, such as
   * `logs/*`. The first 1,000 by their names; none unless it is given.
   */
  metricsStreams?: string;
  /**
   * Whether a GET of `/` is answered with a short page, or text, that says what this is and where its
   * streams are; false, but true with `serve`. Not with `streamName`.
   */
  welcome?: boolean;
  /**
   * Whether `/ui`, and `/` in a browser, show a page to look at the streams and the server with: what is
   * granted to its token, or everything where everybody may do everything. False, but true with `serve`
   * where that listens on loopback only or `authorize` is given. Not with `streamName`.
   */
  page?: boolean;
  /** Where each request is told of, as for an access log; nowhere unless it is given. */
  requestLog?: RequestLog;
  /** Told of requests and deliveries; nobody unless it is given. */
  tracer?: Tracer;
  /** The server's version, as the health check gives it. */
  version?: string;
  /** Once aborted, every waiting reader is answered at once, and so is every later one. */
  signal?: AbortSignal;
  /** Where the time comes from. */
  clock?: Clock;
}

/** How subscriptions are delivered. */
export interface SubscriptionOptions {
  /**
   * Whether webhooks may go to `localhost` and 127.0.0.x, also by http: for development. False, but true
   * with `serve` where that listens on loopback only.
   */
  allowLoopback?: boolean;
  /** How many webhooks may be under way at once; 1,000. */
  maxDeliveries?: number;
  /** Sends webhooks: by HTTP and HTTPS unless given. */
  transport?: WebhookTransport;
}

/** The options with every default in place. */
export interface ServerConfig {
  /** Where the subscriptions are another thread's. */
  readonly forwardControl: ForwardControl | undefined;
  /** How far the start is, until the storage is open; `undefined` where it is. */
  readonly starting: (() => StartProgress) | undefined;
  readonly storage: Storage;
  readonly prefix: string;
  readonly streamName: ((request: Request) => string | undefined) | undefined;
  readonly longPollTimeoutMs: number;
  readonly sseCloseAfterMs: number;
  readonly sseKeepAliveMs: number;
  readonly sseBufferBytes: number;
  readonly maxAppendBytes: number;
  readonly maxSnapshotBytes: number;
  readonly maxBodyBytesInFlight: number;
  readonly chunkBytes: number;
  readonly compress: boolean;
  readonly maxLiveReaders: number;
  readonly maxLiveStreams: number;
  readonly maxFollowedStreams: number;
  readonly liveCloseAfterMs: number;
  readonly livePaceMs: number;
  readonly bodyTimeoutMs: number;
  readonly isPrivate: (name: string) => boolean;
  readonly listing: boolean;
  readonly cors: string | readonly string[];
  readonly allowedHosts: string | readonly string[] | undefined;
  readonly trustProxy: boolean;
  readonly mountPath: string;
  readonly subscriptions: Readonly<SubscriptionOptions> | undefined;
  readonly publicUrl: string | undefined;
  readonly authority: Authority | undefined;
  readonly clientLimits: ClientLimitOptions | undefined;
  readonly failedTokens: RateOptions | undefined;
  readonly trustedProxies: string | readonly string[] | undefined;
  readonly health: string | undefined;
  readonly metrics: string | undefined;
  readonly metricsStreams: Pattern | undefined;
  /** What all threads have counted, where there are several. */
  readonly gatherMetrics: (() => Promise<readonly Sample[]>) | undefined;
  /** How many live readers these streams have in all threads, where there are several. */
  readonly gatherReaders:
    | ((ids: readonly number[]) => Promise<ReadonlyMap<number, number>>)
    | undefined;
  /** Hands on a change of a connection that this thread doesn't have, where there are several. */
  readonly shareLiveChange: ShareLiveChange | undefined;
  readonly welcome: boolean;
  readonly page: boolean;
  readonly requestLog: RequestLog | undefined;
  readonly tracer: Tracer | undefined;
  readonly version: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
}

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} where a value makes no sense, or two options don't go together
 */
export function resolveOptions(options: AppOptions): ServerConfig {
  const isPrivate = options.private ?? false;
  return {
    storage: options.storage,
    forwardControl: undefined,
    starting: undefined,
    prefix: checkPath("prefix", options.prefix ?? "/v1/stream", "/v1/stream"),
    streamName: options.streamName,
    longPollTimeoutMs: atLeast(0, "longPollTimeoutMs", options.longPollTimeoutMs ?? 30_000),
    sseCloseAfterMs: atLeast(1, "sseCloseAfterMs", options.sseCloseAfterMs ?? 60_000),
    sseKeepAliveMs: atLeast(1, "sseKeepAliveMs", options.sseKeepAliveMs ?? 6_000),
    sseBufferBytes: atLeast(1, "sseBufferBytes", options.sseBufferBytes ?? 64 * 1024),
    maxAppendBytes: atLeast(1, "maxAppendBytes", options.maxAppendBytes ?? MAX_APPEND_BYTES),
    maxSnapshotBytes: checkSnapshotBytes(options),
    maxBodyBytesInFlight: checkBodyBytesInFlight(options),
    chunkBytes: atLeast(BLOCK_BYTES, "chunkBytes", options.chunkBytes ?? 1024 * 1024),
    compress: options.compress ?? true,
    maxLiveReaders: atLeast(0, "maxLiveReaders", options.maxLiveReaders ?? 20_000),
    maxLiveStreams: atLeast(1, "maxLiveStreams", options.maxLiveStreams ?? 1_000),
    maxFollowedStreams: atLeast(1, "maxFollowedStreams", options.maxFollowedStreams ?? 500_000),
    livePaceMs: atLeast(0, "livePaceMs", options.livePaceMs ?? 20),
    liveCloseAfterMs: atLeast(1, "liveCloseAfterMs", options.liveCloseAfterMs ?? 600_000),
    bodyTimeoutMs: atLeast(1, "bodyTimeoutMs", options.bodyTimeoutMs ?? 30_000),
    isPrivate: typeof isPrivate === "function" ? isPrivate : () => isPrivate,
    listing: checkListing(options),
    cors: options.cors ?? "loopback",
    allowedHosts: options.allowedHosts,
    trustProxy: options.trustProxy ?? false,
    mountPath: checkPath("mountPath", options.mountPath ?? "", "/api"),
    subscriptions: subscriptionsOf(options),
    publicUrl: options.publicUrl === undefined ? undefined : checkPublicUrl(options.publicUrl),
    authority: asAuthority(options.authorize),
    health: checkOwnPath("health", options.health, options),
    metrics: checkMetrics(options),
    metricsStreams: checkMetricsStreams(options.metricsStreams),
    gatherMetrics: undefined,
    gatherReaders: undefined,
    shareLiveChange: undefined,
    clientLimits: checkClientLimits(options.clientLimits),
    failedTokens: options.clientLimits?.failedTokens,
    trustedProxies: options.trustedProxies,
    welcome: checkWelcome(options),
    page: checkPage(options),
    requestLog: options.requestLog,
    tracer: options.tracer,
    version: options.version,
    signal: options.signal,
    clock: options.clock ?? systemClock,
  };
}

function subscriptionsOf({ subscriptions = true }: AppOptions): SubscriptionOptions | undefined {
  if (subscriptions === false) return undefined;
  return subscriptions === true ? {} : subscriptions;
}

function asAuthority(authorize: AppOptions["authorize"]): Authority | undefined {
  return typeof authorize === "function" ? { authorize } : authorize;
}

/**
 * The URL without a slash at its end.
 *
 * @throws {RangeError} where it is none
 */
export function checkPublicUrl(publicUrl: string): string {
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : undefined;
  const isGood = url !== undefined && /^https?:$/.test(url.protocol) && url.search === "" &&
    url.hash === "" && url.username === "" && url.password === "";
  if (isGood) return publicUrl.replace(/\/+$/, "");
  throw new RangeError(
    `publicUrl is ${
      JSON.stringify(publicUrl)
    }: expected an http or https URL without a query, such as ` +
      "https://streams.example.",
  );
}

function checkBodyBytesInFlight(options: AppOptions): number {
  const { maxAppendBytes = MAX_APPEND_BYTES, maxSnapshotBytes = 1, maxBodyBytesInFlight } = options;
  const longest = Math.max(maxAppendBytes, maxSnapshotBytes);
  return atLeast(
    longest + BODY_OVERHEAD_BYTES,
    "maxBodyBytesInFlight",
    maxBodyBytesInFlight ?? Math.max(256 * 1024 * 1024, 2 * longest),
  );
}

function checkSnapshotBytes(options: AppOptions): number {
  const { maxSnapshotBytes } = options;
  if (maxSnapshotBytes !== undefined) return atLeast(1, "maxSnapshotBytes", maxSnapshotBytes);
  return Math.min(MAX_SNAPSHOT_BYTES, checkBodyBytesInFlight(options) - BODY_OVERHEAD_BYTES);
}

function atLeast(least: number, name: string, value: number): number {
  if (value >= least) return value;
  throw new RangeError(`${name} is ${value}: it has to be at least ${least}.`);
}

function checkListing({ listing = false, streamName }: AppOptions): boolean {
  if (!listing || streamName === undefined) return listing;
  throw new RangeError(
    "listing and streamName are both given: the listing's URL begins with the prefix, which streamName " +
      "takes the place of. Leave one of them out.",
  );
}

function checkWelcome({ welcome = false, streamName }: AppOptions): boolean {
  if (!welcome || streamName === undefined) return welcome;
  throw new RangeError(
    "welcome and streamName are both given: / may be a stream's then. Leave one of them out.",
  );
}

function checkPage({ page = false, streamName }: AppOptions): boolean {
  if (!page || streamName === undefined) return page;
  throw new RangeError(
    "page and streamName are both given: the page asks at URLs that begin with the prefix, which streamName " +
      "takes the place of. Leave one of them out.",
  );
}

/** The path of something that is no stream's. */
function checkOwnPath(
  name: "health" | "metrics",
  path: string | undefined,
  { prefix = "/v1/stream" }: AppOptions,
): string | undefined {
  if (path === undefined) return undefined;
  const hidden = [prefix, `${prefix}s`].find((each) => `${path}/`.startsWith(`${each}/`));
  if (/^(?:\/[^/?#%\s]+)+$/.test(path) && hidden === undefined) return path;
  throw new RangeError(
    `${name} is ${
      JSON.stringify(path)
    }: expected a path such as /${name} that doesn't begin with the ` +
      `prefix, ${prefix}, where it would hide streams.`,
  );
}

function checkMetrics(options: AppOptions): string | undefined {
  const { metrics, health } = options;
  if (metrics !== undefined && health !== undefined && `${metrics}/`.startsWith(`${health}/`)) {
    throw new RangeError(
      `metrics is ${JSON.stringify(metrics)} and health ${
        JSON.stringify(health)
      }, which would hide ` +
        "it: give them paths of their own.",
    );
  }
  return checkOwnPath("metrics", metrics, options);
}

function checkMetricsStreams(pattern: string | undefined): Pattern | undefined {
  if (pattern === undefined) return undefined;
  try {
    return parsePattern(pattern);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new RangeError(`metricsStreams can't be used: ${error.message}`);
  }
}

function checkPath(name: string, path: string, example: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (/^(?:\/[^/?#%\s]+)*$/.test(trimmed)) return trimmed;
  throw new RangeError(
    `The ${name} ${JSON.stringify(path)} is not a path: expected something like ${example}.`,
  );
}
