import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { type OffsetSpace, spaceAt } from "../../../src/protocol/offset.ts";
import type { StreamChange } from "../../../src/storage/storage.ts";
import type { Random } from "../../support/random.ts";
import { expect, Violation } from "../history/violation.ts";
import { type Answer, askOf } from "./answer.ts";
import type { FrontEnd } from "./front_end.ts";
import type { OpenStorage } from "./front_end.ts";
import { type Counts, NatsWorld } from "./nats_world.ts";

const TEXT = "text/plain";
const JSON_TYPE = "application/json";
const MOST_FORKS = 4;
const LONGEST_BYTES = 20_000;
/** Longer than what was trimmed stays in the log. */
const FREED_MS = 130_000;
/** Longer than from one walk to the next one. */
const WALKED_MS = 6_000_000;
const MORE_THAN_ALL = 1 << 26;

/** A stream as its only writer knows it, and who trims it. */
interface Known {
  readonly name: string;
  readonly json: boolean;
  /** All that was sent; the end of it may not be there yet. */
  text: string;
  /** Where messages end, and where it begins. */
  readonly ends: number[];
  acknowledged: number;
  /** It is trimmed up to there at least, and at most. */
  earliest: number;
  latest: number;
  /** The least that any policy of it ever kept. */
  keptBytes: number;
  seq: number;
  isMade: boolean;
}

/** How a history of trims went. */
export interface NatsRetentionHistory {
  readonly violation: Violation | undefined;
  readonly trace: readonly string[];
  readonly counts: Counts;
  /** How many streams were trimmed. */
  readonly trimmed: number;
}

/**
 * Runs the history of a seed: writers append, others trim, give policies and fork through any front end, while
 * the cluster fails and front ends die. What was acknowledged and not trimmed is there, nothing trimmed comes
 * back, and in the end its room does.
 */
export async function runNatsRetentionHistory(
  seed: number,
  open: OpenStorage,
): Promise<NatsRetentionHistory> {
  const world = new NatsWorld(seed, open);
  const streams = [newKnown("json", true), newKnown("text", false)];
  let violation: Violation | undefined;
  try {
    await run(world, streams);
  } catch (error) {
    violation = error instanceof Violation
      ? error
      : new Violation(`The history stopped: ${error instanceof Error ? error.stack : error}`);
  }
  world.end();
  const trimmed = streams.filter(({ earliest }) => earliest > 0).length;
  return { violation, trace: world.trace, counts: world.counts, trimmed };
}

async function run(world: NatsWorld, streams: Known[]): Promise<void> {
  const { random } = world;
  for (const stream of streams) {
    await world.drive(make(world, stream, undefined), `${stream.name} to be made`);
  }
  const [writing, trimming] = [random.split(), random.split()];
  for (let round = random.between(1, 4); round > 0; round--) {
    const work = Promise.all([
      write(world, streams, writing),
      trim(world, streams, trimming, streams.length - 2 < MOST_FORKS),
    ]);
    await world.drive(work, "answers");
    if (random.chance(0.6)) await world.drive(world.rest(FREED_MS), "room");
  }
  world.heal();
  world.openFrontEnd();
  await world.drive(world.opened(), "the front ends");
  await world.drive(checkAll(world, streams, random), "a look at everything");
  await world.drive(world.rest(FREED_MS), "room");
  for (let waited = 0; waited < WALKED_MS; waited += FREED_MS) {
    await world.drive(world.rest(FREED_MS), "the walks");
  }
  await world.drive(world.rest(2 * FREED_MS), "room");
  world.openFrontEnd();
  await world.drive(world.opened(), "one more front end");
  await world.drive(checkAll(world, streams, random), "a look at everything");
  checkRoom(world, streams);
}

async function write(world: NatsWorld, streams: readonly Known[], random: Random): Promise<void> {
  for (let step = random.between(5, 30); step > 0; step--) {
    world.maybeDisturb();
    const stream = random.pick(streams.filter(({ isMade }) => isMade));
    const length = random.chance(0.1) ? LONGEST_BYTES : random.pick([10, 300, 3000]);
    const text = `${stream.text.length} `.padEnd(length, "x");
    await append(world, stream, stream.json ? JSON.stringify(text) : text);
  }
}

/** As a producer, until there is an answer: so it is known what is there. */
async function append(world: NatsWorld, stream: Known, body: string): Promise<void> {
  stream.text += stream.json ? `${body},\n` : body;
  stream.ends.push(stream.text.length);
  const producer = { id: "p", epoch: 0, seq: stream.seq++ };
  const { tail } = await until(
    world,
    `append to ${stream.name}`,
    (frontEnd) =>
      askOf(frontEnd, world.clientTimeout(world.random), (storage) =>
        storage.append(stream.name, {
          contentType: stream.json ? JSON_TYPE : TEXT,
          body: encodeUtf8(body),
          producer,
        })),
  );
  expect(tail === stream.text.length, `${stream.name} ends at ${tail}, not ${stream.text.length}`);
  stream.acknowledged = tail;
}

async function trim(
  world: NatsWorld,
  streams: Known[],
  random: Random,
  mayFork: boolean,
): Promise<void> {
  for (let step = random.between(3, 12); step > 0; step--) {
    const stream = random.pick(streams.filter(({ isMade }) => isMade));
    if (mayFork && random.chance(0.15)) await fork(world, streams, stream, random);
    else if (random.chance(0.25)) {
      const bytes = random.between(1, 30_000);
      const retention = random.chance(0.3) ? null : { bytes };
      if (retention !== null) stream.keptBytes = Math.min(stream.keptBytes, bytes);
      await change(world, stream, { retention });
    } else {
      const ends = stream.ends.filter((end) => end <= stream.acknowledged);
      const position = random.chance(0.7) ? ends.at(-1 - random.below(4)) : random.pick(ends);
      stream.latest = Math.max(stream.latest, position ?? 0);
      await change(world, stream, { trimBefore: position ?? 0 });
    }
    await world.rest(random.pick([0, 10, 1000]));
  }
}

/** Where nobody answers it may have happened, or will. */
async function change(world: NatsWorld, stream: Known, asked: StreamChange): Promise<void> {
  const answer = await askOf(
    world.pickFrontEnd(world.random),
    world.clientTimeout(world.random),
    async (storage) => await storage.update?.(stream.name, asked),
  );
  world.nextEvent();
  world.note(`${stream.name}: ${JSON.stringify(asked)} comes to ${describe(answer)}`);
  expect(answer.kind !== "refused", `${stream.name} isn't changed: ${describe(answer)}`);
  if (answer.kind !== "done" || answer.result === undefined) return;
  const { earliest } = answer.result;
  const asks = typeof asked.trimBefore === "number" ? asked.trimBefore : 0;
  expect(earliest >= asks, `${stream.name} begins at ${earliest} after a trim to ${asks}`);
  expect(earliest >= stream.earliest, `${stream.name} begins at ${earliest} again`);
  stream.earliest = earliest;
}

/** A fork whose create isn't answered is left alone. */
async function fork(
  world: NatsWorld,
  streams: Known[],
  source: Known,
  random: Random,
): Promise<void> {
  const made = newKnown(`${source.name}-${world.nextEvent()}`, source.json);
  const point = random.pick(source.ends.filter((end) => end <= source.acknowledged));
  made.text = source.text.slice(0, point);
  made.ends.splice(0, 1, ...source.ends.filter((end) => end <= point));
  made.acknowledged = point;
  made.earliest = source.earliest;
  const answer = await askOf(
    world.pickFrontEnd(random),
    world.clientTimeout(random),
    (storage) => storage.create(made.name, { fork: { source: source.name, offset: point } }),
  );
  world.nextEvent();
  world.note(`fork ${made.name} at ${point}: ${describe(answer)}`);
  if (answer.kind === "refused") {
    const { code } = answer.error;
    expect(code === "offset_trimmed", `${made.name} isn't made: ${describe(answer)}`);
    return;
  }
  if (answer.kind !== "done") return;
  made.isMade = true;
  // Its source's, at the time: no further than that ever was, and a policy knows no more than this.
  made.latest = Math.min(point, latestOf(source, source.text.length));
  streams.push(made);
}

async function make(world: NatsWorld, stream: Known, source: string | undefined): Promise<void> {
  await until(
    world,
    `create ${stream.name}`,
    (frontEnd) =>
      askOf(frontEnd, world.clientTimeout(world.random), (storage) =>
        storage.create(stream.name, {
          contentType: stream.json ? JSON_TYPE : TEXT,
          ...(source === undefined ? {} : { fork: { source } }),
        })),
  );
  stream.isMade = true;
}

async function checkAll(
  world: NatsWorld,
  streams: readonly Known[],
  random: Random,
): Promise<void> {
  for (const stream of streams) {
    const begins = new Set<number>();
    for (const frontEnd of world.frontEnds) {
      begins.add(await checkStream(world, frontEnd, stream, random));
    }
    // A policy may trim it between two looks.
    expect(stream.keptBytes < Infinity || begins.size === 1, `${stream.name} begins in ${begins}`);
  }
}

async function checkStream(
  world: NatsWorld,
  frontEnd: FrontEnd,
  stream: Known,
  random: Random,
): Promise<number> {
  const { name, text } = stream;
  const what = `front end ${frontEnd.number}, ${name}`;
  const info = await done(world, frontEnd, what, (storage) => storage.head(name));
  const { tail, earliest, space } = info;
  expect(tail === stream.acknowledged, `${what} ends at ${tail}, not ${stream.acknowledged}`);
  expect(earliest >= stream.earliest, `${what} begins at ${earliest}, not ${stream.earliest}`);
  const most = latestOf(stream, tail);
  expect(earliest <= most, `${what} begins at ${earliest}, and at most ${most} may be trimmed`);
  stream.earliest = earliest;
  for (let at = earliest; at < tail;) {
    const limit = random.pick([4096, 10_000, MORE_THAN_ALL]);
    const position = at;
    const answer = await ask(
      world,
      frontEnd,
      (storage) => storage.read(name, named(space, position), limit),
    );
    if (answer.kind === "refused" && answer.error.code === "offset_trimmed") {
      expect(stream.keptBytes < Infinity, `${what}: ${at} is trimmed meanwhile`);
      return await checkStream(world, frontEnd, stream, random);
    }
    expect(answer.kind === "done", `${what}: a read at ${at} comes to ${describe(answer)}`);
    const { data, next } = answer.result;
    const found = new TextDecoder().decode(data);
    expect(found === text.slice(at, next), `${what} has other bytes at ${at}`);
    expect(next > at, `${what}: a read moves on`);
    at = next;
  }
  const gone = stream.ends.findLast((end) => end < earliest);
  if (gone === undefined) return earliest;
  const answer = await ask(
    world,
    frontEnd,
    (storage) => storage.read(name, named(space, gone), limitOf(random)),
  );
  const isGone = answer.kind === "refused" && answer.error.code === "offset_trimmed";
  expect(isGone, `${what} is trimmed, and a read at ${gone} comes to ${describe(answer)}`);
  return earliest;
}

/** What nobody can read any more takes no room: at most what is in one message with what can be. */
function checkRoom(world: NatsWorld, streams: readonly Known[]): void {
  const isForked = streams.some(({ name }) => name.includes("-"));
  if (isForked) return;
  const limit = 2 * world.cluster.messageLimitBytes;
  let [held, needed] = [0, 0];
  for (let shard = 1, log; (log = world.cluster.log(`DS_DATA_${shard}`)) !== undefined; shard++) {
    for (const subject of log.leader.subjects()) {
      if (!subject.startsWith(`ds.d.`)) continue;
      for (const { payload } of log.leader.from(subject, 1, world.nowMs)) held += payload.length;
    }
  }
  for (const { acknowledged, earliest } of streams) needed += acknowledged - earliest + limit;
  // Each message has some bytes beside those of the stream.
  expect(held <= 2 * needed, `the log holds ${held} bytes, and ${needed} are needed`);
}

function latestOf({ latest, keptBytes }: Known, tail: number): number {
  return Math.max(latest, tail - keptBytes);
}

function limitOf(random: Random): number {
  return random.pick([1, MORE_THAN_ALL]);
}

function newKnown(name: string, json: boolean): Known {
  return {
    name,
    json,
    text: "",
    ends: [0],
    acknowledged: 0,
    earliest: 0,
    latest: 0,
    keptBytes: Infinity,
    seq: 0,
    isMade: false,
  };
}

function named(space: OffsetSpace, position: number) {
  return { space: spaceAt(space, position), position };
}

/** Asks one front end after the other until one answers. */
async function until<T>(
  world: NatsWorld,
  what: string,
  call: (frontEnd: FrontEnd) => Promise<Answer<T>>,
): Promise<T> {
  for (;;) {
    const answer = await call(world.pickFrontEnd(world.random));
    world.nextEvent();
    world.note(`${what} comes to ${describe(answer)}`);
    if (answer.kind === "done") return answer.result;
    expect(answer.kind !== "refused", `${what} is refused: ${describe(answer)}`);
    await world.rest(100);
  }
}

async function ask<T>(
  world: NatsWorld,
  frontEnd: FrontEnd,
  call: Parameters<typeof askOf<T>>[2],
): Promise<Answer<T>> {
  const answer = await askOf(frontEnd, world.clientTimeout(world.random), call);
  world.nextEvent();
  return answer;
}

async function done<T>(
  world: NatsWorld,
  frontEnd: FrontEnd,
  what: string,
  call: Parameters<typeof askOf<T>>[2],
): Promise<T> {
  const answer = await ask(world, frontEnd, call);
  expect(answer.kind === "done", `${what}: ${describe(answer)}`);
  return answer.result;
}

function describe<T>(answer: Answer<T>): string {
  if (answer.kind === "done") return "an answer";
  return answer.kind === "refused" ? answer.error.message : answer.reason;
}
