/**
 * Runs random histories on the simulated disk: `deno task crash --count N | --seconds S | --seed SEED`,
 * with `--first SEED` for the seed to begin with (1) and `--processes N` for how many share them (one for
 * each core); with `--subscriptions` there are subscriptions beside the streams, with `--nats` it is the
 * storage on a made-up JetStream cluster, whose histories aren't shortened. A history that breaks a promise is shortened and printed with its seed, and the exit code
 * is 1; `--seed SEED --keep PARTS` runs the shortened one again.
 */
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { runHistory } from "./history/history.ts";
import { parseParts } from "./history/parts.ts";
import { RARE_KINDS, type RareKind } from "./history/world.ts";
import { report } from "./history/report.ts";
import { runShares } from "./history/shares.ts";
import { runManyNats, runOneNats } from "./nats/run_nats.ts";

/** After so many it is told how many there were. */
const REPORTED_HISTORIES = 250;

const { values } = parseArgs({
  options: {
    count: { type: "string" },
    seconds: { type: "string" },
    seed: { type: "string" },
    keep: { type: "string" },
    first: { type: "string", default: "1" },
    processes: { type: "string" },
    subscriptions: { type: "boolean", default: false },
    nats: { type: "boolean", default: false },
    /** Of how many seeds one is this process's. */
    stride: { type: "string", default: "1" },
  },
});
const seed = wholeNumber("seed", values.seed);
const seconds = wholeNumber("seconds", values.seconds);
const count = wholeNumber("count", values.count) ?? (seconds === undefined ? 10_000 : Infinity);
const first = wholeNumber("first", values.first) ?? 1;
const processes = wholeNumber("processes", values.processes) ?? availableParallelism();
const stride = wholeNumber("stride", values.stride) ?? 1;

const { subscriptions, nats } = values;

if (nats && seed !== undefined) process.exitCode = await runOneNats(seed);
else if (seed !== undefined) process.exitCode = await runOne(seed, values.keep);
else if (processes > 1) {
  process.exitCode = await runShares({ first, count, seconds, processes, subscriptions, nats });
} else if (nats) {
  process.exitCode = await runManyNats({ first, stride, count, seconds: seconds ?? Infinity });
} else process.exitCode = await runMany();

async function runOne(seed: number, keep: string | undefined): Promise<number> {
  const isKept = keep === undefined ? undefined : parseParts(keep);
  const result = await runHistory(seed, isKept, { subscriptions });
  console.log(result.trace.join("\n"));
  console.log(`\n${result.violation?.message ?? "no promise was broken"}`);
  return result.violation === undefined ? 0 : 1;
}

async function runMany(): Promise<number> {
  const startedMs = performance.now();
  const untilMs = startedMs + (seconds ?? Infinity) * 1000;
  let [histories, crashes, faults] = [0, 0, 0];
  const kinds = new Map<RareKind, number>(RARE_KINDS.map((kind) => [kind, 0]));
  while (histories < count && performance.now() < untilMs) {
    const result = await runHistory(first + histories++ * stride, undefined, { subscriptions });
    crashes += result.crashes;
    faults += result.faults;
    for (const kind of result.kinds) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (histories % REPORTED_HISTORIES === 0) console.log(`${histories} histories so far`);
    if (result.violation === undefined) continue;
    console.log(await report(result));
    console.log(`${histories - 1} passed, 1 failed`);
    return 1;
  }
  const tookSeconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(`${crashes} crashes and kills, ${faults} faults, ${tookSeconds} s`);
  for (const [kind, count] of kinds) console.log(`${count} histories with ${kind}`);
  console.log(`${histories} passed, 0 failed`);
  return 0;
}

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`--${flag} is ${JSON.stringify(text)}, and should be a whole number from 0 on.`);
  process.exit(2);
}
