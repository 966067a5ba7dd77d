import { Hosts, HOSTS_FORM } from "../../server/origins/hosts.ts";
import { Origins, ORIGINS_FORM } from "../../server/origins/origins.ts";
import { accessFlags } from "./access_flags.ts";
import { checkPublicUrl } from "../../server/common/options.ts";
import { insightFlags } from "./insight_flags.ts";
import {
  choiceFlag,
  dependentIntegerFlag,
  dependentSwitchFlag,
  dependentTextFlag,
  durationFlag,
  type FlagTable,
  integerFlag,
  isAccepted,
  isPath,
  sizeFlag,
  switchFlag,
  textFlag,
} from "./flag.ts";
import { configFlags } from "./config_flags.ts";
import { limitFlags } from "./limit_flags.ts";
import { compactionFlags } from "./compaction_flags.ts";
import { retentionFlags } from "./retention_flags.ts";
import { natsFlags } from "./nats_flags.ts";
import { tlsFlags } from "./tls_flags.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const HOUR_MS = 3_600_000;

/** Every setting of `serve`: the one place that a new one is added to. */
export const serveFlags = {
  dir: textFlag({
    name: "dir",
    placeholder: "path",
    default: "./data",
    help: "The directory that keeps the streams; made if it is missing or empty.",
    accepts: "a path",
    check: isPath,
  }),
  storage: choiceFlag({
    name: "storage",
    values: ["file", "memory", "nats"],
    default: "file",
    help:
      "Where streams are kept: in --dir, in memory, which forgets everything when the program ends, or in " +
      "a cluster of NATS servers, for any number of these programs at once.",
  }),
  ...natsFlags,
  host: textFlag({
    name: "host",
    placeholder: "address",
    default: "127.0.0.1",
    help:
      "The address to listen on; 0.0.0.0 or :: for every address of the machine. Or unix:PATH, for a " +
      "socket in the file system; then --port means nothing.",
    accepts: "a host name or an IP address, IPv6 without brackets, or unix: and a path",
    check: (text) => /^[\w.:%-]+$/.test(text) || (/^unix:./.test(text) && !text.includes("\0")),
  }),
  port: integerFlag({
    name: "port",
    min: 0,
    max: 65_535,
    default: 4437,
    help: "The port to listen on; 0 picks a free one.",
  }),
  ...tlsFlags,
  prefix: textFlag({
    name: "prefix",
    placeholder: "path",
    default: "/v1/stream",
    help: "The path that the streams' URLs begin with.",
    accepts: "a path that begins with /, of letters, digits and . _ ~ -",
    check: (text) => text === "/" || /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)+\/?$/.test(text),
  }),
  fsync: choiceFlag({
    name: "fsync",
    values: ["always", "interval", "never"],
    default: "always",
    help:
      "What a power cut can lose. always: nothing that was acknowledged; interval: what the last " +
      "--fsync-interval acknowledged; never: all that the system had not yet written by itself.",
  }),
  fsyncIntervalMs: durationFlag({
    name: "fsync-interval",
    min: 1,
    max: HOUR_MS,
    default: 1_000,
    help: "How often the log is synced with --fsync interval.",
  }),
  mustExist: switchFlag({
    name: "must-exist",
    help: "Refuse a directory that is missing or empty, as it is when a mount is missing.",
  }),
  segmentBytes: sizeFlag({
    name: "segment-bytes",
    min: 4 * KIB,
    max: 64 * GIB,
    default: 64 * MIB,
    help: "A stream's segment file is followed by a new one at this size.",
  }),
  walBytes: sizeFlag({
    name: "wal-bytes",
    min: 64 * KIB,
    max: 64 * GIB,
    default: 256 * MIB,
    help: "What the write-ahead log may take on the disk; appends wait rather than exceed it.",
  }),
  maxAppendBytes: sizeFlag({
    name: "max-append-bytes",
    min: 1,
    max: GIB,
    default: 10 * MIB,
    help: "The longest body of a request; a longer one is answered 413.",
  }),
  maxSnapshotBytes: sizeFlag({
    name: "max-snapshot-bytes",
    min: 1,
    max: GIB,
    default: 16 * MIB,
    help: "The longest snapshot of a stream; a longer one is answered 413.",
  }),
  maxBodyBytesInFlight: sizeFlag({
    name: "max-body-bytes-in-flight",
    min: 128 * KIB,
    max: 64 * GIB,
    default: 256 * MIB,
    help:
      "What all bodies on their way in may take at once; a request that needs more is answered 503.",
  }),
  chunkBytes: sizeFlag({
    name: "chunk-bytes",
    min: 4 * KIB,
    max: GIB,
    default: MIB,
    help: "The most that one read returns, unless a single message is longer.",
  }),
  compress: dependentSwitchFlag({
    name: "compress",
    defaultText: "on unless --host is a loopback address",
    help:
      "Answer catch-up reads of text and JSON in gzip, from 1 KiB on, where the client takes that.",
  }),
  longPollTimeoutMs: durationFlag({
    name: "long-poll-timeout",
    min: 1,
    max: HOUR_MS,
    default: 30_000,
    help: "How long a long-poll waits for data before it is answered 204.",
  }),
  sseCloseAfterMs: durationFlag({
    name: "sse-close-after",
    min: 1,
    max: 24 * HOUR_MS,
    default: 60_000,
    help: "When an SSE response ends, for the reader to connect again.",
  }),
  bodyTimeoutMs: durationFlag({
    name: "body-timeout",
    min: 1,
    max: HOUR_MS,
    default: 30_000,
    help: "How long a request's body may take to arrive.",
  }),
  maxLiveReaders: integerFlag({
    name: "max-live-readers",
    min: 1,
    max: 10_000_000,
    default: 20_000,
    help: "How many long-polls and SSE responses may be open at once; one more is answered 503.",
  }),
  maxLiveStreams: integerFlag({
    name: "max-live-streams",
    min: 1,
    max: 100_000,
    default: 1_000,
    help: "How many streams one connection may follow (__ds/live).",
  }),
  maxFollowedStreams: integerFlag({
    name: "max-followed-streams",
    min: 1,
    max: 100_000_000,
    default: 500_000,
    help: "How many streams all such connections may follow, each counted for every connection.",
  }),
  liveCloseAfterMs: durationFlag({
    name: "live-close-after",
    min: 1,
    max: 24 * HOUR_MS,
    default: 600_000,
    help: "When such a connection ends, for its client to connect again.",
  }),
  ...limitFlags,
  ...retentionFlags,
  ...compactionFlags,
  http: choiceFlag({
    name: "http",
    values: ["own", "runtime"],
    default: "own",
    help:
      "Who speaks HTTP: this program, or the runtime's own server (Deno.serve, Bun.serve), which with TLS " +
      "also speaks HTTP/2.",
  }),
  maxConnections: dependentIntegerFlag({
    name: "max-connections",
    min: 1,
    max: 10_000_000,
    defaultText: "what the process's open-file limit leaves beside --max-open-files",
    help:
      "How many connections may be open at once; one more is answered 503 and closed. With --http own.",
  }),
  workers: integerFlag({
    name: "workers",
    min: 1,
    max: 64,
    default: 1,
    help:
      "How many threads serve HTTP. With more than one, the storage has a thread of its own; that pays " +
      "on machines with four cores or more.",
  }),
  maxOpenFiles: integerFlag({
    name: "max-open-files",
    min: 16,
    max: 1_000_000,
    default: 512,
    help: "How many of the streams' files are kept open at once.",
  }),
  maxQueuedBytes: sizeFlag({
    name: "max-queued-bytes",
    min: 1,
    max: 16 * GIB,
    default: 64 * MIB,
    help: "How many bytes of appends may wait for the disk; one more is answered 503.",
  }),
  maxProducers: integerFlag({
    name: "max-producers",
    min: 1,
    max: 10_000_000,
    default: 10_000,
    help: "How many idempotent producers one stream remembers.",
  }),
  listing: dependentSwitchFlag({
    name: "listing",
    defaultText: "on where --host is a loopback address, else off",
    help: "List the names of all streams at {prefix}/__ds/streams to whoever asks.",
  }),
  cors: {
    ...textFlag({
      name: "cors",
      placeholder: "origins",
      default: "loopback",
      help:
        "The web pages of other origins that may use the streams: loopback, those of servers on the " +
        "browser's own machine; origins such as https://app.example; * for all; none. Several by " +
        "commas, or by the flag given again.",
      accepts: ORIGINS_FORM,
      check: (text) => isAccepted(() => new Origins(text)),
    }),
    repeatable: true,
  },
  allowHosts: {
    ...dependentTextFlag({
      name: "allow-host",
      placeholder: "names",
      defaultText: "none where --host is a loopback address, else any",
      help:
        "The host names that requests may give beside --host and those of loopback; * for any. Several " +
        "by commas, or by the flag given again.",
      accepts: HOSTS_FORM,
      check: (text) => isAccepted(() => new Hosts(text)),
    }),
    repeatable: true,
  },
  trustProxy: switchFlag({
    name: "trust-proxy",
    help:
      "Take the URL that a client asked for, as Location tells it, and for limits its address, from a " +
      "proxy's Forwarded or X-Forwarded-Proto, -Host, -Port, -Prefix and -For. Only where a proxy sets " +
      "or drops all of these.",
  }),
  subscriptions: dependentSwitchFlag({
    name: "subscriptions",
    defaultText: "on",
    help: "Serve subscriptions, which wake workers by webhook or pull-wake, at {prefix}/__ds/.",
  }),
  publicUrl: dependentTextFlag({
    name: "public-url",
    placeholder: "url",
    defaultText: "that of the request which creates a subscription",
    help:
      "The server's URL as its clients know it, without --prefix: for the callbacks of webhooks.",
    accepts: "an http or https URL without a query, such as https://streams.example",
    check: (text) => isAccepted(() => checkPublicUrl(text)),
  }),
  loopbackWebhooks: dependentSwitchFlag({
    name: "loopback-webhooks",
    defaultText: "on where --host is a loopback address, else off",
    help: "Send webhooks also to localhost and 127.0.0.x, by http or https.",
  }),
  maxSubscriptions: integerFlag({
    name: "max-subscriptions",
    min: 1,
    max: 1_000_000,
    default: 10_000,
    help: "How many subscriptions there may be; one more is answered 429.",
  }),
  maxWebhooks: integerFlag({
    name: "max-webhooks",
    min: 1,
    max: 100_000,
    default: 1_000,
    help: "How many webhooks may be under way at once, a quarter of them to one endpoint.",
  }),
  health: textFlag({
    name: "health",
    placeholder: "path",
    default: "/health",
    help:
      "Path of the health check, which answers JSON; none for no health check. Not with --prefix /.",
    accepts: "none, or a path that begins with /, of letters, digits and . _ ~ -",
    check: (text) => text === "none" || /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)+$/.test(text),
  }),
  ...insightFlags,
  private: switchFlag({
    name: "private",
    help: "Mark every answer as private, so that shared caches don't keep it.",
  }),
  ...accessFlags,
  ...configFlags,
  logLevel: choiceFlag({
    name: "log-level",
    values: ["debug", "info", "warn", "error"],
    default: "info",
    help: "The least serious messages that are logged, to stderr.",
  }),
  logFormat: choiceFlag({
    name: "log-format",
    values: ["text", "json"],
    default: "text",
    help: "One line of text, or one JSON object, for each message.",
  }),
} satisfies FlagTable;
