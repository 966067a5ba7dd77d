import { StreamError } from "../../../src/protocol/errors.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { Random } from "../../support/random.ts";
import type { Machine } from "../../support/simulation/machine.ts";
import { Violation } from "../history/violation.ts";
import { runLives, settled } from "../simulated_lives.ts";
import { type Keyed, KeyedStream } from "./keyed_stream.ts";

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
  const streams = [new KeyedStream("s0"), new KeyedStream("s1")];
  const { found, crashes } = await runLives(seed, random, {
    moreOptions: (random) => ({
      compactionMemoryBytes: random.pick([24 * 16, 24 * 1024]),
      compactionShare: 1,
    }),
    exitAfter: [100, 4000],
    begin: (storage) => begin(storage, streams),
    live: (machine, storage) => live(machine, storage, streams, random),
  });
  return { compacted: found, crashes };
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
