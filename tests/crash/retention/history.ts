import { StreamError } from "../../../src/protocol/errors.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { Random } from "../../support/random.ts";
import type { Machine } from "../../support/simulation/machine.ts";
import { Violation } from "../history/violation.ts";
import { runLives, settled } from "../simulated_lives.ts";
import { TrimmedStream } from "./trimmed_stream.ts";

const MOST_STREAMS = 7;

/** How a history went. */
export interface RetentionHistory {
  /** How often a process found, at its start, a stream that was trimmed. */
  readonly trimmed: number;
  readonly crashes: number;
}

/**
 * Runs the history of a seed: a client writes to streams, trims them, gives them policies, forks and deletes
 * them; processes are killed, and the machine loses its power.
 *
 * @throws {Violation}
 */
export async function runRetentionHistory(seed: number): Promise<RetentionHistory> {
  const random = new Random(seed);
  const streams = [new TrimmedStream("json", true), new TrimmedStream("text", false)];
  const { found, crashes } = await runLives(seed, random, {
    moreOptions: (random) => ({ maxLoadedStreams: random.pick([2, 1000]) }),
    exitAfter: [50, 3000],
    begin: (storage) => begin(storage, streams),
    live: (machine, storage) => live(machine, storage, streams, random),
  });
  return { trimmed: found, crashes };
}

/** Makes the streams where they aren't there, else looks at them; whether any was trimmed. */
async function begin(storage: Storage, streams: TrimmedStream[]): Promise<boolean> {
  let isTrimmed = false;
  for (const stream of streams.slice()) {
    if (stream.isDeleted || !await isThere(storage, stream)) {
      if (stream.name.includes("/")) streams.splice(streams.indexOf(stream), 1);
      else await storage.create(stream.name, { contentType: stream.contentType });
      continue;
    }
    stream.isMade = true;
    await stream.check(storage, true);
    isTrimmed ||= stream.earliest > 0;
  }
  for (const stream of streams) stream.isMade = true;
  return isTrimmed;
}

async function isThere(storage: Storage, stream: TrimmedStream): Promise<boolean> {
  try {
    await storage.head(stream.name);
    return true;
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    if (stream.isMade) throw new Violation(`${stream.name} is gone: ${error.message}`);
    return false;
  }
}

async function live(
  machine: Machine,
  storage: Storage,
  streams: TrimmedStream[],
  random: Random,
): Promise<void> {
  const { process } = machine.fileSystem;
  const steps = random.between(20, 120);
  for (let step = 0; step < steps && !process.hasExited; step++) {
    const stream = random.pick(streams);
    await settled(machine, act(storage, streams, stream, random, step).then(() => true));
    if (random.chance(0.3)) machine.clock.advance(random.between(1, 700));
    for (let turns = random.below(100); turns > 0; turns--) await yieldToEventLoop();
    if (process.hasExited || !random.chance(0.1)) continue;
    const { isDeleted } = stream;
    if (!isDeleted) await settled(machine, stream.check(storage, false).then(() => true));
  }
}

async function act(
  storage: Storage,
  streams: TrimmedStream[],
  stream: TrimmedStream,
  random: Random,
  step: number,
): Promise<void> {
  const draw = random.below(100);
  if (draw < 12) {
    const later = stream.ends.filter((end) => end <= stream.acknowledged);
    // Mostly something near the end; sometimes what is gone already.
    const position = random.chance(0.7) ? later.at(-1 - random.below(8)) : random.pick(later);
    return await stream.trim(storage, position ?? 0);
  }
  if (draw < 18) {
    const policy = random.pick([
      null,
      { bytes: random.between(1, 20_000) },
      { messages: random.between(1, 40) },
      { ageMs: random.between(1, 3000) },
    ]);
    return await stream.keep(storage, policy);
  }
  if (draw < 24 && streams.length < MOST_STREAMS) {
    const made = new TrimmedStream(
      `${stream.name}/${step}-${stream.text.length}`,
      stream.json,
      stream,
    );
    streams.push(made);
    // A policy may trim it meanwhile, up to where it is read now.
    if (stream.policies.length > 0) made.latest = made.acknowledged;
    await storage.create(made.name, { fork: { source: stream.name } });
    made.isMade = true;
    return;
  }
  if (draw < 27 && stream.name.includes("/")) {
    stream.isMade = false;
    await storage.delete(stream.name);
    stream.isDeleted = true;
    streams.splice(streams.indexOf(stream), 1);
    return;
  }
  for (let count = random.between(1, 6); count > 0; count--) {
    const text = `${stream.text.length} `.padEnd(random.pick([20, 300, 1500, 5000]), "x");
    await stream.append(storage, stream.json ? JSON.stringify(text) : text);
  }
}
