import type { NatsClusterOptions } from "../../storage/nats/connection/open_nats_storage.ts";
import { parseServerUrl } from "../../storage/nats/connection/options.ts";
import { isPrefix } from "../../storage/nats/cluster/subjects.ts";
import {
  choiceFlag,
  dependentIntegerFlag,
  dependentTextFlag,
  durationFlag,
  fileFlag,
  type Flag,
  type FlagTable,
  integerFlag,
  isAccepted,
  sizeFlag,
  textFlag,
} from "./flag.ts";
import type { FlagValues, GivenText } from "./flag_values.ts";
import { UsageError } from "./usage_error.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const HOUR_MS = 3_600_000;

/** The flags of `--storage nats`. */
export const natsFlags = {
  nats: {
    ...dependentTextFlag({
      name: "nats",
      placeholder: "urls",
      defaultText: "none; --storage nats needs it",
      help:
        "The servers of the NATS cluster that keeps the streams, with user:password@ or token@ before " +
        "the host where they ask for it. Several by commas, or by the flag given again.",
      accepts: "nats://host:4222 or tls://host:4222",
      check: (text) =>
        listOf(text).length > 0 &&
        listOf(text).every((url) => isAccepted(() => parseServerUrl(url))),
    }),
    repeatable: true,
    isSecret: (text: string) => text.includes("@"),
  },
  natsCredentials: fileFlag({
    name: "nats-credentials",
    defaultText: "none",
    help: "A user's JWT and seed for the NATS servers, as nsc writes them into a .creds file.",
  }),
  natsNkey: fileFlag({
    name: "nats-nkey",
    defaultText: "none",
    help: "A file with the seed of an nkey for the NATS servers.",
  }),
  natsTlsCa: fileFlag({
    name: "nats-tls-ca",
    defaultText: "the machine's",
    help: "The authorities that the NATS servers' certificates are by: a PEM file. Turns TLS on.",
  }),
  natsTlsCert: fileFlag({
    name: "nats-tls-cert",
    defaultText: "none",
    help: "The certificate to show the NATS servers: a PEM file. With --nats-tls-key.",
  }),
  natsTlsKey: fileFlag({
    name: "nats-tls-key",
    defaultText: "none",
    help: "That certificate's private key: a PEM file.",
  }),
  natsMonitor: {
    ...dependentTextFlag({
      name: "nats-monitor",
      placeholder: "urls",
      defaultText: "none",
      help:
        "The monitoring ports of all NATS servers, which tell whether they sync what they acknowledge; " +
        "unless that is so, or where none are given, there is a warning. Several by commas, or by the " +
        "flag given again.",
      accepts: "http or https URLs such as http://host:8222",
      check: (text) => listOf(text).every((url) => /^https?:\/\/[^/]+\/?$/.test(url)),
    }),
    repeatable: true,
    isSecret: (text: string) => text.includes("@"),
  },
  natsPrefix: textFlag({
    name: "nats-prefix",
    placeholder: "prefix",
    default: "ds",
    help: "What the names of JetStream streams and subjects begin with.",
    accepts: "a lower-case letter and at most 31 more letters, digits or underscores",
    check: isPrefix,
  }),
  replicas: dependentIntegerFlag({
    name: "replicas",
    min: 1,
    max: 5,
    defaultText: "3, or 1 where --nats names one server",
    help: "How many NATS servers keep each JetStream stream that is made: 1, 3 or 5.",
  }),
  shards: dependentIntegerFlag({
    name: "shards",
    min: 1,
    max: 1_000,
    defaultText: "as many as there are; in a new storage as many as --nats names servers",
    help:
      "Among how many JetStream streams the streams are spread. With more than there are, more are made, " +
      "which take new streams.",
  }),
  natsTimeoutMs: durationFlag({
    name: "nats-timeout",
    min: 100,
    max: HOUR_MS,
    default: 5_000,
    help: "How long an answer of the NATS servers is waited for, at each attempt.",
  }),
  natsWriteTimeoutMs: durationFlag({
    name: "nats-write-timeout",
    min: 100,
    max: HOUR_MS,
    default: 30_000,
    help:
      "How long a write is tried whose outcome is unknown; then it is answered 503, and may be stored.",
  }),
  natsUnavailableAfterMs: durationFlag({
    name: "nats-unavailable-after",
    min: 1,
    max: HOUR_MS,
    default: 5_000,
    help: "How long a write is tried while the cluster takes nothing; then it is answered 503.",
  }),
  natsGroupBytes: sizeFlag({
    name: "nats-group-bytes",
    min: KIB,
    max: 64 * MIB,
    default: 256 * KIB,
    help: "Appends that wait for one stream go to the cluster as one message of at most this.",
  }),
  natsForwarding: choiceFlag({
    name: "nats-forwarding",
    values: ["auto", "never"],
    default: "auto",
    help:
      "Whether a front end that loses races for a stream sends its appends to the front end that wins them.",
  }),
  natsInFlightBytes: sizeFlag({
    name: "nats-in-flight-bytes",
    min: MIB,
    max: 16 * GIB,
    default: 32 * MIB,
    help: "How many bytes of messages may be on their way to the cluster at once; more wait.",
  }),
  natsCacheBytes: sizeFlag({
    name: "nats-cache-bytes",
    min: MIB,
    max: 64 * GIB,
    default: 64 * MIB,
    help: "How much memory the newest messages of all streams may take, for their readers.",
  }),
  natsLoadedStreams: integerFlag({
    name: "nats-loaded-streams",
    min: 1,
    max: 10_000_000,
    default: 100_000,
    help: "Beyond so many streams in memory, idle ones leave it.",
  }),
  natsListedNames: integerFlag({
    name: "nats-listed-names",
    min: 1,
    max: 100_000_000,
    default: 1_000_000,
    help:
      "How many streams may be listed: a front end that lists them has all their names in memory.",
  }),
} satisfies FlagTable;

const { replicas, shards, ...others } = natsFlags;

/** Those that say nothing without `--storage nats`. */
const OF_CLUSTER: readonly Flag<unknown>[] = [replicas, shards, ...Object.values(others)];

/** Flags of `serve` that a storage has no use for, and why. */
export interface UselessFlag {
  readonly flag: Flag<unknown>;
  /** As the end of "--fsync is …". */
  readonly reason: string;
}

/**
 * Checks what goes together for the storage.
 *
 * @param useless what a storage in a cluster has no use for. Variables of the environment don't count: an
 * image sets some for any storage
 * @throws {UsageError} what is wrong and what would be right
 */
export function checkNatsFlags(
  values: FlagValues,
  storage: string,
  useless: readonly UselessFlag[],
): void {
  if (storage !== "nats") {
    const given = OF_CLUSTER.map((flag) => wanted(values, flag)).find((given) =>
      given !== undefined
    );
    if (given === undefined) return;
    throw new UsageError(
      `${given.from} is of --storage nats, and --storage is ${storage}; accepted: --storage nats`,
    );
  }
  if (values.get(natsFlags.nats) === undefined) {
    throw new UsageError(
      "--storage nats is given without --nats; accepted: with the URLs of the servers, as " +
        "--nats nats://a:4222,nats://b:4222,nats://c:4222",
    );
  }
  for (const { flag, reason } of useless) {
    const given = wanted(values, flag);
    if (given === undefined) continue;
    throw new UsageError(`${given.from} is ${reason}; accepted with --storage nats: without it`);
  }
  checkSecrets(values);
  const replicas = values.get(natsFlags.replicas);
  if (replicas !== undefined && replicas % 2 === 0) {
    throw new UsageError(
      `--replicas is ${replicas}, of which no majority is left once half are away; accepted: 1, 3 or 5`,
    );
  }
}

/**
 * What somebody wants to be so, which `none` isn't. A file may have been printed by `config show`, with all
 * defaults.
 */
function wanted(values: FlagValues, flag: Flag<unknown>): GivenText | undefined {
  const given = values.given(flag);
  const value = values.get(flag);
  if (given === undefined || given.by === "variable" || value === undefined) return undefined;
  return given.by === "file" && value === flag.default ? undefined : given;
}

function checkSecrets(values: FlagValues): void {
  const { natsCredentials, natsNkey, natsTlsCert, natsTlsKey } = natsFlags;
  const has = (flag: Flag<unknown>) => values.get(flag) !== undefined;
  if (has(natsCredentials) && has(natsNkey)) {
    throw new UsageError(
      "--nats-credentials and --nats-nkey are both given; accepted: one of them",
    );
  }
  if (has(natsTlsCert) === has(natsTlsKey)) return;
  const [given, missing] = has(natsTlsCert)
    ? [natsTlsCert.name, natsTlsKey.name]
    : [natsTlsKey.name, natsTlsCert.name];
  throw new UsageError(`--${given} is given without --${missing}; accepted: both`);
}

/** The options that the flags stand for. */
export function natsOptions(values: FlagValues): NatsClusterOptions {
  const servers = listOf(values.get(natsFlags.nats) ?? "");
  const caFile = values.get(natsFlags.natsTlsCa);
  const certFile = values.get(natsFlags.natsTlsCert);
  const keyFile = values.get(natsFlags.natsTlsKey);
  return {
    servers,
    credentialsFile: values.get(natsFlags.natsCredentials),
    nkeyFile: values.get(natsFlags.natsNkey),
    tls: caFile === undefined && certFile === undefined ? undefined : { caFile, certFile, keyFile },
    monitorUrls: listOf(values.get(natsFlags.natsMonitor) ?? ""),
    prefix: values.get(natsFlags.natsPrefix),
    replicas: values.get(natsFlags.replicas) ?? (servers.length === 1 ? 1 : 3),
    shards: values.get(natsFlags.shards),
    newShards: servers.length,
    timeoutMs: values.get(natsFlags.natsTimeoutMs),
    writeLimitMs: values.get(natsFlags.natsWriteTimeoutMs),
    unavailableLimitMs: values.get(natsFlags.natsUnavailableAfterMs),
    groupBytes: values.get(natsFlags.natsGroupBytes),
    forwarding: values.get(natsFlags.natsForwarding),
    limitInFlightBytes: values.get(natsFlags.natsInFlightBytes),
    messageCacheBytes: values.get(natsFlags.natsCacheBytes),
    maxLoadedStreams: values.get(natsFlags.natsLoadedStreams),
    maxListedNames: values.get(natsFlags.natsListedNames),
    openLimitMs: Infinity,
  };
}

function listOf(text: string): string[] {
  return text.split(/[,\n]/).map((part) => part.trim()).filter((part) => part !== "");
}
