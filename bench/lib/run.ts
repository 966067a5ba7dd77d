import type { Measurement } from "../generator/commands.ts";
import type { Peer, PeerContext } from "../peers/peer.ts";
import type { Case, Workload } from "../workloads/workload.ts";
import type { Cleanup } from "./cleanup.ts";
import { complaint } from "./complaint.ts";
import type { Generator } from "./generator.ts";
import type { BenchOptions } from "./options.ts";
import type { Pinning } from "./pinning.ts";
import { type RunningServer, settle, startServer } from "./server.ts";

const FIRST_WARM_SECONDS = 0.7;
const WARM_SECONDS = 0.25;
const MIN_SECONDS = 0.3;
const MAX_SECONDS = 3;
// Measured on a two-core machine; only how long the default run takes depends on them.
const START_OVERHEAD_SECONDS = 1.2;
const CASE_OVERHEAD_SECONDS = 0.6;

/** One measurement of one server, in one round. */
export interface Sample {
  readonly workload: string;
  readonly case: string;
  readonly server: string;
  readonly round: number;
  readonly measurement: Measurement;
  /** CPU the server used after the window until it was idle, for window and warm-up together. */
  readonly afterCpuMicros: number | undefined;
  /** Share of the load that the window saw: the rest was warm-up. */
  readonly windowShare: number;
}

/** A server or a case of it that could not be measured. */
export interface Failure {
  readonly server: string;
  readonly case: string | undefined;
  readonly reason: string;
}

/** All that a run saw. */
export interface RunResult {
  readonly samples: readonly Sample[];
  readonly failures: readonly Failure[];
  readonly roundsDone: number;
  readonly windowSeconds: number;
}

/** What a run works with. */
export interface RunEnvironment {
  readonly context: PeerContext;
  readonly pinning: Pinning | undefined;
  readonly generator: Generator;
  readonly cleanup: Cleanup;
}

/** How long each window may be so that the whole run stays within its budget. */
export function windowSeconds(options: BenchOptions, caseCount: number): number {
  if (options.seconds !== undefined) return options.seconds;
  const starts = options.peers.length * options.rounds;
  const overhead = starts * START_OVERHEAD_SECONDS +
    starts * caseCount * (WARM_SECONDS + CASE_OVERHEAD_SECONDS);
  const seconds = (options.budgetSeconds - overhead) / (starts * caseCount);
  return Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, Math.round(seconds * 100) / 100));
}

/**
 * Runs every case against every server, the servers taking turns: one round is each server once, with a
 * process and a directory of its own, through all cases.
 */
export async function runRounds(
  options: BenchOptions,
  environment: RunEnvironment,
): Promise<RunResult> {
  const cases = options.workloads.flatMap((workload) =>
    workload.cases(options).map((one) => ({ workload, case: one }))
  );
  const seconds = windowSeconds(options, cases.length);
  const run = new Run(options, environment, cases, seconds);
  const begun = performance.now();
  let round = 0;
  for (; round < options.rounds; round++) {
    // Half a round more than the budget is better than a table with one round.
    if (performance.now() - begun > options.budgetSeconds * 1000) break;
    for (const peer of options.peers) await run.turn(peer, round);
  }
  return {
    samples: run.samples,
    failures: run.failures,
    roundsDone: round,
    windowSeconds: seconds,
  };
}

interface PlannedCase {
  readonly workload: Workload;
  readonly case: Case;
}

class Run {
  readonly samples: Sample[] = [];
  readonly failures: Failure[] = [];
  readonly #options: BenchOptions;
  readonly #environment: RunEnvironment;
  readonly #cases: readonly PlannedCase[];
  readonly #seconds: number;

  constructor(
    options: BenchOptions,
    environment: RunEnvironment,
    cases: readonly PlannedCase[],
    seconds: number,
  ) {
    this.#options = options;
    this.#environment = environment;
    this.#cases = cases;
    this.#seconds = seconds;
  }

  /** One server's turn in a round. */
  async turn(peer: Peer, round: number): Promise<void> {
    if (this.#failed(peer, undefined)) return;
    progress(`round ${round + 1}/${this.#options.rounds}: ${peer.name}`);
    const { context, pinning, cleanup } = this.#environment;
    let server: RunningServer;
    try {
      server = await startServer(peer, context, pinning?.server, cleanup, this.#options.directory);
    } catch (error) {
      this.#fail(peer, undefined, error);
      return;
    }
    let warmSeconds = FIRST_WARM_SECONDS;
    for (const planned of this.#cases) {
      if (this.#failed(peer, planned.case.name)) continue;
      try {
        this.samples.push(await this.#measure(peer, server, planned, round, warmSeconds));
        warmSeconds = WARM_SECONDS;
      } catch (error) {
        this.#fail(peer, planned.case.name, error);
      }
    }
    await server.stop();
  }

  async #measure(
    peer: Peer,
    server: RunningServer,
    planned: PlannedCase,
    round: number,
    warmSeconds: number,
  ): Promise<Sample> {
    const { generator } = this.#environment;
    const seconds = this.#seconds;
    const measurement = await planned.case.run({ generator, server, seconds, warmSeconds });
    return {
      workload: planned.workload.name,
      case: planned.case.name,
      server: peer.name,
      round,
      measurement,
      afterCpuMicros: await settle(server.pid),
      windowShare: seconds / (seconds + warmSeconds),
    };
  }

  #failed(peer: Peer, caseName: string | undefined): boolean {
    return this.failures.some((one) => one.server === peer.name && one.case === caseName);
  }

  #fail(peer: Peer, caseName: string | undefined, error: unknown): void {
    const reason = complaint(error);
    this.failures.push({ server: peer.name, case: caseName, reason });
    progress(`${peer.name}${caseName === undefined ? "" : `, ${caseName}`}: ${reason}`);
  }
}

function progress(text: string): void {
  console.error(text);
}
