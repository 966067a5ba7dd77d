import type { Measurement } from "../generator/commands.ts";
import type { Generator } from "../lib/generator.ts";
import type { RunningServer } from "../lib/server.ts";

/** A case's run against one started server. */
export interface Trial {
  readonly generator: Generator;
  readonly server: RunningServer;
  /** How long the measured window is. */
  readonly seconds: number;
  /** How long before it the same load runs unmeasured. */
  readonly warmSeconds: number;
}

/** One line of load: it makes the streams it needs, then measures. */
export interface Case {
  readonly name: string;
  run(trial: Trial): Promise<Measurement>;
}

/** What a workload's cases are made from. */
export interface WorkloadOptions {
  readonly connections: readonly number[];
  readonly streams: readonly number[];
  readonly streamBytes: number;
}

/** A kind of load, with what its figures are called. */
export interface Workload {
  readonly name: string;
  /** What is counted a second. */
  readonly rateUnit: string;
  /** What the server's CPU time is divided by. */
  readonly cpuUnit: string;
  cases(options: WorkloadOptions): readonly Case[];
}
