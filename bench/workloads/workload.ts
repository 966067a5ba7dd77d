import type { Measurement } from "../generator/commands.ts";
import type { Generator } from "../processes/generator.ts";
import type { RunningServer } from "../processes/server.ts";
import type { Protocol } from "../peers/peer.ts";

/** A case's run against one started server. */
export interface Trial {
  readonly generator: Generator;
  readonly server: RunningServer;
  /** How long the measured window is. */
  readonly seconds: number;
  /** How long before it the same load runs unmeasured. */
  readonly warmSeconds: number;
}

/** Which runs a case is part of: the default one, `--all`, or only one that names it. */
export type Selection = "default" | "all" | "named";

/** How a case wants its server started; cases that want the same share one process. */
export interface ServerSetup {
  /** The most that one read is to return. */
  readonly chunkBytes?: number;
  /** Flags of this project's server, beside those of the command line: only that can take part. */
  readonly oursArgs?: readonly string[];
  /** Whether the server's process and directory are this case's alone. */
  readonly fresh?: boolean;
}

/** One line of load: it makes the streams it needs, then measures. */
export interface Case {
  /** `WORKLOAD/PART-PART-…`, what `--only` names. */
  readonly id: string;
  /** What the table's heading says. */
  readonly title: string;
  readonly selection: Selection;
  readonly setup?: ServerSetup;
  /** What its servers speak; HTTP where nothing is said. */
  readonly protocols?: readonly Protocol[];
  /** Whether handlers without an engine have nothing to answer it with. */
  readonly needsEngine?: boolean;
  /** Whether it takes a server with webhooks. */
  readonly needsWebhooks?: boolean;
  /** Whether the load is made in the server's own process, by servers that are made for it. */
  readonly inProcess?: boolean;
  /** Whether the server is started again and has to know what it was told. */
  readonly restarts?: boolean;
  /** Whether one round is enough, because it takes long. */
  readonly onceOnly?: boolean;
  /** Whether it is the first in its process: those that follow find compiled code. */
  readonly warmsUp?: boolean;
  /** How long it takes beside its window, where that is more than a moment. */
  readonly extraSeconds?: number;
  /** How long its window is, where that isn't the run's. */
  readonly seconds?: number;
  run(trial: Trial): Promise<Measurement>;
}

/** What a workload's cases are made from. */
export interface WorkloadOptions {
  /** For append; undefined: the whole matrix. */
  readonly connections: readonly number[] | undefined;
  readonly streams: readonly number[] | undefined;
  /** How large the stream is that readers catch up with. */
  readonly streamBytes: number;
  /** How long the steady load lasts. */
  readonly steadySeconds: number;
}

/** A kind of load, with what its figures are called. */
export interface Workload {
  readonly name: string;
  /** What is counted a second. */
  readonly rateUnit: string;
  /** Whether the rate is given: then what it costs and how long it takes is what servers differ in. */
  readonly paced?: boolean;
  /** What the server's CPU time and writes are divided by. */
  readonly unit: string;
  cases(options: WorkloadOptions): readonly Case[];
}
