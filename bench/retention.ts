/**
 * What retention by age costs appends: many streams on disk, appended to in turn at a steady pace, in windows
 * without and with retention by turns. Progress goes to stderr, the figures are JSON.
 *
 *     deno run -A -c deno.json bench/retention.ts --help
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openFileStorage } from "../src/storage/file/open.ts";
import type { Storage } from "../src/storage/storage.ts";
import { withTempDir } from "./temp_dir.ts";
import { PacedAppends, type PacedFigures } from "./in_process/paced_appends.ts";

const HELP = `deno run -A -c deno.json bench/retention.ts [flags]      (or bun bench/retention.ts)

  --streams N     streams that are there (100000)
  --rate N        appends a second, to the streams in turn (20000)
  --bytes N       bytes of an append, at most 4096 (256)
  --age N         seconds that retention keeps (10); with less than between two appends to a stream
                  all of it goes each time
  --seconds N     of each window (45); a checkpoint comes every 15, and windows are to have several
  --rounds N      each of four windows: without, with, with, without (1)
  --warm N        seconds before the first (5)
  --dir PATH      where it is kept (the system's temporary directory, which may not be tmpfs)

The defaults take about three and a half minutes on a disk that keeps up. For a first look:
--streams 1000 --rate 1000 --age 2 --seconds 3 --warm 1
`;

const TYPE = "application/octet-stream";
const PATTERN = "logs/**";
/** What a trim lets go of is whole blocks. */
const BLOCK_BYTES = 4096;
/** Streams that are made or asked for at the same time. */
const ABREAST = 1000;
const LOOK_MS = 100;
/** Retention looks every second at what is due. */
const KEEPS_UP_SECONDS = 2;
const SETTLE_LIMIT_SECONDS = 30;

const COUNTS = ["streams", "rate", "bytes", "age", "seconds", "rounds", "warm"] as const;

type Mode = "without" | "with";

/** What happened in a window, or between two. */
interface WindowFigures extends PacedFigures {
  readonly mode: Mode;
  readonly trims: number;
  readonly trimmedBytes: number;
  /** The longest that a stream was due. */
  readonly lagSeconds: number;
  readonly checkpoints: number;
}

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "100000" },
    rate: { type: "string", default: "20000" },
    bytes: { type: "string", default: "256" },
    age: { type: "string", default: "10" },
    seconds: { type: "string", default: "45" },
    rounds: { type: "string", default: "1" },
    warm: { type: "string", default: "5" },
    dir: { type: "string", default: tmpdir() },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else await run();

async function run(): Promise<void> {
  // A wrong one is told before anything is made.
  for (const name of COUNTS) count(name);
  await withTempDir(values.dir, "retention", async (dir) => {
    const storage = await openFileStorage({ dir: join(dir, "data") });
    try {
      console.log(JSON.stringify(await measure(storage), null, 2));
    } finally {
      await timed("closed", () => storage.close());
    }
  });
}

async function measure(storage: Storage) {
  const streams = count("streams");
  const body = new Uint8Array(count("bytes")).fill(120);
  await timed(`${streams} streams made`, () => makeStreams(storage, streams, body.length));
  const appends = new PacedAppends(
    (n) => storage.append(nameOf(n % streams), { contentType: TYPE, body }),
    count("rate"),
  );
  const windows: WindowFigures[] = [];
  const changes: WindowFigures[] = [];
  try {
    await sleep(count("warm") * 1000);
    let last: Mode = "without";
    for (const mode of modes(count("rounds"))) {
      if (mode !== last) changes.push(await change(storage, appends, mode));
      last = mode;
      const figures = await watch(storage, appends, mode, count("seconds"));
      show("window", figures);
      windows.push(figures);
    }
  } finally {
    await appends.stop();
  }
  const trimmedStreams = await countTrimmed(storage, streams);
  return {
    settings: { ...values, runtime: process.versions["bun"] === undefined ? "deno" : "bun" },
    compared: compare(windows),
    trimmedStreams,
    // The whole backlog of the windows before is trimmed in these.
    whileTurnedOn: changes.filter(({ mode }) => mode === "with"),
    windows,
  };
}

/** Each as far into its first block as in a long run: so some are full at any time. */
async function makeStreams(storage: Storage, streams: number, bytes: number): Promise<void> {
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / bytes));
  await forEach(streams, async (n) => {
    const body = new Uint8Array(bytes * (n % perBlock)).fill(120);
    await storage.create(nameOf(n), { contentType: TYPE, body });
  });
}

/** So that what changes in the course of a run is the same for both. */
function modes(rounds: number): readonly Mode[] {
  const round: readonly Mode[] = ["without", "with", "with", "without"];
  return Array.from({ length: rounds }, () => round).flat();
}

/** Turns retention on or off, and waits until it goes as it will go on. */
async function change(storage: Storage, appends: PacedAppends, mode: Mode) {
  const ageMs = count("age") * 1000;
  const rules = mode === "with" ? [{ pattern: PATTERN, retention: { ageMs } }] : [];
  // A stream is looked at an eighth of the age, or a second, after it is due.
  const settleSeconds = mode === "with" ? ageMs / 1000 + Math.max(1, ageMs / 8000) + 1 : 2;
  appends.take();
  storage.prepareRetention?.(rules)();
  const figures = await watch(storage, appends, mode, settleSeconds, true);
  show("change", figures);
  return figures;
}

async function watch(
  storage: Storage,
  appends: PacedAppends,
  mode: Mode,
  seconds: number,
  settles = false,
): Promise<WindowFigures> {
  const before = counted(storage);
  const startMs = performance.now();
  const elapsed = () => (performance.now() - startMs) / 1000;
  // What was asked of it before isn't of this window.
  if (!settles) appends.take();
  let lagSeconds = 0;
  const isLate = () => settles && counted(storage).lagSeconds > KEEPS_UP_SECONDS;
  while (elapsed() < seconds || (isLate() && elapsed() < SETTLE_LIMIT_SECONDS)) {
    await sleep(Math.min(LOOK_MS, Math.max(1, (seconds - elapsed()) * 1000)));
    lagSeconds = Math.max(lagSeconds, counted(storage).lagSeconds);
  }
  const after = counted(storage);
  return {
    mode,
    ...appends.take(),
    trims: after.trims - before.trims,
    trimmedBytes: after.trimmedBytes - before.trimmedBytes,
    lagSeconds,
    checkpoints: after.checkpoints - before.checkpoints,
  };
}

function counted(storage: Storage) {
  const measures = storage.measure?.();
  const { trims = 0, trimmedBytes = 0, lagSeconds = 0 } = measures?.retention ?? {};
  const ended = measures?.checkpointDurationSeconds.counts ?? [];
  const checkpoints = ended.reduce((total, n) => total + n, 0);
  return { trims, trimmedBytes, lagSeconds, checkpoints };
}

/** Both together: the sums, the medians of the windows' quantiles, and the worst of them. */
function compare(windows: readonly WindowFigures[]) {
  const [without, withRetention] = [
    summary(windows.filter(({ mode }) => mode === "without")),
    summary(windows.filter(({ mode }) => mode === "with")),
  ];
  const more = (one: number, other: number) => `${((one / other - 1) * 100).toFixed(1)} %`;
  return {
    without,
    with: withRetention,
    more: {
      cpuPerAppend: more(withRetention.cpuMicrosPerAppend, without.cpuMicrosPerAppend),
      p50: more(withRetention.p50Ms, without.p50Ms),
      p99: more(withRetention.p99Ms, without.p99Ms),
      perSecond: more(withRetention.perSecond, without.perSecond),
      maxMs: rounded(withRetention.maxMs - without.maxMs),
      loopDelayMs: rounded(withRetention.loopDelayMs - without.loopDelayMs),
    },
  };
}

function summary(windows: readonly WindowFigures[]) {
  const all = (figure: keyof PacedFigures | "trims" | "trimmedBytes" | "lagSeconds") =>
    windows.map((one) => one[figure]);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
  const [appends, seconds, cpuSeconds] = [
    sum(all("appends")),
    sum(all("seconds")),
    sum(all("cpuSeconds")),
  ];
  return {
    appends,
    perSecond: Math.round(appends / seconds),
    p50Ms: rounded(median(all("p50Ms"))),
    p99Ms: rounded(median(all("p99Ms"))),
    maxMs: rounded(Math.max(...all("maxMs"))),
    loopDelayMs: rounded(Math.max(...all("loopDelayMs"))),
    cpuSeconds: rounded(cpuSeconds),
    cpuMicrosPerAppend: rounded(cpuSeconds * 1e6 / appends),
    trims: sum(all("trims")),
    trimmedBytes: sum(all("trimmedBytes")),
    lagSeconds: rounded(Math.max(...all("lagSeconds"))),
    unsent: sum(all("unsent")),
  };
}

async function countTrimmed(storage: Storage, streams: number): Promise<number> {
  let trimmed = 0;
  await forEach(streams, async (n) => {
    const { earliest } = await storage.head(nameOf(n));
    if (earliest > 0) trimmed++;
  });
  return trimmed;
}

async function forEach(streams: number, step: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const some = async () => {
    while (next < streams) await step(next++);
  };
  await Promise.all(Array.from({ length: Math.min(ABREAST, streams) }, some));
}

function nameOf(stream: number): string {
  return `logs/${stream}`;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = NaN, high = NaN] = [
    sorted[sorted.length % 2 === 0 ? middle - 1 : middle],
    sorted[middle],
  ];
  return (low + high) / 2;
}

function rounded(number: number): number {
  return Number(number.toFixed(2));
}

async function timed(what: string, step: () => Promise<unknown>): Promise<void> {
  const startMs = performance.now();
  await step();
  console.error(`${what} in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
}

function show(what: string, figures: WindowFigures): void {
  const { mode, perSecond, p50Ms, p99Ms, maxMs, loopDelayMs, trims, unsent } = figures;
  const times = [p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1)).join("/");
  console.error(
    `${what} ${mode}: ${Math.round(perSecond)}/s, p50/p99/max ${times} ms, ` +
      `loop ${loopDelayMs.toFixed(1)} ms, ${trims} trims, ${unsent} unsent`,
  );
}

function count(name: (typeof COUNTS)[number]): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${name} is ${JSON.stringify(values[name])}; accepted: a whole number from 1`);
}
