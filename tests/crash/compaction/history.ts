import { StreamError } from "../../../src/protocol/errors.ts";
import type { FileStorageOptions } from "../../../src/storage/file/options.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { Random } from "../../support/random.ts";
import { Machine } from "../../support/simulation/machine.ts";
import { Violation } from "../history/violation.ts";
import { type Keyed, KeyedStream } from "./keyed_stream.ts";

const KIB = 1024;
const SMALL_STREAMS = 0x51a7_0b3d;
const JSON_TYPE = "application/json";
const COMPACTION = { key: "/k", deleteKeepMs: 0 };

/** How a history went. */
export interface CompactionHistory {
  /** How often a process found, at its start, something that was compacted. */
  readonly compacted: number;
  readonly crashes: number;
}

/**
 * Runs the history of a seed: a client writes keyed messages to streams that are compacted meanwhile, and
 * forks them; processes are killed, and the machine loses its power.
 *
 * @throws {Violation}
 */
export async function runCompactionHistory(seed: number): Promise<CompactionHistory> {
  const random = new Random(seed);
  const machine = new Machine(random.split(), { hasBarrier: random.chance(0.5) });
  const options: Partial<FileStorageOptions> = {
    walBytes: random.pick([64, 128, 256]) * KIB,
    segmentBytes: random.pick([4096, 8192, 16_384]),
    checkpointIntervalMs: 300,
    earlyWriteBytes: random.pick([8 * KIB, 1024 * KIB]),
    smallStreamBytes: new Random(seed ^ SMALL_STREAMS).pick([0, 10_000, 10_000, 16_384, 60_000]),
    barrierFiles: random.pick([0, 4096]),
    maxOpenFiles: random.pick([2, 512]),
    compactionMemoryBytes: random.pick([24 * 16, 24 * 1024]),
    compactionShare: 1,
  };
  const streams = [new KeyedStream("s0"), new KeyedStream("s1")];
  let [compacted, crashes] = [0, 0];
  const lives = random.between(2, 6);
  for (let life = 0; life <= lives; life++) {
    const { process } = machine.fileSystem;
    const isLast = life === lives;
    if (!isLast && random.chance(0.8)) process.exitAfter(random.between(100, 4000));
    const storage = await settled(machine, machine.open(options));
    if (storage !== undefined) {
      const found = await settled(machine, begin(storage, streams));
      if (found !== undefined && found) compacted++;
      if (found !== undefined && !isLast) await live(machine, storage, streams, random);
    } else if (!process.hasExited) throw new Violation("The storage can't be opened");
    machine.end(random.pick(["crash", "kill"]));
    crashes++;
  }
  return { compacted, crashes };
}

/** Makes the streams where they aren't there, else looks at them; whether any was compacted. */
async function begin(storage: Storage, streams: KeyedStream[]): Promise<boolean> {
  let isCompacted = false;
  for (const stream of streams.slice()) {
    try {
      const { compactedUpTo } = await storage.head(stream.name);
      isCompacted ||= compactedUpTo !== undefined;
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      if (stream.acknowledged > 0) throw new Violation(`Stream ${stream.name} is gone`);
      if (stream.source !== undefined) {
        streams.splice(streams.indexOf(stream), 1);
        continue;
      }
      await storage.create(stream.name, {
        contentType: JSON_TYPE,
        policies: { compaction: COMPACTION },
      });
    }
    await stream.check(storage);
  }
  return isCompacted;
}

async function live(
  machine: Machine,
  storage: Storage,
  streams: KeyedStream[],
  random: Random,
): Promise<void> {
  const { process } = machine.fileSystem;
  const steps = random.between(20, 120);
  const keys = random.pick([3, 12, 40]);
  for (let step = 0; step < steps && !process.hasExited; step++) {
    const stream = random.pick(streams);
    if (random.chance(0.03) && streams.length < 5 && stream.source === undefined) {
      await fork(machine, storage, streams, stream, step);
    } else {
      const messages: Keyed[] = Array.from(
        { length: random.between(1, 20) },
        (_, i) => ({ k: random.below(keys), v: stream.written.length + i }),
      );
      const pad = random.below(200);
      await settled(machine, stream.append(storage, messages, pad).then(() => true));
    }
    if (random.chance(0.3)) machine.clock.advance(random.between(1, 700));
    for (let turns = random.below(200); turns > 0; turns--) await yieldToEventLoop();
    if (!process.hasExited && random.chance(0.05)) {
      await settled(machine, stream.check(storage).then(() => true));
    }
  }
}

async function fork(
  machine: Machine,
  storage: Storage,
  streams: KeyedStream[],
  source: KeyedStream,
  step: number,
): Promise<void> {
  const name = `${source.name}/fork-${step}-${source.written.length}`;
  const made = new KeyedStream(name, source);
  const answer = await settled(
    machine,
    storage.create(name, {
      contentType: JSON_TYPE,
      fork: { source: source.name },
      policies: { compaction: COMPACTION },
    }),
  );
  if (answer !== undefined) streams.push(made);
}

/** What a call comes to, while the time goes on; `undefined` where the process ends before. */
async function settled<T>(machine: Machine, call: Promise<T>): Promise<T | undefined> {
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
