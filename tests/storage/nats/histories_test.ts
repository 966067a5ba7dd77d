import process from "node:process";
import { flakyStorages, type Flaw } from "../../crash/nats/flaky_storage.ts";
import { reportNats, runNatsHistory } from "../../crash/nats/nats_history.ts";
import { openStorage } from "../../crash/nats/open_storage.ts";

/**
 * Some random histories of several front ends over one cluster with faults; `deno task crash --nats` runs
 * more of them. `CRASH_SECONDS` says for how long (5), `TESTS_SEED` with which seed to begin.
 */
const SECONDS = Number(process.env["CRASH_SECONDS"] ?? 5);
const FIRST_SEED = Number(
  process.env["TESTS_SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
);
/** In so many histories a storage that is wrong now and then is found out. */
const ENOUGH = 300;
const WITHOUT_FLAW = 60;

Deno.test("whatever happens to the cluster, what was acknowledged is there, once and in order, through every front end", async () => {
  const untilMs = performance.now() + SECONDS * 1000;
  let [histories, kills, faults] = [0, 0, 0];
  while (performance.now() < untilMs) {
    const result = await runNatsHistory(FIRST_SEED + histories++, openStorage);
    kills += result.counts.kills;
    faults += result.faults;
    if (result.violation !== undefined) throw new Error(reportNats(result));
  }
  console.log(`${histories} histories, ${kills} front ends killed, ${faults} faults`);
});

Deno.test("the histories find nothing in front ends that do one thing after the other", async () => {
  for (let seed = 1; seed <= WITHOUT_FLAW; seed++) {
    const result = await runNatsHistory(seed, flakyStorages("none"));
    if (result.violation !== undefined) throw new Error(reportNats(result));
  }
});

const FLAWS: readonly Flaw[] = [
  "a stale head",
  "an answer before the append",
  "an append twice",
  "a lost append",
  "a stale read",
  "a missed wake-up",
];

for (const flaw of FLAWS) {
  Deno.test(`the histories find ${flaw}`, async () => {
    for (let seed = 1; seed <= ENOUGH; seed++) {
      const { violation } = await runNatsHistory(seed, flakyStorages(flaw));
      if (violation !== undefined) return;
    }
    throw new Error(`${ENOUGH} histories, and nothing was found`);
  });
}
