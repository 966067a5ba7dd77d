import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import { DueQueue } from "../../due_queue.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { toStreamError } from "../cluster/unreachable.ts";
import type { JetStream } from "../jetstream.ts";
import type { NatsBlocks } from "../reading/nats_blocks.ts";
import type { LoadedStreams } from "../streams/loaded_streams.ts";
import type { NatsStream } from "../streams/nats_stream.ts";
import type { Snapshots } from "../streams/snapshots.ts";
import type { StreamDirectory } from "../streams/stream_directory.ts";
import { isFree } from "../streams/stream_directory.ts";
import type { StreamLoader } from "../streams/stream_loader.ts";
import type { StreamQueue } from "../streams/stream_queue.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/**
 * Only messages are removed that are older than this: longer than attempts to store one go on, so that who is
 * unsure of one of theirs finds it, if it is there. (Who stood still for longer says that nobody knows.)
 */
export const PURGE_DELAY_MS = 120_000;
/** What couldn't be removed is tried again after so long. */
const RETRY_MS = 30_000;
/** The servers manage some 150 a second, and have more to do. */
const AT_ONCE = 4;
/** Of more that wait, the walk finds the rest. */
const MOST_WAITING = 100_000;
/** A fork that needs nothing of its source any more. */
const NOTHING = Number.MAX_SAFE_INTEGER;

/** What {@link Purges} work on. */
export interface PurgesParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly loaded: LoadedStreams;
  readonly loader: StreamLoader;
  readonly directory: StreamDirectory;
  readonly snapshots: Snapshots;
  readonly blocks: NatsBlocks;
  queueOf(stream: NatsStream): StreamQueue;
}

interface Waiting {
  readonly name: string;
  /** Its newest message when it began to wait: only what is no newer goes. */
  readonly sequence: number;
}

/**
 * Gives back the room of what nobody can read any more. That it can't be read is in a stream's messages
 * already, and so this may come late, again, or from several front ends: a snapshot that says so comes first,
 * since who reads the stream then begins there. A source is told of what its forks need no more.
 */
export class Purges {
  readonly #parts: PurgesParts;
  readonly #due = new DueQueue();
  readonly #waiting = new Map<number, Waiting>();
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(parts: PurgesParts) {
    this.#parts = parts;
  }

  /** How many streams wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Something of a stream may be needed no more. */
  schedule({ id, name, sequence, hasRetention }: NatsStream): void {
    if (!hasRetention || this.#waiting.has(id) || this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.set(id, { name, sequence });
    this.#due.set(id, this.#parts.clock.nowMs() + PURGE_DELAY_MS);
  }

  /** To be called about once a second. */
  tick(): void {
    this.#running ??= this.#run().finally(() => this.#running = undefined);
  }

  /** Nothing is removed any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts;
    while (!this.#isStopped) {
      const ids = this.#due.take(clock.nowMs(), AT_ONCE);
      if (ids.length === 0) return;
      await Promise.all(ids.map((id) => this.#release(id)));
    }
  }

  async #release(id: number): Promise<void> {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    try {
      const stream = await this.#find(id, waiting.name);
      if (stream !== undefined) {
        await this.#notifySource(stream);
        const upTo = await this.#purge(stream, waiting.sequence);
        if (upTo > 0) logger.debug("{name} has room up to {upTo}", { name: waiting.name, upTo });
      }
      this.#waiting.delete(id);
      // What came meanwhile, or was too new, is for another time.
      if (stream !== undefined && await this.#lastUnneeded(stream) > waiting.sequence) {
        this.schedule(stream);
      }
    } catch (error) {
      logger.debug("{name} isn't purged yet: {error}", { name: waiting.name, error });
      this.#waiting.set(id, waiting);
      this.#due.set(id, this.#parts.clock.nowMs() + RETRY_MS);
    }
  }

  /** The stream as it is now; `undefined` where it is gone. */
  async #find(id: number, name: string): Promise<NatsStream | undefined> {
    const { loaded, loader, directory } = this.#parts;
    const known = loaded.source(id);
    if (known !== undefined) {
      await loader.confirm(known);
      return known.lifecycle === "deleted" ? undefined : known;
    }
    const found = await directory.find(name);
    return isFree(found) || found.id !== id ? undefined : found;
  }

  /** Lets a fork's source know what the fork needs no more of it. */
  async #notifySource(stream: NatsStream): Promise<void> {
    const { source } = stream;
    if (source === undefined) return;
    const needed = neededFrom(stream);
    const from = needed >= stream.ownStart ? NOTHING : needed;
    await this.#parts.queueOf(source).record(() => {
      const reference = source.forks.get(stream.id);
      const isMore = reference !== undefined && reference.from < from;
      if (source.lifecycle === "deleted" || !isMore) return undefined;
      return { kind: "fork_trimmed", forkId: stream.id, from };
    });
    this.schedule(source);
  }

  /** Removes messages that hold nothing that is needed, up to a sequence; up to which it did. */
  async #purge(stream: NatsStream, limitSequence: number): Promise<number> {
    const { jetStream, subjects, snapshots } = this.#parts;
    const upTo = Math.min(await this.#lastUnneeded(stream), limitSequence);
    if (upTo <= 0) return 0;
    const log = subjects.dataLog(stream.shard);
    const subject = subjects.data(stream.shard, stream.id);
    try {
      const [first] = await jetStream.messages({
        log,
        subject,
        fromSequence: 1,
        limit: 1,
        limitBytes: 1,
        byLeader: true,
      });
      if (first === undefined || first.sequence > upTo) return 0;
      if (!(await snapshots.storeBeforePurge(stream, upTo))) return 0;
      await jetStream.purge(log, subject, upTo);
      return upTo;
    } catch (error) {
      throw toStreamError(error);
    }
  }

  /** The last message before all that hold something needed: never the newest one, which tells the tail. */
  async #lastUnneeded(stream: NatsStream): Promise<number> {
    const { blocks } = this.#parts;
    const { tail, ownStart, sequence } = stream;
    const needed = neededFrom(stream);
    if (needed <= ownStart) return 0;
    if (needed >= tail) return sequence - 1;
    const holder = await blocks.messageAt(stream, needed);
    // Where a further part of an append begins, whether a message ends before it is seen in the part before.
    const isFurtherPart = holder.start === needed && holder.appendStart < needed;
    const first = isFurtherPart ? await blocks.messageAt(stream, needed - 1) : holder;
    return first.sequence - 1;
  }
}

/** The first position that the stream's readers may read, or its forks'. */
function neededFrom({ lifecycle, earliest, forks }: NatsStream): number {
  let from = lifecycle === "there" ? earliest : NOTHING;
  for (const fork of forks.values()) from = Math.min(from, fork.from);
  return from;
}
