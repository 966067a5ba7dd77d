import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import { pause } from "../cluster/pause.ts";
import { readShards } from "../cluster/shards.ts";
import { type FollowToEnd, SlowWalk } from "../cluster/slow_walk.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { readNotice } from "../format/notice.ts";
import type { JetStream, StoredMessage } from "../jetstream.ts";
import type { NatsStream } from "../streams/nats_stream.ts";
import { isFree, type StreamDirectory } from "../streams/stream_directory.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** Between two walks, on average: what no front end has in memory is trimmed so much later than it could be. */
const INTERVAL_MS = 3_600_000;
/** After each stream that is loaded: 100 a second. */
const PAUSE_MS = 10;

/** What a {@link RetentionWalk} works on. */
export interface RetentionWalkParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly directory: StreamDirectory;
  /** Whether a pattern says how much is kept of a stream of this name. */
  hasRule(name: string): boolean;
  /** A stream may have something to be trimmed, or removed. */
  onFound(stream: NatsStream): void;
  random(): number;
}

/**
 * Finds streams of which less is to be kept, and whose front ends have stopped or let go of them. Now and
 * then it goes through the headers of all streams' newest messages, which say whether there is anything of
 * the kind, and loads those where there is.
 */
export class RetentionWalk {
  readonly #parts: RetentionWalkParts;
  readonly #walk: SlowWalk;

  constructor(parts: RetentionWalkParts) {
    this.#parts = parts;
    this.#walk = new SlowWalk({
      ...parts,
      intervalMs: INTERVAL_MS,
      what: "the streams",
      walk: (follow) => this.#lookAtAll(follow),
    });
  }

  /** To be called about once a second. */
  tick(): void {
    this.#walk.tick();
  }

  /** The next walk begins soon: the rules are others. */
  walkSoon(): void {
    this.#walk.walkSoon();
  }

  /** Nothing is looked at any more. */
  async stop(): Promise<void> {
    await this.#walk.stop();
  }

  async #lookAtAll(follow: FollowToEnd): Promise<void> {
    const { jetStream, subjects } = this.#parts;
    const shards = await readShards(jetStream, subjects);
    for (let shard = 1; shard <= shards; shard++) {
      const request = {
        log: subjects.dataLog(shard),
        subject: subjects.allStreams(shard),
        fromSequence: 1,
        isLastOfEach: true,
        headersOnly: true,
      };
      await follow(request, (message) => this.#look(message));
    }
  }

  async #look({ headers }: StoredMessage): Promise<void> {
    const notice = readNotice(headers);
    if (this.#walk.isStopped || notice === undefined) return;
    const { name, isGone, hasRetention } = notice;
    // A deleted one that forks still read may have let go of something.
    if (!hasRetention && (isGone || !this.#parts.hasRule(name))) return;
    try {
      await pause(this.#parts.clock, PAUSE_MS);
      if (this.#walk.isStopped) return;
      const found = await this.#parts.directory.find(name);
      if (!isFree(found)) this.#parts.onFound(found);
    } catch (error) {
      // Whoever asks for that stream finds out more.
      logger.debug("{name} is passed over: {error}", { name, error });
    }
  }
}
