import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import type { Names } from "../cluster/names.ts";
import { pause } from "../cluster/pause.ts";
import { type FollowToEnd, SlowWalk } from "../cluster/slow_walk.ts";
import type { Subjects } from "../cluster/subjects.ts";
import type { NameRecord } from "../format/name_record.ts";
import type { JetStream, StoredMessage } from "../jetstream.ts";
import type { NatsStream } from "../streams/nats_stream.ts";
import type { StreamDirectory } from "../streams/stream_directory.ts";
import type { StreamQueue } from "../streams/stream_queue.ts";
import { SNAPSHOT_OF_HEADER } from "./snapshot_bodies.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** Between two walks, on average: the servers read all bodies for one, and what is left is seldom. */
const INTERVAL_MS = 6 * 3_600_000;
/** After each body that is looked at: 100 a second. */
const PAUSE_MS = 10;
/** One that is younger most likely belongs to who is about to name it. */
const LEAST_AGE_MS = 600_000;
/** Of one that is older only the name is looked at: loading its stream costs more, and was done before. */
const MOST_AGE_MS = 86_400_000;

/** What a {@link LeftoverWalk} works on. */
export interface LeftoverWalkParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly names: Names;
  readonly directory: StreamDirectory;
  readonly shards: number;
  queueOf(stream: NatsStream): StreamQueue;
  random(): number;
}

/**
 * Takes away bodies of snapshots that nothing names: who wrote them has died before they were named, or before
 * what they took the place of was taken away. Now and then it goes through all of them, slowly.
 */
export class LeftoverWalk {
  readonly #parts: LeftoverWalkParts;
  readonly #walk: SlowWalk;
  /** The body that was looked at last: most often it has more parts. */
  #looked = 0;

  constructor(parts: LeftoverWalkParts) {
    this.#parts = parts;
    this.#walk = new SlowWalk({
      ...parts,
      intervalMs: INTERVAL_MS,
      what: "snapshots",
      walk: (follow) => this.#lookAtAll(follow),
    });
  }

  /** To be called about once a second. */
  tick(): void {
    this.#walk.tick();
  }

  /** Nothing is looked at any more. */
  async stop(): Promise<void> {
    await this.#walk.stop();
    await this.#walk.ended();
  }

  async #lookAtAll(follow: FollowToEnd): Promise<void> {
    const { subjects, shards } = this.#parts;
    this.#looked = 0;
    for (let shard = 1; shard <= shards; shard++) {
      const request = {
        log: subjects.dataLog(shard),
        subject: subjects.allKeptParts(shard),
        fromSequence: 1,
        isLastOfEach: true,
        headersOnly: true,
      };
      await follow(request, (message) => this.#look(shard, message));
    }
  }

  async #look(shard: number, message: StoredMessage): Promise<void> {
    const { clock, subjects } = this.#parts;
    if (this.#walk.isStopped || clock.nowMs() - message.atMs < LEAST_AGE_MS) return;
    const { number } = subjects.keptPartOf(message.subject);
    if (number === this.#looked) return;
    await pause(clock, PAUSE_MS);
    if (this.#walk.isStopped) return;
    try {
      await this.#check(shard, message);
      this.#looked = number;
    } catch (error) {
      // Looked at again by the next walk.
      logger.debug("What may be left of a snapshot is passed over: {error}", { error });
    }
  }

  async #check(shard: number, message: StoredMessage): Promise<void> {
    const { clock, jetStream, subjects, names, directory } = this.#parts;
    const { id, number } = subjects.keptPartOf(message.subject);
    const name = decodeURIComponent(message.headers[SNAPSHOT_OF_HEADER] ?? "");
    if (name === "") return;
    const { record, sequence } = await names.find(name);
    // Whoever writes a snapshot has found its stream by its name: it had it, and is gone.
    const isGone = record?.id !== id;
    if (!isGone) {
      if (clock.nowMs() - message.atMs > MOST_AGE_MS) return;
      if (!(await this.#isLeft(directory, record, sequence, { number, at: message.sequence }))) {
        return;
      }
    }
    const log = subjects.dataLog(shard);
    await jetStream.purge(log, subjects.keptParts(shard, id, number), Number.MAX_SAFE_INTEGER - 1);
    logger.info("What was left of snapshot {number} of {name} is removed.", { number, name });
  }

  /** Whether a body of a stream isn't named, and never will be. */
  async #isLeft(
    directory: StreamDirectory,
    record: NameRecord,
    nameSequence: number,
    { number, at }: { number: number; at: number },
  ): Promise<boolean> {
    const stream = await directory.load(record, nameSequence);
    if (stream === undefined) return false;
    const isNamed = () => stream.keptSnapshot?.number === number;
    if (isNamed()) return false;
    // Where somebody may still be about to name it, that has to fail from now on.
    await this.#parts.queueOf(stream).record(() => {
      if (stream.lifecycle !== "there" || isNamed() || at < stream.bodiesFrom) return undefined;
      const kept = { bodiesFrom: at + 1, snapshot: stream.keptSnapshot ?? undefined };
      return { kind: "snapshot", kept, isUse: false };
    });
    return !isNamed();
  }
}
