import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { Command } from "commander";
import { environmentName, type Flag } from "../../../src/cli/flags/flag.ts";
import { addFlags, type Environment, readFlags } from "../../../src/cli/flags/flag_values.ts";
import { serveFlags as flags } from "../../../src/cli/flags/serve_flags.ts";
import { UsageError } from "../../../src/cli/flags/usage_error.ts";

function read(args: readonly string[], environment: Environment = {}) {
  const command = new Command("test").exitOverride().configureOutput({ outputError: () => {} });
  addFlags(command, flags);
  command.parse(args, { from: "user" });
  return readFlags(command, flags, environment);
}

function refusal(args: readonly string[], environment: Environment = {}): string {
  let message = "";
  throws(() => read(args, environment), (error) => {
    ok(error instanceof UsageError);
    message = error.message;
    return true;
  });
  return message;
}

const DEFAULTS: readonly (readonly [Flag<unknown>, unknown])[] = [
  [flags.dir, "./data"],
  [flags.storage, "file"],
  [flags.host, "127.0.0.1"],
  [flags.port, 4437],
  [flags.tlsCert, undefined],
  [flags.tlsKey, undefined],
  [flags.tlsClientCa, undefined],
  [flags.socketMode, "0660"],
  [flags.prefix, "/v1/stream"],
  [flags.fsync, "always"],
  [flags.fsyncIntervalMs, 1_000],
  [flags.mustExist, false],
  [flags.segmentBytes, 64 * 2 ** 20],
  [flags.walBytes, 256 * 2 ** 20],
  [flags.maxAppendBytes, 10 * 2 ** 20],
  [flags.maxSnapshotBytes, 16 * 2 ** 20],
  [flags.maxBodyBytesInFlight, 256 * 2 ** 20],
  [flags.chunkBytes, 2 ** 20],
  [flags.longPollTimeoutMs, 30_000],
  [flags.sseCloseAfterMs, 60_000],
  [flags.bodyTimeoutMs, 30_000],
  [flags.maxLiveReaders, 20_000],
  [flags.maxLiveStreams, 1_000],
  [flags.maxFollowedStreams, 500_000],
  [flags.liveCloseAfterMs, 600_000],
  [flags.clientRequests, undefined],
  [flags.clientBytes, undefined],
  [flags.clientReaders, undefined],
  [flags.clientFailedTokens, { perSecond: 20, burst: 100 }],
  [flags.quotas, undefined],
  [flags.retentionRules, undefined],
  [flags.trustedProxies, undefined],
  [flags.http, "own"],
  [flags.maxConnections, undefined],
  [flags.workers, 1],
  [flags.maxOpenFiles, 512],
  [flags.compactionShare, 25],
  [flags.compactionMemory, 64 * 1024 * 1024],
  [flags.maxQueuedBytes, 64 * 2 ** 20],
  [flags.maxProducers, 10_000],
  [flags.compress, undefined],
  [flags.listing, undefined],
  [flags.cors, "loopback"],
  [flags.allowHosts, undefined],
  [flags.trustProxy, false],
  [flags.tokens, undefined],
  [flags.jwtKey, undefined],
  [flags.jwtJwksUrl, undefined],
  [flags.jwtAudience, undefined],
  [flags.jwtIssuer, undefined],
  [flags.jwtClockToleranceMs, 5_000],
  [flags.linkKey, undefined],
  [flags.maxVerdicts, 10_000],
  [flags.insecure, false],
  [flags.health, "/health"],
  [flags.page, undefined],
  [flags.metrics, undefined],
  [flags.metricsStreams, undefined],
  [flags.private, false],
  [flags.subscriptions, undefined],
  [flags.publicUrl, undefined],
  [flags.loopbackWebhooks, undefined],
  [flags.maxSubscriptions, 10_000],
  [flags.maxWebhooks, 1_000],
  [flags.logLevel, "info"],
  [flags.logFormat, "text"],
  [flags.config, undefined],
  [flags.accessLog, undefined],
  [flags.accessLogFile, undefined],
  [flags.accessLogSample, 1_000],
  [flags.nats, undefined],
  [flags.natsCredentials, undefined],
  [flags.natsNkey, undefined],
  [flags.natsTlsCa, undefined],
  [flags.natsTlsCert, undefined],
  [flags.natsTlsKey, undefined],
  [flags.natsMonitor, undefined],
  [flags.natsPrefix, "ds"],
  [flags.replicas, undefined],
  [flags.shards, undefined],
  [flags.natsTimeoutMs, 5_000],
  [flags.natsWriteTimeoutMs, 30_000],
  [flags.natsUnavailableAfterMs, 5_000],
  [flags.natsGroupBytes, 256 * 2 ** 10],
  [flags.natsForwarding, "auto"],
  [flags.natsInFlightBytes, 32 * 2 ** 20],
  [flags.natsCacheBytes, 64 * 2 ** 20],
  [flags.natsLoadedStreams, 100_000],
  [flags.natsListedNames, 1_000_000],
];

Deno.test("without flags and variables every flag has its default", () => {
  const values = read([]);
  equal(DEFAULTS.length, Object.keys(flags).length);
  for (const [flag, value] of DEFAULTS) deepEqual(values.get(flag), value, flag.name);
});

Deno.test("the default that the help shows is the default", () => {
  for (const flag of Object.values<Flag<unknown>>(flags)) {
    if (flag.default === undefined) continue;
    deepEqual(flag.parse(flag.defaultText === "off" ? "false" : flag.defaultText), flag.default);
  }
});

Deno.test("every flag has a name and a variable of its own", () => {
  const all = Object.values<Flag<unknown>>(flags);
  equal(new Set(all.map((flag) => flag.name)).size, all.length);
  equal(new Set(all.map(environmentName)).size, all.length);
  equal(environmentName(flags.sseCloseAfterMs), "DURABLE_STREAMS_SSE_CLOSE_AFTER");
});

Deno.test("a flag beats its variable, and the variable beats the default", () => {
  const environment = { DURABLE_STREAMS_PORT: "81", DURABLE_STREAMS_CHUNK_BYTES: "8KiB" };
  const values = read(["--port", "82"], environment);
  equal(values.get(flags.port), 82);
  equal(values.get(flags.chunkBytes), 8_192);
  equal(read([], environment).get(flags.port), 81);
});

Deno.test("a flag beats its variable even where the variable is bad", () => {
  equal(read(["--port", "82"], { DURABLE_STREAMS_PORT: "x" }).get(flags.port), 82);
});

Deno.test("a variable that is set to nothing isn't set", () => {
  equal(read([], { DURABLE_STREAMS_PORT: "" }).get(flags.port), 4437);
});

Deno.test("a switch is set by its flag, unset by its no-flag, and both beat the variable", () => {
  equal(read(["--private"]).get(flags.private), true);
  equal(read(["--private"], { DURABLE_STREAMS_PRIVATE: "false" }).get(flags.private), true);
  equal(read(["--no-private"], { DURABLE_STREAMS_PRIVATE: "true" }).get(flags.private), false);
  for (
    const [text, value] of [["true", true], ["1", true], ["false", false], ["0", false]] as const
  ) {
    equal(read([], { DURABLE_STREAMS_PRIVATE: text }).get(flags.private), value);
  }
});

Deno.test("--listing and --no-listing beat the variable, and the default is left to the host", () => {
  const off = { DURABLE_STREAMS_LISTING: "false" };
  equal(read(["--listing"], off).get(flags.listing), true);
  equal(read(["--no-listing"]).get(flags.listing), false);
  equal(read([], off).get(flags.listing), false);
  equal(read([], { DURABLE_STREAMS_LISTING: "true" }).get(flags.listing), true);
  match(flags.listing.defaultText, /on where --host is a loopback address, else off/);
});

Deno.test("--compress and --no-compress beat the variable, and the default is left to the host", () => {
  equal(read([]).get(flags.compress), undefined);
  equal(read(["--compress"], { DURABLE_STREAMS_COMPRESS: "0" }).get(flags.compress), true);
  equal(read(["--no-compress"], { DURABLE_STREAMS_COMPRESS: "1" }).get(flags.compress), false);
  match(flags.compress.defaultText, /on unless --host is a loopback address/);
});

Deno.test("--cors and --allow-host take several by commas and by being given again; variables the same", () => {
  const args = [
    "--cors",
    "https://a.test,loopback",
    "--cors",
    "http://b.test",
    "--allow-host",
    "x,y",
  ];
  const values = read(args, { DURABLE_STREAMS_CORS: "*" });
  equal(values.get(flags.cors), "https://a.test,loopback\nhttp://b.test");
  equal(values.get(flags.allowHosts), "x,y");
  equal(read([], { DURABLE_STREAMS_CORS: "*" }).get(flags.cors), "*");
  equal(read([], { DURABLE_STREAMS_ALLOW_HOST: "::1 b.test" }).get(flags.allowHosts), "::1 b.test");
});

const BAD: readonly (readonly [flag: string, text: string, accepted: RegExp])[] = [
  ["dir", "", /accepted: a path/],
  ["storage", "disk", /accepted: file, memory/],
  ["host", "a b", /accepted: a host name or an IP address/],
  ["host", "[::1]", /IPv6 without brackets/],
  ["port", "abc", /accepted: a whole number from 0 to 65535/],
  ["port", "-1", /accepted: a whole number from 0 to 65535/],
  ["port", "65536", /accepted: a whole number from 0 to 65535/],
  ["port", "80.5", /accepted: a whole number from 0 to 65535/],
  ["prefix", "v1", /accepted: a path that begins with \//],
  ["prefix", "/a/../b", /accepted: a path that begins with \//],
  ["prefix", "/a?b", /accepted: a path that begins with \//],
  ["fsync", "sometimes", /accepted: always, interval, never/],
  ["fsync-interval", "0ms", /accepted: 1ms to 1h/],
  ["segment-bytes", "1KiB", /accepted: 4KiB to 64GiB/],
  ["wal-bytes", "1KiB", /accepted: 64KiB to 64GiB/],
  ["chunk-bytes", "4095", /accepted: 4KiB to 1GiB/],
  ["chunk-bytes", "1MB", /accepted: 4KiB to 1GiB, as bytes or with KiB, MiB or GiB/],
  ["max-append-bytes", "0", /accepted: 1 to 1GiB/],
  ["long-poll-timeout", "30", /accepted: 1ms to 1h, .*ms, s, m, h, d or w/],
  ["sse-close-after", "25h", /accepted: 1ms to 1d/],
  ["max-live-readers", "0", /accepted: a whole number from 1/],
  ["workers", "0", /accepted: a whole number from 1/],
  ["max-open-files", "1", /accepted: a whole number from 16/],
  ["compaction-share", "0", /accepted: a whole number from 1 to 100/],
  ["compaction-memory", "1KiB", /accepted: 1MiB to 16GiB/],
  [
    "cors",
    "app.example",
    /accepted: \*, none, loopback, or origins such as https:\/\/app\.example/,
  ],
  ["cors", "https://app.example/page", /accepted: \*, none, loopback, or origins/],
  ["cors", "none,loopback", /accepted: \*, none, loopback, or origins/],
  ["cors", "", /accepted: \*, none, loopback, or origins/],
  ["allow-host", "app.example:80", /accepted: \*, or host names and IP addresses without ports/],
  ["allow-host", "http://app.example", /accepted: \*, or host names/],
  ["log-level", "warning", /accepted: debug, info, warn, error/],
  ["log-format", "xml", /accepted: text, json/],
];

for (const [name, text, accepted] of BAD) {
  Deno.test(`--${name} ${JSON.stringify(text)} is rejected, saying what is accepted`, () => {
    const message = refusal([`--${name}`, text]);
    match(message, accepted);
    ok(message.startsWith(`--${name} is ${JSON.stringify(text)}; accepted: `), message);
  });
}

Deno.test("a bad variable is rejected by its name", () => {
  match(
    refusal([], { DURABLE_STREAMS_CHUNK_BYTES: "1" }),
    /^the environment variable DURABLE_STREAMS_CHUNK_BYTES is "1"; accepted: 4KiB/,
  );
  match(refusal([], { DURABLE_STREAMS_PRIVATE: "yes" }), /accepted: true, 1, false, 0/);
});

Deno.test("a port that Kubernetes made up is explained", () => {
  match(refusal([], { DURABLE_STREAMS_PORT: "tcp://10.0.0.1:4437" }), /enableServiceLinks: false/);
});
