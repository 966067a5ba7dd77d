import type { AccessSettings } from "../../access/access_settings.ts";
import type { HttpKind } from "../../listen/listener.ts";
import {
  type AppOptions,
  BODY_OVERHEAD_BYTES,
  type SubscriptionOptions,
} from "../../server/common/options.ts";
import type { RateOptions } from "../../server/common/limit_options.ts";
import type { TlsOptions } from "../../listen/tls.ts";
import { unixPath } from "../../protocol/unix_host.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { accessSettings } from "../flags/access_flags.ts";
import { serveFlags as flags } from "../flags/serve_flags.ts";
import { isLoopback } from "../../protocol/loopback.ts";
import { version } from "../context/version.ts";

/** The settings of the app and its address: plain data, since it is sent to other threads. */
export interface AppSettings {
  readonly app: Omit<
    AppOptions,
    "storage" | "signal" | "clock" | "streamName" | "authorize" | "requestLog" | "tracer"
  >;
  /** Who may do what; everybody everything unless given. */
  readonly access?: AccessSettings;
  /** How requests are logged; `undefined` where they aren't. */
  readonly accessLog: AccessLogSettings | undefined;
  readonly host: string;
  readonly port: number;
  /** The longest time without a byte in either direction during a request. */
  readonly longestSilenceMs: number;
  readonly http: HttpKind;
  /** How many connections one thread may have. */
  readonly maxConnections: number;
  /** Its certificate, where it speaks TLS. */
  readonly tls?: TlsOptions;
  /** The rights of a socket in the file system. */
  readonly socketMode: number;
}

/** How requests are logged. */
export interface AccessLogSettings {
  readonly format: "text" | "json";
  /** Of one thread. */
  readonly linesPerSecond: number;
  /** `undefined` for stderr. */
  readonly file: string | undefined;
}

/**
 * @param tls the certificate, where it speaks TLS
 * @param shares how many threads share the limits on live readers, connections and bodies in flight
 * @param maxConnections how many connections all threads may have together
 * @throws {UsageError} where the flags of access don't go together
 */
export function appSettings(
  values: FlagValues,
  shares: number,
  maxConnections: number,
  tls?: TlsOptions,
): AppSettings {
  const longPollTimeoutMs = values.get(flags.longPollTimeoutMs);
  const maxAppendBytes = values.get(flags.maxAppendBytes);
  const maxSnapshotBytes = longestSnapshotBytes(values);
  const bodyTimeoutMs = values.get(flags.bodyTimeoutMs);
  const access = accessSettings(values, values.get(flags.host));
  return {
    ...(access === undefined ? {} : { access }),
    app: {
      prefix: values.get(flags.prefix),
      longPollTimeoutMs,
      sseCloseAfterMs: values.get(flags.sseCloseAfterMs),
      maxAppendBytes,
      maxSnapshotBytes,
      maxBodyBytesInFlight: Math.max(
        Math.ceil(values.get(flags.maxBodyBytesInFlight) / shares),
        Math.max(maxAppendBytes, maxSnapshotBytes) + BODY_OVERHEAD_BYTES,
      ),
      chunkBytes: values.get(flags.chunkBytes),
      // For clients on this machine, compression costs more than it saves.
      compress: values.get(flags.compress) ?? !isLoopback(values.get(flags.host)),
      maxLiveReaders: Math.ceil(values.get(flags.maxLiveReaders) / shares),
      maxLiveStreams: values.get(flags.maxLiveStreams),
      maxFollowedStreams: Math.ceil(values.get(flags.maxFollowedStreams) / shares),
      liveCloseAfterMs: values.get(flags.liveCloseAfterMs),
      bodyTimeoutMs,
      private: values.get(flags.private),
      ...healthPath(values),
      ...metrics(values, access !== undefined),
      welcome: true,
      page: values.get(flags.page) ?? (access !== undefined || isLoopback(values.get(flags.host))),
      version,
      listing: values.get(flags.listing) ?? isLoopback(values.get(flags.host)),
      cors: values.get(flags.cors),
      ...allowedHosts(values),
      trustProxy: values.get(flags.trustProxy),
      ...limits(values, shares),
      subscriptions: subscriptions(values),
      ...publicUrl(values),
    },
    accessLog: accessLog(values, shares),
    host: values.get(flags.host),
    port: values.get(flags.port),
    http: values.get(flags.http),
    maxConnections: Math.ceil(maxConnections / shares),
    longestSilenceMs: Math.max(longPollTimeoutMs, bodyTimeoutMs),
    socketMode: Number.parseInt(values.get(flags.socketMode), 8),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** The access log's settings, for one of so many threads. */
function accessLog(values: FlagValues, shares: number): AccessLogSettings | undefined {
  const file = values.get(flags.accessLogFile);
  const isWanted = file !== undefined || values.get(flags.logLevel) === "debug";
  const format = values.get(flags.accessLog) ?? (isWanted ? values.get(flags.logFormat) : "none");
  if (format === "none") return undefined;
  return {
    format,
    linesPerSecond: Math.ceil(values.get(flags.accessLogSample) / shares),
    file,
  };
}

function subscriptions(values: FlagValues): boolean | SubscriptionOptions {
  if (values.get(flags.subscriptions) === false) return false;
  return {
    allowLoopback: values.get(flags.loopbackWebhooks) ?? isLoopback(values.get(flags.host)),
    maxDeliveries: values.get(flags.maxWebhooks),
  };
}

/** A client's connections are spread over the threads, each of which counts by itself. */
function limits(
  values: FlagValues,
  shares: number,
): Pick<AppOptions, "clientLimits" | "trustedProxies"> {
  const requests = values.get(flags.clientRequests);
  const bytes = values.get(flags.clientBytes);
  const readers = values.get(flags.clientReaders);
  const failedTokens = values.get(flags.clientFailedTokens);
  const trustedProxies = values.get(flags.trustedProxies);
  return {
    ...(trustedProxies !== undefined && { trustedProxies }),
    clientLimits: {
      ...(requests !== undefined && { requests: shareOf(requests, shares) }),
      ...(bytes !== undefined && { bytes: shareOf(bytes, shares) }),
      ...(readers !== undefined && { readers: Math.ceil(readers / shares) }),
      ...(failedTokens !== undefined && { failedTokens: shareOf(failedTokens, shares) }),
    },
  };
}

function shareOf({ perSecond, burst = perSecond }: RateOptions, shares: number): RateOptions {
  return { perSecond: perSecond / shares, burst: Math.max(1, burst / shares) };
}

function publicUrl(values: FlagValues): { publicUrl?: string } {
  const given = values.get(flags.publicUrl);
  return given === undefined ? {} : { publicUrl: given };
}

/** The names of a server that other machines reach are unknown unless given. */
function allowedHosts(values: FlagValues): { allowedHosts?: string[] } {
  const host = values.get(flags.host);
  const given = values.get(flags.allowHosts);
  if (unixPath(host) !== undefined) {
    // No web page reaches it, and a proxy in front names whatever its clients asked for.
    return given === undefined ? {} : { allowedHosts: [given] };
  }
  if (given === undefined) return isLoopback(host) ? { allowedHosts: [] } : {};
  // An address may have a zone here, though not in a URL.
  return { allowedHosts: [host.replace(/%.*$/, ""), given] };
}

/** Unless asked for, only this machine or an admin gets them. With the prefix `/` every path is a stream's. */
function metrics(
  values: FlagValues,
  isGuarded: boolean,
): { metrics?: string; metricsStreams?: string } {
  const given = values.get(flags.metrics);
  const isKept = isGuarded || isLoopback(values.get(flags.host));
  const isOpen = isKept && values.get(flags.prefix) !== "/";
  const path = given ?? (isOpen ? "/metrics" : "none");
  if (path === "none") return {};
  const metricsStreams = values.get(flags.metricsStreams);
  return { metrics: path, ...(metricsStreams === undefined ? {} : { metricsStreams }) };
}

/** With the prefix `/` every path is a stream's. */
function healthPath(values: FlagValues): { health?: string } {
  const health = values.get(flags.health);
  const isHidden = values.get(flags.prefix) === "/" && health === flags.health.default;
  return health === "none" || isHidden ? {} : { health };
}

/** Unless it was asked for, it gives way to how much may be on its way in. */
function longestSnapshotBytes(values: FlagValues): number {
  const inFlightBytes = values.get(flags.maxBodyBytesInFlight);
  return Math.min(values.get(flags.maxSnapshotBytes), inFlightBytes - BODY_OVERHEAD_BYTES);
}
