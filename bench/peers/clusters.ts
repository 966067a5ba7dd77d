import { findNatsForStorage } from "./programs.ts";
import { benchPath, type ClusterConfig, type Peer, type PeerContext } from "./peer.ts";

const MAIN = benchPath("../main.ts");
const CEILING = benchPath("servers/nats_ceiling.ts");
const IN_PROCESS = benchPath("in_process/main.ts");
/** Under bench/ Deno takes bench/deno.json unless told otherwise: the program's packages are here. */
const CONFIG = benchPath("../deno.json");

const PROGRAM = { name: "nats-cluster", find: findNatsForStorage };
const RUNTIMES = ["deno", "bun"] as const;

/** What holds messages: how many servers, and whether they sync before they acknowledge. */
const SETTINGS: Readonly<Record<string, ClusterConfig>> = {
  "r1-always": { servers: 1, syncInterval: "always" },
  "r1-interval": { servers: 1, syncInterval: undefined },
  "r3-always": { servers: 3, syncInterval: "always" },
  "r3-interval": { servers: 3, syncInterval: undefined },
};

/** Who puts appends into a cluster, without HTTP: this project's storage, and less and less of it. */
export const APPENDERS = ["storage", "port", "library", "wire"] as const;

/**
 * This project in clusters of NATS servers, a log and a replica a server: its front ends, one or two, and what
 * makes its load in its own process. Those are set against the client library's own publish, and front ends
 * against a handler with nothing but that.
 */
export const CLUSTERS: readonly Peer[] = Object.entries(SETTINGS).flatMap(([setting, cluster]) =>
  RUNTIMES.flatMap((runtime) => [
    frontEnds(runtime, setting, cluster, 1),
    frontEnds(runtime, setting, cluster, 2),
    ceiling(runtime, setting, cluster),
    ...APPENDERS.map((appender) => inProcess(appender, runtime, setting, cluster)),
  ])
);

function frontEnds(
  runtime: "deno" | "bun",
  setting: string,
  cluster: ClusterConfig,
  count: 1 | 2,
): Peer {
  return {
    name: `ours-${runtime}-nats-${setting}${count === 1 ? "" : `-${count}x`}`,
    ceiling: `ceiling-${runtime}-nats-${setting}`,
    byDefault: false,
    protocol: "http",
    takesChunkBytes: true,
    takesOursArgs: true,
    program: PROGRAM,
    cluster,
    frontEnds: count,
    command(context) {
      const program = runtime === "deno" ? [context.deno, "run", "-A"] : [context.bun];
      const { urls = [], monitorUrls = [] } = context.cluster ?? {};
      return [
        ...[...program, MAIN, "--port", "0", "--storage", "nats", "--nats", urls.join(",")],
        ...["--nats-monitor", monitorUrls.join(","), "--replicas", String(cluster.servers)],
        ...(context.chunkBytes === undefined ? [] : ["--chunk-bytes", String(context.chunkBytes)]),
        ...context.oursArgs,
      ];
    },
  };
}

function ceiling(runtime: "deno" | "bun", setting: string, cluster: ClusterConfig): Peer {
  const name = `ceiling-${runtime}-nats-${setting}`;
  return {
    name,
    ceiling: name,
    byDefault: false,
    protocol: "http",
    isHandler: true,
    forgets: true,
    program: PROGRAM,
    cluster,
    command(context) {
      const program = runtime === "deno"
        ? [context.deno, "run", "-A", "-c", CONFIG]
        : [context.bun];
      return [...program, CEILING, (context.cluster?.urls ?? []).join(",")];
    },
  };
}

function inProcess(
  appender: typeof APPENDERS[number],
  runtime: "deno" | "bun",
  setting: string,
  cluster: ClusterConfig,
): Peer {
  return {
    name: `${appender}-${runtime}-${setting}`,
    ceiling: `library-${runtime}-${setting}`,
    byDefault: false,
    protocol: "http",
    program: PROGRAM,
    cluster,
    inProcess: true,
    isHandler: appender !== "storage",
    command(context: PeerContext) {
      const program = runtime === "deno"
        ? [context.deno, "run", "-A", "-c", CONFIG, "--v8-flags=--expose-gc"]
        : [context.bun];
      const { urls = [], pids = [] } = context.cluster ?? {};
      return [...program, IN_PROCESS, appender, urls.join(","), pids.join(",")];
    },
  };
}
