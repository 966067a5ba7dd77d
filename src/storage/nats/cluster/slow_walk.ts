import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import type { Follower, FollowRequest, JetStream, StoredMessage } from "../jetstream.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** Goes through what a request is of; resolves at its end, and at once where the walk is stopped. */
export type FollowToEnd = (
  request: FollowRequest,
  look: (message: StoredMessage) => Promise<void>,
) => Promise<void>;

/** What a {@link SlowWalk} works on. */
export interface SlowWalkParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  /** Between two walks, on average. */
  readonly intervalMs: number;
  /** What it goes through, for the log. */
  readonly what: string;
  /** Goes through all once. */
  walk(follow: FollowToEnd): Promise<void>;
  random(): number;
}

/**
 * Now and then goes through messages that a cluster holds, for what no front end looks after: whoever did has
 * stopped, or let go of it.
 */
export class SlowWalk {
  readonly #parts: SlowWalkParts;
  #nextMs: number;
  #walking: Promise<void> | undefined;
  #follower: Follower | undefined;
  #isStopped = false;

  constructor(parts: SlowWalkParts) {
    this.#parts = parts;
    this.#nextMs = this.#draw();
  }

  /** Whether nothing is to be looked at any more. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** To be called about once a second. */
  tick(): void {
    const { clock, what, walk } = this.#parts;
    if (this.#walking !== undefined || clock.nowMs() < this.#nextMs) return;
    this.#walking = walk(this.#follow).catch((error: unknown) => {
      logger.debug("The walk over {what} has ended: {error}", { what, error });
    }).finally(() => {
      this.#walking = undefined;
      this.#nextMs = this.#draw();
    });
  }

  /** The next walk begins soon. */
  walkSoon(): void {
    this.#nextMs = this.#parts.clock.nowMs();
  }

  /** Nothing is looked at any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#follower?.stop();
  }

  /** Resolves once no walk is under way. */
  async ended(): Promise<void> {
    await this.#walking;
  }

  readonly #follow: FollowToEnd = async (request, look) => {
    if (this.#isStopped) return;
    const follower = this.#parts.jetStream.follow(request, look);
    this.#follower = follower;
    try {
      await follower.caughtUp();
    } finally {
      this.#follower = undefined;
      await follower.stop();
    }
  };

  /** Spread, so that not all front ends walk at once. */
  #draw(): number {
    const { clock, intervalMs, random } = this.#parts;
    return clock.nowMs() + intervalMs * (0.5 + random());
  }
}
