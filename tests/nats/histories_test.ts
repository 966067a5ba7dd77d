import { ok } from "node:assert/strict";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { checkHistory, shortenHistory } from "../linearizability/checker.ts";
import { runClients } from "../linearizability/history.ts";
import { describeCall } from "../linearizability/operation.ts";
import { natsTest } from "../support/nats/find_nats_server.ts";
import { NatsCluster } from "../support/nats/nats_cluster.ts";
import { FrontEnds } from "./front_ends.ts";

/**
 * Clients that ask two front ends by turns, while servers and front ends are killed and stand still: one
 * order explains all that they are answered. `SEED` says with which history to begin.
 */

const FIRST_SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));
const LEAST_HISTORIES = 50;
const LIMIT_MS = 60_000;
/** So many at once: while there is no leader, all of them wait. */
const AT_ONCE = 5;
const LOG = "DS_DATA_1";

natsTest(
  "one order explains what clients of two front ends are answered under faults",
  async () => {
    await using cluster = await NatsCluster.start({ servers: 3 });
    const flags = ["--shards", "1", "--long-poll-timeout", "5ms"];
    await using frontEnds = await FrontEnds.start(cluster, flags);
    let over = false;
    const faults = faultsUntil(cluster, frontEnds, () => over);
    const tally = { histories: 0, calls: 0, withoutOutcome: 0, undecided: 0 };
    const endMs = performance.now() + LIMIT_MS;
    let seed = FIRST_SEED;
    const one = async () => {
      while (tally.histories < LEAST_HISTORIES && performance.now() < endMs) {
        await runHistory(frontEnds, seed++, tally);
      }
    };
    try {
      await Promise.race([faults, Promise.all(Array.from({ length: AT_ONCE }, one))]);
    } finally {
      over = true;
      await faults;
    }
    console.log(tally);
    ok(tally.histories >= LEAST_HISTORIES, `${tally.histories} histories`);
    ok(tally.undecided * 3 <= tally.histories, `${tally.undecided} are too entangled`);
  },
);

interface Tally {
  histories: number;
  calls: number;
  withoutOutcome: number;
  undecided: number;
}

async function runHistory(frontEnds: FrontEnds, seed: number, tally: Tally): Promise<void> {
  const send = async (path: string, init: RequestInit) => {
    const response = await frontEnds.fetch(path, init);
    if (response.status < 500) return response;
    await response.body?.cancel();
    throw new Error(`${response.status}`);
  };
  const calls = await runClients(seed, { send, prefix: `history-${seed}`, mayFail: true });
  tally.histories++;
  tally.calls += calls.length;
  tally.withoutOutcome += calls.filter(({ response }) => response === undefined).length;
  const verdict = checkHistory(calls);
  if (verdict === "undecided") tally.undecided++;
  if (verdict !== "not linearizable") return;
  const lines = shortenHistory(calls).map(describeCall).join("\n");
  throw new Error(`SEED=${seed}: no order of these calls explains their answers:\n${lines}`);
}

/** One fault after the other, each healed. */
async function faultsUntil(
  cluster: NatsCluster,
  frontEnds: FrontEnds,
  isOver: () => boolean,
): Promise<void> {
  for (let fault = 0; !isOver(); fault++) {
    await sleep(500);
    const leader = cluster.server(await cluster.leaderOf(LOG));
    if (fault % 3 === 0) {
      await leader.kill();
      await sleep(500);
      leader.start();
    } else if (fault % 3 === 1) {
      leader.pause();
      await sleep(3_000);
      leader.resume();
    } else {
      const index = fault % frontEnds.count;
      await frontEnds.kill(index);
      await frontEnds.restart(index);
    }
    await cluster.ready();
  }
}
