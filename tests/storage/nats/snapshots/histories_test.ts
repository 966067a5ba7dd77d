import process from "node:process";
import { openStorage } from "../../../crash/nats/open_storage.ts";
import { runSnapshotHistory } from "../../../crash/nats/snapshot_history.ts";

/** `CRASH_SECONDS` says for how long (2), `TESTS_SEED` with which seed to begin. */
const SECONDS = Number(process.env["CRASH_SECONDS"] ?? 2);
const FIRST_SEED = Number(
  process.env["TESTS_SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
);
/** The same each time: planted bugs are found in so many. */
const SAME_SEEDS = 25;

async function check(seed: number): Promise<void> {
  const { violation, trace } = await runSnapshotHistory(seed, openStorage);
  if (violation === undefined) return;
  throw new Error(`${trace.join("\n")}\n\n${violation.message}\n\nTESTS_SEED=${seed}`);
}

Deno.test("whatever happens to the cluster, a snapshot is the old one or the new one, whole, and nothing is left", async () => {
  for (let seed = 1; seed <= SAME_SEEDS; seed++) await check(seed);
});

Deno.test("the same of snapshots by a seed of its own each time", async () => {
  const untilMs = performance.now() + SECONDS * 1000;
  let histories = 0;
  while (performance.now() < untilMs) await check(FIRST_SEED + histories++);
  console.log(`${histories} histories of snapshots`);
});
