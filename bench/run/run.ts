import type { Measurement } from "../generator/commands.ts";
import type { Peer, PeerContext } from "../peers/peer.ts";
import type { Cleanup } from "../processes/cleanup.ts";
import { errorText } from "../system/error_text.ts";
import { type Generator, GeneratorEnded } from "../processes/generator.ts";
import type { BenchOptions } from "./options.ts";
import type { Pinning } from "../system/pinning.ts";
import {
  type CaseGroup,
  estimate,
  FIRST_WARM_SECONDS,
  groupsOf,
  roundsThatFit,
  WARM_SECONDS,
  windowSeconds,
} from "./plan.ts";
import type { PlannedCase } from "./selection.ts";
import { type RunningServer, startServer, waitUntilIdle } from "../processes/server.ts";

/** How far past its budget a run goes at most before it starts nothing more. */
const BUDGET_SLACK = 1.1;

/** One measurement of one server, in one round. */
export interface Sample {
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
  readonly context: Pick<PeerContext, "deno" | "bun" | "streamBytes" | "oursArgs">;
  /** Where each peer's `program` is. */
  readonly programs: ReadonlyMap<string, string>;
  readonly pinning: Pinning | undefined;
  readonly generator: Generator;
  readonly cleanup: Cleanup;
}

/**
 * Runs every case against every server, the servers taking turns: one round is each server once, with a
 * process and a directory of its own.
 */
export async function runRounds(
  options: BenchOptions,
  environment: RunEnvironment,
  peers: readonly Peer[],
): Promise<RunResult> {
  const { cases, budgetSeconds } = options;
  const rounds = roundsThatFit(peers, cases, options.rounds, budgetSeconds);
  const estimated = estimate(peers, cases, rounds);
  const seconds = options.seconds ?? windowSeconds(estimated, budgetSeconds);
  const minutes = (estimated.fixedSeconds + estimated.windows * seconds) / 60;
  progress(
    `${rounds} rounds with windows of ${seconds} s, about ${minutes.toFixed(1)} minutes` +
      (rounds < options.rounds ? `; more rounds don't fit --budget ${budgetSeconds}` : ""),
  );
  const run = new Run(options, environment, rounds, seconds);
  const begun = performance.now();
  let round = 0;
  for (; round < rounds; round++) {
    // Half a round more than the budget is better than a table with one round.
    if (performance.now() - begun > options.budgetSeconds * 1000) break;
    try {
      for (const peer of peers) await run.turn(peer, round);
    } catch (error) {
      if (!(error instanceof GeneratorEnded)) throw error;
      run.failures.push({ server: "all that follow", case: undefined, reason: error.message });
      break;
    }
  }
  return {
    samples: run.samples,
    failures: run.failures,
    roundsDone: round,
    windowSeconds: seconds,
  };
}

class Run {
  readonly samples: Sample[] = [];
  readonly failures: Failure[] = [];
  readonly #options: BenchOptions;
  readonly #environment: RunEnvironment;
  readonly #rounds: number;
  readonly #seconds: number;
  readonly #latestMillis: number;

  constructor(options: BenchOptions, environment: RunEnvironment, rounds: number, seconds: number) {
    this.#options = options;
    this.#environment = environment;
    this.#rounds = rounds;
    this.#seconds = seconds;
    this.#latestMillis = performance.now() + options.budgetSeconds * 1000 * BUDGET_SLACK;
  }

  /** One server's turn in a round. */
  async turn(peer: Peer, round: number): Promise<void> {
    progress(`round ${round + 1}/${this.#rounds}: ${peer.name}`);
    let skipped = 0;
    for (const group of groupsOf(peer, this.#options.cases, round)) {
      if (this.#failed(peer, undefined)) return;
      if (performance.now() > this.#latestMillis) {
        skipped += group.cases.length;
        continue;
      }
      await this.#runGroup(peer, group, round);
    }
    if (round > 0 || skipped === 0) return;
    this.#fail(
      peer,
      undefined,
      new Error(`the time (--budget) was up, with ${skipped} cases left`),
    );
  }

  async #runGroup(peer: Peer, group: CaseGroup, round: number): Promise<void> {
    const left = group.cases.filter((planned) => !this.#failed(peer, planned.case.id));
    if (left.length === 0) return;
    const { context, programs, pinning, cleanup } = this.#environment;
    let server: RunningServer;
    try {
      server = await startServer({
        peer,
        context: {
          ...context,
          chunkBytes: group.chunkBytes,
          oursArgs: [...context.oursArgs, ...group.oursArgs],
          program: programs.get(peer.program?.name ?? "") ?? "",
        },
        core: pinning?.server,
        cleanup,
        parent: this.#options.directory,
      });
    } catch (error) {
      this.#fail(peer, undefined, error);
      return;
    }
    let warmSeconds = FIRST_WARM_SECONDS;
    for (const planned of left) {
      try {
        this.samples.push(await this.#measure(peer, server, planned, round, warmSeconds));
        warmSeconds = WARM_SECONDS;
      } catch (error) {
        if (error instanceof GeneratorEnded) throw error;
        this.#fail(peer, planned.case.id, error);
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
    const seconds = planned.case.seconds ?? this.#seconds;
    const measurement = await planned.case.run({ generator, server, seconds, warmSeconds });
    return {
      case: planned.case.id,
      server: peer.name,
      round,
      measurement,
      afterCpuMicros: await waitUntilIdle(server.watched.pid),
      windowShare: seconds / (seconds + warmSeconds),
    };
  }

  #failed(peer: Peer, caseId: string | undefined): boolean {
    return this.failures.some((one) => one.server === peer.name && one.case === caseId);
  }

  #fail(peer: Peer, caseId: string | undefined, error: unknown): void {
    const reason = errorText(error);
    this.failures.push({ server: peer.name, case: caseId, reason });
    progress(`${peer.name}${caseId === undefined ? "" : `, ${caseId}`}: ${reason}`);
  }
}

function progress(text: string): void {
  console.error(text);
}
