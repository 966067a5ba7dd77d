import { Violation } from "../history/violation.ts";
import { stackOf } from "./answer.ts";
import type { OpenStorage } from "./front_end.ts";
import { runLinearHistory } from "./linear_history.ts";
import { runLongHistory } from "./long_history.ts";
import { type Counts, NatsWorld } from "./nats_world.ts";

/** How a history went. */
export interface NatsHistoryResult {
  readonly seed: number;
  /** What was wrong; undefined where all was right. */
  readonly violation: Violation | undefined;
  readonly trace: readonly string[];
  readonly counts: Counts;
  readonly faults: number;
  readonly isUndecided: boolean;
}

/** Runs the history of a seed: two of three are short, and checked for linearizability. */
export async function runNatsHistory(seed: number, open: OpenStorage): Promise<NatsHistoryResult> {
  const world = new NatsWorld(seed, open);
  let violation: Violation | undefined;
  let isUndecided = false;
  try {
    if (seed % 3 === 0) await runLongHistory(world);
    else isUndecided = await runLinearHistory(world) === "undecided";
  } catch (error) {
    violation = error instanceof Violation
      ? error
      : new Violation(`The history stopped: ${stackOf(error)}`);
  }
  world.end();
  const { trace, counts, cluster: { faults } } = world;
  return { seed, violation, trace, counts, faults, isUndecided };
}

/** What is told of a history that breaks a promise. */
export function reportNats({ seed, violation, trace }: NatsHistoryResult): string {
  return `${trace.join("\n")}\n\n${violation?.message}\n\n` +
    `Again: deno task crash --nats --seed ${seed}\n`;
}
