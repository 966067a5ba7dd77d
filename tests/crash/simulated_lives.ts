import type { FileStorageOptions } from "../../src/storage/file/options.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { yieldToEventLoop } from "../support/event_loop.ts";
import { Random } from "../support/random.ts";
import { Machine } from "../support/simulation/machine.ts";
import { Violation } from "./history/violation.ts";

const KIB = 1024;
const SMALL_STREAMS = 0x51a7_0b3d;

/** What happens in the processes of a history. */
export interface LivesParts {
  /** Beside what all such storages have. */
  moreOptions(random: Random): Partial<FileStorageOptions>;
  /** A process that ends by itself does so after as many calls of its disk as are between these. */
  readonly exitAfter: readonly [least: number, most: number];
  /** Looks at what a start has found; whether that is what the history is about. */
  begin(storage: Storage): Promise<boolean>;
  /** What a client does then. */
  live(machine: Machine, storage: Storage): Promise<void>;
}

/** How often a start found what the history is about, and how many processes have ended. */
export interface LivesSums {
  readonly found: number;
  readonly crashes: number;
}

/**
 * Runs one process after the other on a simulated disk: each is killed, or the machine loses its power. The
 * last one only looks.
 *
 * @throws {Violation}
 */
export async function runLives(
  seed: number,
  random: Random,
  { moreOptions, exitAfter: [least, most], begin, live }: LivesParts,
): Promise<LivesSums> {
  const machine = new Machine(random.split(), { hasBarrier: random.chance(0.5) });
  const options: Partial<FileStorageOptions> = {
    walBytes: random.pick([64, 128, 256]) * KIB,
    segmentBytes: random.pick([4096, 8192, 16_384]),
    checkpointIntervalMs: 300,
    earlyWriteBytes: random.pick([8 * KIB, 1024 * KIB]),
    smallStreamBytes: new Random(seed ^ SMALL_STREAMS).pick([0, 10_000, 10_000, 16_384, 60_000]),
    barrierFiles: random.pick([0, 4096]),
    maxOpenFiles: random.pick([2, 512]),
    ...moreOptions(random),
  };
  let [found, crashes] = [0, 0];
  const lives = random.between(2, 6);
  for (let life = 0; life <= lives; life++) {
    const { process } = machine.fileSystem;
    const isLast = life === lives;
    if (!isLast && random.chance(0.8)) process.exitAfter(random.between(least, most));
    const storage = await settled(machine, machine.open(options));
    if (storage !== undefined) {
      const isFound = await settled(machine, begin(storage));
      if (isFound === true) found++;
      if (isFound !== undefined && !isLast) await live(machine, storage);
    } else if (!process.hasExited) throw new Violation("The storage can't be opened");
    machine.end(random.pick(["crash", "kill"]));
    crashes++;
  }
  return { found, crashes };
}

/** What a call comes to, while the time goes on; `undefined` where the process ends before. */
export async function settled<T>(machine: Machine, call: Promise<T>): Promise<T | undefined> {
  const { process } = machine.fileSystem;
  let outcome: { value: T } | { error: unknown } | undefined;
  call.then((value) => outcome = { value }, (error) => outcome = { error });
  for (let turns = 0; outcome === undefined && !process.hasExited; turns++) {
    if (turns > 30_000) throw new Violation("An answer never comes");
    if (turns % 50 === 49) machine.clock.advance(300);
    await yieldToEventLoop();
  }
  if (outcome === undefined || process.hasExited) return undefined;
  if (!("error" in outcome)) return outcome.value;
  if (outcome.error instanceof Violation) throw outcome.error;
  const { error } = outcome;
  throw new Violation(error instanceof Error ? error.stack ?? error.message : String(error));
}
