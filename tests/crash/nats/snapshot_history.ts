import { type Bytes, decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { spaceAt } from "../../../src/protocol/offset.ts";
import type { ReadSnapshot, SnapshotStore } from "../../../src/storage/snapshot_store.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { matchesSubject } from "../../support/nats/subject_pattern.ts";
import type { Random } from "../../support/random.ts";
import { expect, Violation } from "../history/violation.ts";
import { type Answer, askOf, stackOf } from "./answer.ts";
import type { FrontEnd, OpenStorage } from "./front_end.ts";
import { NatsWorld } from "./nats_world.ts";

const CLIENTS = 4;
const MOST_STEPS = 14;
/** Nobody deletes it, and its snapshot only ever gives way to one that isn't older. */
const LASTING = "a";
/** It is deleted and made anew, and so is its snapshot. */
const PASSING = "c";
const TEXT = "text/plain";
/** Several messages, whatever their limit. */
const LONG_BYTES = 150_000;
/** A walk over what is left comes at least as often, and leaves what is younger than ten minutes. */
const SWEPT_MS = 20 * 3_600_000;
const SWEEP_STEP_MS = 3_600_000;
const REFUSALS: ReadonlySet<string> = new Set(["snapshot_regression"]);
const ENDED: ReadonlySet<string> = new Set(["not_found", "gone", "offset_gone"]);

/** A snapshot that somebody has tried to keep. */
interface Tried {
  readonly streamId: number;
  readonly position: number;
  readonly lengthBytes: number;
  isRefused: boolean;
}

/** How a history of snapshots went. */
export interface SnapshotHistoryResult {
  readonly violation: Violation | undefined;
  readonly trace: readonly string[];
}

/**
 * Clients keep, read and delete snapshots through any front end, while these die and the cluster fails. What is
 * read is always whole and of its offset; of the lasting stream never older than what was known before; and in
 * the end nothing is left that nobody names.
 */
export async function runSnapshotHistory(
  seed: number,
  open: OpenStorage,
): Promise<SnapshotHistoryResult> {
  const world = new NatsWorld(seed, open);
  let violation: Violation | undefined;
  try {
    await new SnapshotHistory(world).run();
  } catch (error) {
    violation = error instanceof Violation ? error : new Violation(`It stopped: ${stackOf(error)}`);
  }
  world.end();
  return { violation, trace: world.trace };
}

class SnapshotHistory {
  readonly #world: NatsWorld;
  readonly #tried: Tried[] = [];
  /** The newest position of the lasting stream's snapshot that anybody was told of. */
  #floor = -1;

  constructor(world: NatsWorld) {
    this.#world = world;
  }

  async run(): Promise<void> {
    const world = this.#world;
    await world.drive(this.#make(LASTING, 0), "the lasting stream");
    const clients = Array.from({ length: CLIENTS }, () => this.#client(world.random.split()));
    await world.drive(Promise.all(clients), "answers");
    world.heal();
    await world.drive(world.opened(), "the front ends");
    await world.drive(world.rest(), "the end of what was under way");
    await world.drive(this.#checkEnd(), "a look at everything");
    await this.#checkSwept();
  }

  async #client(random: Random): Promise<void> {
    try {
      for (let left = random.between(4, MOST_STEPS); left > 0; left--) {
        this.#world.maybeDisturb();
        await this.#step(random);
      }
    } catch (error) {
      this.#world.fail(error);
    }
  }

  async #step(random: Random): Promise<void> {
    const name = random.pick([LASTING, LASTING, PASSING]);
    const kind = random.below(100);
    if (kind < 45) return await this.#put(name, random);
    if (kind < 70) {
      await this.#get(name, this.#world.pickFrontEnd(random), random);
      return;
    }
    if (kind < 80 || name === LASTING) return await this.#append(name, random);
    const call = random.pick<(storage: Storage) => Promise<unknown>>([
      (storage) => storage.delete(name),
      (storage) => storage.create(name, { contentType: TEXT }),
      (storage) => snapshotsOf(storage).delete(name),
    ]);
    await this.#ask(`change ${name}`, random, call);
  }

  async #make(name: string, tries: number): Promise<void> {
    const frontEnd = this.#world.pickFrontEnd(this.#world.random);
    const never = new Promise<void>(() => {});
    const spec = { contentType: TEXT, body: encodeUtf8("0123456789") };
    const answer = await askOf(frontEnd, never, (storage) => storage.create(name, spec));
    if (answer.kind !== "done" && tries < 20) await this.#make(name, tries + 1);
  }

  async #append(name: string, random: Random): Promise<void> {
    const body = encodeUtf8("x".repeat(random.between(1, 300)));
    await this.#ask(
      `append to ${name}`,
      random,
      (storage) => storage.append(name, { contentType: TEXT, body }),
    );
  }

  async #put(name: string, random: Random): Promise<void> {
    const world = this.#world;
    const head = await this.#ask(`head ${name}`, random, (storage) => storage.head(name));
    if (head.kind !== "done") return;
    const { space, tail, id: streamId } = head.result;
    const position = random.between(Math.max(0, tail - random.pick([0, 50, 1000])), tail);
    const lengthBytes = random.pick([40, 500, LONG_BYTES]);
    const number = this.#tried.length;
    const tried: Tried = { streamId, position, lengthBytes, isRefused: false };
    this.#tried.push(tried);
    const before = this.#floor;
    const answer = await this.#ask(
      `put snapshot ${number} of ${name} at ${position}, ${lengthBytes} bytes`,
      random,
      (storage) =>
        snapshotsOf(storage).put(name, {
          offset: { space: spaceAt(space, position), position },
          contentType: `a/${number}`,
          body: bodyOf(number, tried),
        }),
    );
    if (answer.kind === "unknown") return;
    if (answer.kind === "refused") {
      const { code, message } = answer.error;
      tried.isRefused = true;
      const isOlder = REFUSALS.has(code);
      expect(
        isOlder || name === PASSING && ENDED.has(code),
        `snapshot ${number} can't be kept: ${message}`,
      );
      const others = this.#tried.some((one) =>
        one.streamId === streamId && one.position > position
      );
      expect(!isOlder || others, `snapshot ${number} is older than one that nobody has kept`);
      return;
    }
    expect(answer.result.position === position, `snapshot ${number} is kept of its offset`);
    if (name !== LASTING) return;
    expect(position >= before, `snapshot ${number} is kept though a newer one was before`);
    this.#floor = Math.max(this.#floor, position);
    world.note(`the floor is ${this.#floor}`);
  }

  /** Which snapshot a front end has, or why not. */
  async #get(name: string, frontEnd: FrontEnd, random: Random): Promise<string> {
    const before = this.#floor;
    const what = `front end ${frontEnd.number}, snapshot of ${name}`;
    const answer = await askOf(
      frontEnd,
      this.#world.clientTimeout(random),
      (storage) => snapshotsOf(storage).get(name),
    );
    this.#world.nextEvent();
    if (answer.kind === "unknown") return "unknown";
    if (answer.kind === "refused") {
      const { code, message } = answer.error;
      const mayBe = name === LASTING
        ? before < 0 && code === "snapshot_not_found"
        : ENDED.has(code) || code === "snapshot_not_found";
      expect(mayBe, `${what}: ${message}`);
      return "none";
    }
    const number = this.#checkRead(answer.result, what);
    this.#world.note(`${what} is ${number}, of ${answer.result.position}`);
    if (name !== LASTING) return number;
    const { position } = answer.result;
    expect(position >= before, `${what}: it is of ${position}, and one of ${before} was known`);
    this.#floor = Math.max(this.#floor, position);
    return number;
  }

  #checkRead({ body, contentType, position, streamId }: ReadSnapshot<Bytes>, what: string): string {
    const number = Number(contentType.slice(2));
    const tried = this.#tried[number];
    expect(tried !== undefined, `${what}: nobody has kept ${contentType}`);
    expect(!tried.isRefused, `${what}: ${number} was refused`);
    expect(
      tried.position === position && tried.streamId === streamId,
      `${what}: ${number} is of ${position} in ${streamId}`,
    );
    expect(
      decodeUtf8(body) === decodeUtf8(bodyOf(number, tried)),
      `${what}: ${number} isn't as it was kept`,
    );
    return String(number);
  }

  /** Every front end, and a new one, has the same. */
  async #checkEnd(): Promise<void> {
    const world = this.#world;
    world.openFrontEnd();
    await world.opened();
    for (const name of [LASTING, PASSING]) {
      const found = new Set<string>();
      for (const frontEnd of world.frontEnds) {
        found.add(await this.#get(name, frontEnd, world.random));
      }
      expect(found.size === 1 && !found.has("unknown"), `${name} has ${[...found].join(" or ")}`);
    }
  }

  /** After a while nothing is left but what is named. */
  async #checkSwept(): Promise<void> {
    const world = this.#world;
    const random = world.random.split();
    for (let waitedMs = 0; waitedMs < SWEPT_MS; waitedMs += SWEEP_STEP_MS) {
      world.clock.advance(SWEEP_STEP_MS);
      await world.drive(world.rest(3000), "a rest");
    }
    const named: string[] = [];
    for (const name of [LASTING, PASSING]) {
      const answer = await world.drive(
        this.#ask(
          `get ${name}'s snapshot`,
          random,
          (storage) => snapshotsOf(storage).get(name),
        ),
        "a last answer",
      );
      if (answer.kind === "done") named.push(`${answer.result.streamId}.b.${answer.result.number}`);
    }
    for (const shard of [1, 2]) {
      const log = world.cluster.log(`DS_DATA_${shard}`);
      for (const subject of log?.leader.subjects() ?? []) {
        if (!matchesSubject("ds.s.*.*.b.*.*", subject)) continue;
        const isNamed = named.some((one) => subject.startsWith(`ds.s.${shard}.${one}.`));
        expect(isNamed, `${subject} is left, and named is ${named.join(" and ")}`);
      }
    }
  }

  async #ask<T>(
    what: string,
    random: Random,
    call: (storage: Storage) => Promise<T>,
  ): Promise<Answer<T>> {
    const world = this.#world;
    const frontEnd = world.pickFrontEnd(random);
    world.note(`front end ${frontEnd.number}: ${what}`);
    const answer = await askOf(frontEnd, world.clientTimeout(random), call);
    world.nextEvent();
    const detail = answer.kind === "refused"
      ? answer.error.message
      : answer.kind === "unknown"
      ? answer.reason
      : "";
    world.note(`front end ${frontEnd.number}: ${what}: ${answer.kind} ${detail}`);
    return answer;
  }
}

function snapshotsOf({ snapshots }: Storage): SnapshotStore {
  if (snapshots === undefined) throw new Violation("The storage has no snapshots");
  return snapshots;
}

function bodyOf(number: number, { lengthBytes }: Tried): Bytes {
  return encodeUtf8(`${number} `.repeat(lengthBytes).slice(0, lengthBytes));
}
