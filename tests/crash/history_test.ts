import process from "node:process";
import { type HistoryResult, runHistory } from "./history/history.ts";

/**
 * Random histories on a disk that fails: `CRASH_SECONDS` says for how long (20), and `SEED` runs the one
 * history of that seed.
 */
const seconds = Number(process.env["CRASH_SECONDS"] ?? 20);
const onlySeed = process.env["SEED"];

Deno.test("whatever happens, what was acknowledged is there, once and in order", async () => {
  const untilMs = performance.now() + seconds * 1000;
  const first = onlySeed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0 : 0;
  let [histories, crashes, faults] = [0, 0, 0];
  while (performance.now() < untilMs) {
    const result = await runHistory(onlySeed === undefined ? first + histories : Number(onlySeed));
    histories++;
    crashes += result.crashes;
    faults += result.faults;
    if (result.violation !== undefined) throw new Error(report(result));
    if (onlySeed !== undefined) break;
  }
  console.log(`${histories} histories, ${crashes} crashes and kills, ${faults} faults`);
});

function report({ seed, trace, violation }: HistoryResult): string {
  return `${trace.join("\n")}\n\n${violation?.message}\n\n` +
    `Again: SEED=${seed} deno test -A tests/crash/history_test.ts`;
}
