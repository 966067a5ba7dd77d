import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../env/clock.ts";
import { expiryMs } from "../../protocol/lifetime.ts";
import { pause } from "./cluster/pause.ts";
import type { Subjects } from "./cluster/subjects.ts";
import { decodeNameEntry, type NameRecord } from "./format/name_record.ts";
import type { Follower, JetStream, StoredMessage } from "./jetstream.ts";
import type { Endings } from "./streams/endings.ts";
import type { LoadedStreams } from "./streams/loaded_streams.ts";
import type { NatsStream } from "./streams/nats_stream.ts";
import { newestMessage } from "./streams/newest_message.ts";
import type { StreamDirectory } from "./streams/stream_directory.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** Between two walks, on average: what nobody asks for takes up room for so long beyond its end. */
const INTERVAL_MS = 3_600_000;
/** After each stream that is asked for: 100 a second. */
const PAUSE_MS = 10;

/** What an {@link ExpiryWalk} works on. */
export interface WalkParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly loaded: LoadedStreams;
  readonly directory: StreamDirectory;
  readonly endings: Endings;
  isOver(stream: NatsStream, nowMs: number): boolean;
  random(): number;
}

/**
 * Ends streams whose time is over and that no front end has in memory: whoever made or used them has
 * stopped, or has let go of them. Now and then it goes through all names, slowly.
 */
export class ExpiryWalk {
  readonly #parts: WalkParts;
  #nextMs: number;
  #walking: Promise<void> | undefined;
  #follower: Follower | undefined;
  #isStopped = false;

  constructor(parts: WalkParts) {
    this.#parts = parts;
    this.#nextMs = this.#draw();
  }

  /** To be called about once a second. */
  tick(): void {
    if (this.#walking !== undefined || this.#parts.clock.nowMs() < this.#nextMs) return;
    this.#walking = this.walk().catch((error: unknown) => {
      logger.debug("The walk over the names has ended: {error}", { error });
    }).finally(() => {
      this.#walking = undefined;
      this.#nextMs = this.#draw();
    });
  }

  /** Goes through all names once. */
  async walk(): Promise<void> {
    const { jetStream, subjects } = this.#parts;
    const follower = jetStream.follow(
      { log: subjects.namesLog, fromSequence: 1, isLastOfEach: true },
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

  async #look({ payload, sequence }: StoredMessage): Promise<void> {
    if (this.#isStopped) return;
    try {
      const record = decodeNameEntry(payload);
      if (record.kind !== "name" || !this.#mayBeOver(record)) return;
      await pause(this.#parts.clock, PAUSE_MS);
      if (!this.#isStopped) await this.#check(record, sequence);
    } catch (error) {
      // Whoever asks for that stream finds out more.
      logger.debug("A name's record is passed over: {error}", { error });
    }
  }

  #mayBeOver({ id, lifetime, createdAtMs }: NameRecord): boolean {
    const { clock, loaded } = this.#parts;
    // Those in memory are looked after there.
    return loaded.byId(id) === undefined && expiryMs(lifetime, createdAtMs) <= clock.nowMs();
  }

  async #check(record: NameRecord, sequence: number): Promise<void> {
    const { clock, jetStream, subjects, directory, endings, isOver } = this.#parts;
    // Its newest message says when it was used; only of one that may be over is all the rest read.
    const newest = await newestMessage(jetStream, subjects, record);
    if (newest === undefined || newest.isSoftlyDeleted) return;
    const isGone = newest.kind === "gone";
    if (!isGone && expiryMs(record.lifetime, newest.accessedAtMs) > clock.nowMs()) return;
    const stream = await directory.load(record, sequence);
    if (stream === undefined) return;
    // Whoever ended it didn't come to the rest.
    if (stream.lifecycle === "deleted") await endings.finish(stream);
    else await endings.end(stream, () => isOver(stream, clock.nowMs()));
  }
}
