import { parseArgs } from "node:util";
import { PEERS } from "../peers/mod.ts";
import type { Peer } from "../peers/peer.ts";
import { runningPeer } from "../peers/running.ts";
import { WORKLOADS } from "../workloads/mod.ts";
import { type PlannedCase, selectCases } from "./selection.ts";

const MIB = 1024 * 1024;

/** What the command line asked for. */
export interface BenchOptions {
  readonly peers: readonly Peer[];
  readonly cases: readonly PlannedCase[];
  readonly streamBytes: number;
  readonly rounds: number;
  /** Length of each measured window; undefined: what the budget allows. */
  readonly seconds: number | undefined;
  readonly budgetSeconds: number;
  /** Programs that the command line named, by their peer's `program`. */
  readonly programs: Readonly<Record<string, string | undefined>>;
  /** Flags for this project's server. */
  readonly oursArgs: readonly string[];
  /** Whether server and load are held to a core each. */
  readonly pinned: boolean;
  readonly directory: string | undefined;
  readonly out: string;
}

/** What `--help` prints. */
export const HELP = `deno task bench [options]

  --only WORKLOAD[/CASE]   what is measured; may be repeated, or be a list with commas. CASE is a
                           case's name or parts of it: append/64c, append/64KiB-json-plain-16c-1s
  --all                    every case and every server, for hours
  --list                   print the cases' names and end
  --servers a,b            ${wrap(listed().map((peer) => peer.name))},
                           or those on NATS (bench/README.md): ours-RUNTIME-nats-SETTING[-2x],
                           ceiling-RUNTIME-nats-SETTING, and storage, port, library and
                           wire-RUNTIME-SETTING, SETTING being r1-always, …
                           a name may be a prefix: "ours", "ceiling"
                           (default: all but ${
  names(listed().filter((peer) => !peer.byDefault))
}, and those on NATS)
  --peer URL               also measure a server that runs already (URL with its prefix); may be repeated
  --native, --redis, --nats PATH
                           these programs, where they aren't in PATH
  --connections a,b        append: these numbers of connections
  --streams a,b            append: these numbers of streams
  --stream-mib N           catch-up: the stream's size (default 64; 1024 with --all)
  --minutes N              steady: how long (default 0.2; 10 with --all)
  --ours-args "…"          more flags for this project's server
  --not-pinned             don't hold server and load to a core each
  --rounds N               how often the servers take turns (default 3)
  --seconds S              length of each measured window (default: what fits the budget)
  --budget S               about how long the whole run may take (default 1080; with --all no limit)
  --dir DIR                where the servers' data go (default: the system's temporary directory)
  --out DIR                where the results are written (default: bench/results/local)

workloads: ${WORKLOADS.map((workload) => workload.name).join(", ")}
`;

/** What the command line asks for, where that isn't a run. */
export type ParsedOptions = BenchOptions | "help" | "list";

/**
 * Reads the command line.
 *
 * @throws {Error} naming the flag and what would be right
 */
export function readOptions(args: readonly string[]): ParsedOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true, default: [] },
      all: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      servers: { type: "string" },
      peer: { type: "string", multiple: true, default: [] },
      native: { type: "string" },
      redis: { type: "string" },
      nats: { type: "string" },
      connections: { type: "string" },
      streams: { type: "string" },
      "stream-mib": { type: "string" },
      minutes: { type: "string" },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string" },
      budget: { type: "string" },
      "ours-args": { type: "string", default: "" },
      "not-pinned": { type: "boolean", default: false },
      dir: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  if (values.list) return "list";
  const { all } = values;
  const streamMib = positive("--stream-mib", values["stream-mib"] ?? (all ? "1024" : "64"));
  const minutes = positive("--minutes", values.minutes ?? (all ? "10" : "0.2"));
  const workloadOptions = {
    connections: counts("--connections", values.connections),
    streams: counts("--streams", values.streams),
    streamBytes: streamMib * MIB,
    steadySeconds: minutes * 60,
  };
  return {
    peers: [...chosenPeers(values.servers, all), ...values.peer.map(runningPeer)],
    cases: selectCases(WORKLOADS, workloadOptions, values.only, all),
    streamBytes: streamMib * MIB,
    rounds: count("--rounds", values.rounds),
    seconds: values.seconds === undefined ? undefined : positive("--seconds", values.seconds),
    budgetSeconds: all && values.budget === undefined
      ? Infinity
      : positive("--budget", values.budget ?? "1080"),
    programs: {
      native: values.native,
      redis: values.redis,
      nats: values.nats,
      "nats-cluster": values.nats,
    },
    oursArgs: values["ours-args"].split(/\s+/).filter((arg) => arg !== ""),
    pinned: !values["not-pinned"],
    directory: values.dir,
    out: values.out ?? new URL("../results/local", import.meta.url).pathname,
  };
}

function chosenPeers(list: string | undefined, all: boolean): readonly Peer[] {
  if (list === undefined) {
    return PEERS.filter((peer) => peer.byDefault || (all && peer.cluster === undefined));
  }
  const asked = list.split(",").map((name) => name.trim()).filter((name) => name !== "");
  const wanted = asked.flatMap((name) => {
    const exact = PEERS.filter((peer) => peer.name === name);
    const family = PEERS.filter((peer) => peer.name.startsWith(`${name}-`));
    const usual = family.filter((peer) => peer.byDefault);
    const found = [exact, usual].find(({ length }) => length > 0) ?? family;
    if (found.length === 0) {
      throw new Error(`--servers names "${name}"; there are ${names(listed())} and those on NATS`);
    }
    return found;
  });
  return [...new Set(wanted)];
}

/** Those on NATS are too many to be named one by one. */
function listed(): readonly Peer[] {
  return PEERS.filter((peer) => peer.cluster === undefined);
}

function names(peers: readonly Peer[]): string {
  return peers.map((peer) => peer.name).join(", ");
}

function wrap(all: readonly string[]): string {
  const half = Math.ceil(all.length / 2);
  return `${all.slice(0, half).join(", ")},\n${" ".repeat(27)}${all.slice(half).join(", ")}`;
}

function counts(flag: string, list: string | undefined): readonly number[] | undefined {
  return list?.split(",").map((text) => count(flag, text));
}

function count(flag: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`${flag} has to be a whole number above 0, but is "${text}"`);
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  if (number > 0 && number < Infinity) return number;
  throw new Error(`${flag} has to be a number above 0, but is "${text}"`);
}
