import { crc32 } from "node:zlib";
import { spaceAt } from "../../../src/protocol/offset.ts";
import type { FileStorageOptions } from "../../../src/storage/file/options.ts";
import type { StreamInfo } from "../../../src/storage/storage.ts";
import type { Fault } from "../../support/simulation/faults.ts";
import { Machine } from "../../support/simulation/machine.ts";
import { Random } from "../../support/random.ts";
import { ModelStream, type Status } from "./model.ts";
import { ModelSubscriptions } from "./subscriptions/model.ts";
import { expect } from "./violation.ts";

const NAMES = ["a", "b/c", "ü", "d", "e"];
/** What rare things a history may have in it. */
export const RARE_KINDS = [
  "a load that failed",
  "rows ahead of the log",
  "no descriptors",
  "an offset of another stream",
  "a damaged stream",
] as const;
export type RareKind = typeof RARE_KINDS[number];

const KIB = 1024;
const MIB = 1024 * KIB;
/** Longer bodies get a log that has room for some of them. */
const EXTRA = 0x0e87_4a00;
const SUBSCRIPTIONS = 0x5b5c_21b0;
const SNAPSHOTS = 0x2c1f_93d7;
const SMALL_STREAMS = 0x51a7_0b3d;
const MOST_BYTES_IN_SMALL_LOG = 6000;
/** So many that a checkpoint takes its time, and has more files than it syncs one by one. */
const MANY_NAMES = Array.from({ length: 90 }, (_, i) => `many/${i}`);

/** Which kind of history it is. */
export interface HistoryOptions {
  /**
   * Whether there are subscriptions beside the streams. What happens to streams is drawn as it is without,
   * but nothing is damaged by hand.
   */
  readonly subscriptions: boolean;
}

/** What a history works on: the machine, the model, and a list of what was done. */
export class World {
  readonly seed: number;
  readonly machine: Machine;
  readonly options: Partial<FileStorageOptions>;
  /** Those of which something is promised: all but the damaged ones. */
  names: readonly string[];
  /** Those of streams that were damaged, and of all that share bytes with them. */
  readonly damagedNames: string[] = [];
  /** Which of the rare kinds have happened. */
  readonly kinds = new Set<RareKind>();
  readonly subscriptions: ModelSubscriptions;
  readonly trace: string[] = [];
  /** Which life it is. */
  life = 0;
  /** The power may go in this life though nobody waits for syncs: only appends are at stake. */
  isFragile = false;
  /** Whether any stream was ever made that ends by itself: its end, too, may be lost. */
  hasLifetimes = false;
  /** Whether the last life ended without a close. */
  isUnclean = false;
  /** Bodies go up to this. */
  readonly longestBytes: number;
  #random: Random;
  #extra: Random;
  #snapshots: Random;
  readonly #current = new Map<string, ModelStream>();
  readonly #byId = new Map<number, ModelStream>();
  readonly #bySpace = new Map<number, ModelStream>();
  #opId = 0;

  constructor(seed: number, { subscriptions }: HistoryOptions) {
    const random = new Random(seed);
    this.subscriptions = new ModelSubscriptions(subscriptions, new Random(seed ^ SUBSCRIPTIONS));
    this.seed = seed;
    this.#random = random;
    this.#extra = new Random(seed ^ EXTRA);
    this.#snapshots = new Random(seed ^ SNAPSHOTS);
    this.machine = new Machine(random.split(), {
      dir: random.pick(["/streams", "/mnt/data/streams"]),
      hasBarrier: random.chance(0.5),
    });
    this.options = chooseOptions(random);
    // None in rows; one or two blocks; a few, as it is unless it is set; nearly all.
    const small = new Random(seed ^ SMALL_STREAMS);
    this.options.smallStreamBytes = small.pick([0, 10_000, 10_000, 16_384, 60_000]);
    this.names = NAMES;
    this.longestBytes = random.pick([200, 200, 3000, 3000, 6000, 6000, 20_000, 90_000]);
    if (this.longestBytes > MOST_BYTES_IN_SMALL_LOG) this.options.walBytes = 256 * KIB;
    if (random.chance(0.5)) this.options.earlyWriteBytes = 8 * 1024;
    // Most histories are small, so that there are many; what takes long is rare.
    const kind = random.below(60);
    if (kind === 0) {
      // Bodies so long that blocks are written before a checkpoint asks for it.
      this.options.walBytes = 8 * MIB;
      this.options.earlyWriteBytes = MIB;
      this.longestBytes = 900_000;
    } else if (kind === 1) {
      this.names = MANY_NAMES;
      this.options.walBytes = 4 * MIB;
      this.options.checkpointStreams = 50_000;
      this.longestBytes = 20_000;
    }
    this.note(`${this.names.length} names, options ${JSON.stringify(this.options)}`);
  }

  /** The chances of the part that runs now. */
  get random(): Random {
    return this.#random;
  }

  /** The chances of what is rare in it: histories without that are as they would be if nothing were. */
  get extra(): Random {
    return this.#extra;
  }

  /** Those of snapshots. */
  get snapshots(): Random {
    return this.#snapshots;
  }

  /** Each part draws by itself: what one of them does stays when another is left out. */
  turnTo(part: string): void {
    const seed = crc32(part, this.seed);
    this.#random = new Random(seed);
    this.#extra = new Random(seed ^ EXTRA);
    this.#snapshots = new Random(seed ^ SNAPSHOTS);
    this.subscriptions.random = new Random(seed ^ SUBSCRIPTIONS);
  }

  get nowMs(): number {
    return this.machine.clock.nowMs();
  }

  note(line: string): void {
    this.trace.push(line);
  }

  nextOpId(): number {
    return ++this.#opId;
  }

  /** The newest stream of this name. */
  stream(name: string): ModelStream | undefined {
    return this.#current.get(name);
  }

  /** All that are there or may be. */
  streams(): ModelStream[] {
    return [...this.#current.values()]
      .flatMap((stream) => stream.before === undefined ? [stream] : [stream, stream.before])
      .filter(({ lifecycle }) => lifecycle !== "ended");
  }

  /** The name stands for this stream from now on. */
  put(stream: ModelStream): void {
    if (stream.lifetime.kind !== "forever") this.hasLifetimes = true;
    this.#current.set(stream.name, stream);
    stream.fork?.source.forks.add(stream);
  }

  /** It was never created: the name stands for what it stood for before. */
  takeBack(stream: ModelStream): void {
    const { before } = stream;
    stream.end();
    if (before === undefined) this.#current.delete(stream.name);
    else this.#current.set(stream.name, before);
  }

  /** What may be found under a name. */
  statuses(name: string): Set<Status> {
    return this.stream(name)?.statuses(this.nowMs) ?? new Set(["not_found"]);
  }

  /** No two streams ever have the same id. */
  checkId(stream: ModelStream): void {
    if (stream.id === undefined) return;
    const holder = this.#byId.get(stream.id) ?? stream;
    expect(holder === stream, `stream ${stream.name} has the id of an earlier one, ${stream.id}`);
    this.#byId.set(stream.id, stream);
  }

  /** The offset's space is that of its owner, which no other stream ever has. */
  checkSpace(stream: ModelStream, space: number, offset: number): void {
    const owner = stream.ownerAt(offset);
    owner.space ??= space;
    const at = `offset ${offset} of stream ${stream.name}`;
    expect(owner.space === space, `${at} is in space ${owner.space}, not ${space}`);
    const holder = this.#bySpace.get(space) ?? owner;
    expect(holder === owner, `${at} is in the space of an earlier stream, ${space}`);
    this.#bySpace.set(space, owner);
  }

  /** The same for its first offset, its last one, and those around its fork point. */
  checkSpaces(stream: ModelStream, { space, tail }: Pick<StreamInfo, "space" | "tail">): void {
    const { ownStart } = stream;
    for (const offset of [0, ownStart, Math.min(ownStart + 1, tail), tail]) {
      this.checkSpace(stream, spaceAt(space, offset), offset);
    }
  }

  /** Faults have happened. */
  noteFired(faults: readonly Fault[]): void {
    for (const { call, kind } of faults) {
      if (call === "look up") this.kinds.add("a load that failed");
      else if (kind === "too_many_open_files") this.kinds.add("no descriptors");
    }
  }

  /** All spaces that any stream was ever in. */
  spaces(): number[] {
    return [...this.#bySpace.keys()];
  }

  /** The names of all streams that share bytes with one of this name, or ever did. */
  family(name: string): Set<string> {
    const streams: ModelStream[] = [];
    for (const newest of this.#current.values()) {
      for (let at: ModelStream | undefined = newest; at !== undefined; at = at.before) {
        streams.push(at);
      }
    }
    const family = new Set([name]);
    for (let size = 0; size < family.size;) {
      size = family.size;
      for (const { name: own, fork } of streams) {
        if (fork === undefined) continue;
        if (!family.has(own) && !family.has(fork.source.name)) continue;
        family.add(own).add(fork.source.name);
      }
    }
    return family;
  }

  /** Nothing is promised of these any more. */
  giveUp(names: ReadonlySet<string>): void {
    this.damagedNames.push(...names);
    this.names = this.names.filter((name) => !names.has(name));
  }
}

function chooseOptions(random: Random): Partial<FileStorageOptions> {
  return {
    fsync: random.pick(["always", "always", "always", "always", "interval", "never"]),
    walBytes: random.pick([64, 64, 128, 256]) * KIB,
    segmentBytes: random.pick([4096, 10_000, 16_384, 65_536]),
    checkpointStreams: random.pick([0, 2, 50_000]),
    checkpointIntervalMs: random.pick([300, 5000, 30_000]),
    maxLoadedStreams: random.pick([1, 2, 20_000]),
    barrierFiles: random.pick([0, 4096]),
    maxIdleBytes: random.pick([3000, 10_000_000]),
    maxOpenFiles: random.pick([2, 4, 512]),
    mayBlock: random.chance(0.5),
  };
}
