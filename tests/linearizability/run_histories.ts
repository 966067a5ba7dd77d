import { checkHistory, shortenHistory } from "./checker.ts";
import type { Send } from "./client.ts";
import { runClients } from "./history.ts";
import { describeCall } from "./operation.ts";

/** What came of histories on one server. */
export interface Tally {
  histories: number;
  calls: number;
  undecided: number;
}

/**
 * Runs histories until a time, and at least so many; throws at the first that no order of its calls explains, with the calls
 * that contradict each other.
 */
export async function runHistories(
  send: Send,
  firstSeed: number,
  untilMs: number,
  least = 0,
): Promise<Tally> {
  const tally = { histories: 0, calls: 0, undecided: 0 };
  for (let seed = firstSeed; performance.now() < untilMs || tally.histories < least; seed++) {
    const calls = await runClients(seed, { send, prefix: `history-${seed}` });
    const verdict = checkHistory(calls);
    tally.histories++;
    tally.calls += calls.length;
    if (verdict === "undecided") tally.undecided++;
    if (verdict !== "not linearizable") continue;
    const lines = shortenHistory(calls).map(describeCall).join("\n");
    throw new Error(`SEED=${seed}: no order of these calls explains their answers:\n${lines}`);
  }
  return tally;
}
