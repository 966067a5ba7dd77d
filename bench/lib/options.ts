import { parseArgs } from "node:util";
import { PEERS } from "../peers/mod.ts";
import type { Peer } from "../peers/peer.ts";
import { runningPeer } from "../peers/running.ts";
import { WORKLOADS } from "../workloads/mod.ts";
import type { Workload } from "../workloads/workload.ts";

const MIB = 1024 * 1024;
const LEFT_OUT_BY_DEFAULT = /^ours-.*-memory$/;

/** What the command line asked for. */
export interface BenchOptions {
  readonly peers: readonly Peer[];
  readonly workloads: readonly Workload[];
  readonly connections: readonly number[];
  readonly streams: readonly number[];
  readonly streamBytes: number;
  readonly rounds: number;
  /** Length of each measured window; undefined: what the budget allows. */
  readonly seconds: number | undefined;
  readonly budgetSeconds: number;
  readonly directory: string | undefined;
  readonly out: string;
}

/** What `--help` prints. */
export const HELP = `deno task bench [options]

  --servers a,b      ${PEERS.map((peer) => peer.name).join(", ")}
                     (default: all but ours-*-memory; a name may be a prefix: "ours", "ceiling")
  --peer URL         also measure a server that runs already (URL with its prefix); may be repeated
  --workloads a,b    ${WORKLOADS.map((workload) => workload.name).join(", ")} (default: all)
  --connections a,b  for append (default 64,256)
  --streams a,b      for append (default 1,1000)
  --stream-mib N     for catch-up (default 64)
  --rounds N         how often the servers take turns (default 3)
  --seconds S        length of each measured window (default: what fits the budget)
  --budget S         about how long the whole run may take (default 220)
  --dir DIR          where the servers' data go (default: the system's temporary directory)
  --out DIR          where the results are written (default: bench/results/local)
`;

/**
 * Reads the command line.
 *
 * @returns undefined if only help was asked for.
 */
export function readOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      servers: { type: "string" },
      peer: { type: "string", multiple: true, default: [] },
      workloads: { type: "string" },
      connections: { type: "string", default: "64,256" },
      streams: { type: "string", default: "1,1000" },
      "stream-mib": { type: "string", default: "64" },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string" },
      budget: { type: "string", default: "220" },
      dir: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    peers: [
      ...chosen("--servers", PEERS, values.servers, (peer) => !LEFT_OUT_BY_DEFAULT.test(peer.name)),
      ...values.peer.map(runningPeer),
    ],
    workloads: chosen("--workloads", WORKLOADS, values.workloads, () => true),
    connections: values.connections.split(",").map((text) => positive("--connections", text)),
    streams: values.streams.split(",").map((text) => positive("--streams", text)),
    streamBytes: positive("--stream-mib", values["stream-mib"]) * MIB,
    rounds: positive("--rounds", values.rounds),
    seconds: values.seconds === undefined ? undefined : positive("--seconds", values.seconds),
    budgetSeconds: positive("--budget", values.budget),
    directory: values.dir,
    out: values.out ?? new URL("../results/local", import.meta.url).pathname,
  };
}

function chosen<Named extends { readonly name: string }>(
  flag: string,
  all: readonly Named[],
  list: string | undefined,
  byDefault: (one: Named) => boolean,
): readonly Named[] {
  if (list === undefined) return all.filter(byDefault);
  const names = list.split(",").map((name) => name.trim()).filter((name) => name !== "");
  const wanted = names.flatMap((name) => {
    const exact = all.filter((one) => one.name === name);
    const found = exact.length > 0 ? exact : all.filter((one) => one.name.startsWith(`${name}-`));
    if (found.length === 0) {
      throw new Error(
        `${flag} names "${name}"; there are ${all.map((one) => one.name).join(", ")}`,
      );
    }
    return found;
  });
  return [...new Set(wanted)];
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${flag} has to be a number above 0, but is "${text}"`);
  return number;
}
