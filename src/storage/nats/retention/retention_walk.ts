import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import { pause } from "../cluster/pause.ts";
import { readShards } from "../cluster/shards.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { readNotice } from "../format/notice.ts";
import type { Follower, JetStream, StoredMessage } from "../jetstream.ts";
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
  #nextMs: number;
  #walking: Promise<void> | undefined;
  #follower: Follower | undefined;
  #isStopped = false;

  constructor(parts: RetentionWalkParts) {
    this.#parts = parts;
    this.#nextMs = this.#draw();
  }

  /** To be called about once a second. */
  tick(): void {
    if (this.#walking !== undefined || this.#parts.clock.nowMs() < this.#nextMs) return;
    this.#walking = this.walk().catch((error: unknown) => {
      logger.debug("The walk over the streams has ended: {error}", { error });
    }).finally(() => {
      this.#walking = undefined;
      this.#nextMs = this.#draw();
    });
  }

  /** The next walk begins soon: the rules are others. */
  walkSoon(): void {
    this.#nextMs = this.#parts.clock.nowMs();
  }

  /** Goes through all streams once. */
  async walk(): Promise<void> {
    const { jetStream, subjects } = this.#parts;
    const shards = await readShards(jetStream, subjects);
    for (let shard = 1; shard <= shards && !this.#isStopped; shard++) {
      const follower = jetStream.follow(
        {
          log: subjects.dataLog(shard),
          subject: subjects.allStreams(shard),
          fromSequence: 1,
          isLastOfEach: true,
          headersOnly: true,
        },
        (message) => this.#look(message),
      );
      this.#follower = follower;
      try {
        await follower.caughtUp();
      } finally {
        this.#follower = undefined;
        await follower.stop();
      }
    }
  }

  /** Nothing is looked at any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#follower?.stop();
  }

  /** Spread, so that not all front ends walk at once. */
  #draw(): number {
    const { clock, random } = this.#parts;
    return clock.nowMs() + INTERVAL_MS * (0.5 + random());
  }

  async #look({ headers }: StoredMessage): Promise<void> {
    const notice = readNotice(headers);
    if (this.#isStopped || notice === undefined) return;
    const { name, isGone, hasRetention } = notice;
    // A deleted one that forks still read may have let go of something.
    if (!hasRetention && (isGone || !this.#parts.hasRule(name))) return;
    try {
      await pause(this.#parts.clock, PAUSE_MS);
      if (this.#isStopped) return;
      const found = await this.#parts.directory.find(name);
      if (!isFree(found)) this.#parts.onFound(found);
    } catch (error) {
      // Whoever asks for that stream finds out more.
      logger.debug("{name} is passed over: {error}", { name, error });
    }
  }
}
