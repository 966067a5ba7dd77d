import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../env/clock.ts";
import { expiryMs } from "../../protocol/lifetime.ts";
import { pause } from "./cluster/pause.ts";
import { type FollowToEnd, SlowWalk } from "./cluster/slow_walk.ts";
import type { Subjects } from "./cluster/subjects.ts";
import { decodeNameEntry, type NameRecord } from "./format/name_record.ts";
import type { JetStream, StoredMessage } from "./jetstream.ts";
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
  readonly #walk: SlowWalk;

  constructor(parts: WalkParts) {
    this.#parts = parts;
    this.#walk = new SlowWalk({
      ...parts,
      intervalMs: INTERVAL_MS,
      what: "the names",
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
  }

  async #lookAtAll(follow: FollowToEnd): Promise<void> {
    const { namesLog: log } = this.#parts.subjects;
    await follow({ log, fromSequence: 1, isLastOfEach: true }, (message) => this.#look(message));
  }

  async #look({ payload, sequence }: StoredMessage): Promise<void> {
    if (this.#walk.isStopped) return;
    try {
      const record = decodeNameEntry(payload);
      if (record.kind !== "name" || !this.#mayBeOver(record)) return;
      await pause(this.#parts.clock, PAUSE_MS);
      if (!this.#walk.isStopped) await this.#check(record, sequence);
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
