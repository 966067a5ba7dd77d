/**
 * Runs random histories on the simulated disk: `deno task crash --count N | --seconds S | --seed SEED`,
 * with `--first SEED` for the seed to begin with (1). A history that breaks a promise is printed with its
 * seed, and the exit code is 1. Only one process: run two with different first seeds for two cores.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { runHistory } from "./history/history.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string" },
    seconds: { type: "string" },
    seed: { type: "string" },
    first: { type: "string", default: "1" },
  },
});
const first = wholeNumber("seed", values.seed) ?? wholeNumber("first", values.first) ?? 1;
const seconds = wholeNumber("seconds", values.seconds);
const withoutCount = values.seed !== undefined ? 1 : seconds === undefined ? 10_000 : Infinity;
const count = wholeNumber("count", values.count) ?? withoutCount;
const startedMs = performance.now();
const untilMs = startedMs + (seconds ?? Infinity) * 1000;
let [histories, crashes, faults] = [0, 0, 0];
while (histories < count && performance.now() < untilMs) {
  const result = await runHistory(first + histories++);
  crashes += result.crashes;
  faults += result.faults;
  if (result.violation === undefined) continue;
  const { seed, trace, violation } = result;
  console.log(
    `${trace.join("\n")}\n\n${violation.message}\n\nAgain: deno task crash --seed ${seed}`,
  );
  process.exit(1);
}
const tookSeconds = Math.round((performance.now() - startedMs) / 1000);
console.log(
  `${histories} histories, ${crashes} crashes and kills, ${faults} faults, ${tookSeconds} s`,
);

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`--${flag} is ${JSON.stringify(text)}, and should be a whole number from 0 on.`);
  process.exit(2);
}
