import { openStorage } from "./open_storage.ts";
import { type NatsHistoryResult, reportNats, runNatsHistory } from "./nats_history.ts";

/** Which histories are run. */
export interface NatsRun {
  readonly first: number;
  readonly stride: number;
  readonly count: number;
  readonly seconds: number;
}

const REPORTED_HISTORIES = 250;

/** Runs one history and prints it step by step; the exit code. */
export async function runOneNats(seed: number): Promise<number> {
  const result = await runNatsHistory(seed, openStorage);
  console.log(
    result.violation === undefined
      ? `${result.trace.join("\n")}\n\nno promise was broken`
      : reportNats(result),
  );
  return result.violation === undefined ? 0 : 1;
}

/** Runs histories, up to the first that breaks a promise, and prints that; the exit code. */
export async function runManyNats({ first, stride, count, seconds }: NatsRun): Promise<number> {
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  const total = { histories: 0, kills: 0, faults: 0, undecided: 0 };
  while (total.histories < count && performance.now() < untilMs) {
    const result = await runNatsHistory(first + total.histories * stride, openStorage);
    add(total, result);
    if (total.histories % REPORTED_HISTORIES === 0) {
      console.log(`${total.histories} histories so far`);
    }
    if (result.violation === undefined) continue;
    console.log(reportNats(result));
    console.log(`${total.histories - 1} passed, 1 failed`);
    return 1;
  }
  const tookSeconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(
    `${total.kills} crashes and kills, ${total.faults} faults, ${total.undecided} too entangled, ` +
      `${tookSeconds} s`,
  );
  console.log(`${total.histories} passed, 0 failed`);
  return 0;
}

function add(
  total: { histories: number; kills: number; faults: number; undecided: number },
  { counts, faults, isUndecided }: NatsHistoryResult,
): void {
  total.histories++;
  total.kills += counts.kills;
  total.faults += faults + counts.disconnects + counts.lostQuorums + counts.stalls;
  if (isUndecided) total.undecided++;
}
