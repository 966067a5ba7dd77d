import process from "node:process";
import { runHistory } from "./history/history.ts";
import { report } from "./history/report.ts";

/**
 * Some random histories on a disk that fails, every second one with subscriptions; `deno task crash` runs
 * more of them. `CRASH_SECONDS` says
 * for how long (10).
 */
const seconds = Number(process.env["CRASH_SECONDS"] ?? 10);

Deno.test("whatever happens, what was acknowledged is there, once and in order", async () => {
  const untilMs = performance.now() + seconds * 1000;
  const first = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  let [histories, crashes, faults] = [0, 0, 0];
  while (performance.now() < untilMs) {
    const options = { subscriptions: histories % 2 === 1 };
    const result = await runHistory(first + histories++, undefined, options);
    crashes += result.crashes;
    faults += result.faults;
    if (result.violation !== undefined) throw new Error(await report(result));
  }
  console.log(`${histories} histories, ${crashes} crashes and kills, ${faults} faults`);
});
