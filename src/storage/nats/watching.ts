import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../env/clock.ts";
import { DueQueue } from "../due_queue.ts";
import type { JetStream, StoredNotice } from "./jetstream.ts";
import type { NatsStream } from "./streams/nats_stream.ts";
import type { StreamLoader } from "./streams/stream_loader.ts";
import type { Subjects } from "./cluster/subjects.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** Notices may be lost without a word: so often is each watched stream looked at all the same. */
const CHECK_MS = 10_000;
/** Of many, so many a second are looked at, and each of them less often. */
const CHECKS_PER_SECOND = 200;
/** The interest in notices may take a moment to be known everywhere: what came meanwhile is looked for. */
const FIRST_CHECK_MS = 1000;
const CHECKS_AT_ONCE = 32;

/** What {@link Watching} works on. */
export interface WatchingParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly loader: StreamLoader;
  random(): number;
}

interface Watched {
  readonly stream: NatsStream;
  readonly end: () => void;
}

/** Brings streams that somebody waits on forward as soon as anybody writes to them. */
export class Watching {
  readonly #parts: WatchingParts;
  readonly #watched = new Map<number, Watched>();
  readonly #checks = new DueQueue();
  #isChecking = false;

  constructor(parts: WatchingParts) {
    this.#parts = parts;
  }

  /** How many streams are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Somebody waits on a stream. */
  begin(stream: NatsStream): void {
    const known = this.#watched.get(stream.id);
    if (known?.stream === stream) return;
    known?.end();
    const { jetStream, subjects, clock } = this.#parts;
    const end = jetStream.watch(
      subjects.dataLog(stream.shard),
      subjects.data(stream.shard, stream.id),
      (notice) => this.#onStored(stream, notice),
      () => this.#catchUp(stream),
    );
    this.#watched.set(stream.id, { stream, end });
    this.#checks.set(stream.id, clock.nowMs() + FIRST_CHECK_MS);
  }

  /** Somebody doesn't wait any more. */
  endUnless(stream: NatsStream): void {
    if (stream.isWatched || this.#watched.get(stream.id)?.stream !== stream) return;
    this.#watched.get(stream.id)?.end();
    this.#watched.delete(stream.id);
    this.#checks.delete(stream.id);
  }

  /** To be called about once a second. */
  tick(): void {
    if (this.#isChecking) return;
    this.#isChecking = true;
    void this.#check().finally(() => this.#isChecking = false);
  }

  /** Nothing is watched any more. */
  stop(): void {
    for (const { end } of this.#watched.values()) end();
    this.#watched.clear();
  }

  #onStored(stream: NatsStream, { sequence }: StoredNotice): void {
    // What is missing before it is read with it: reading goes on where the stream ended.
    if (sequence > stream.sequence) this.#run(stream, this.#parts.loader.catchUp(stream, sequence));
  }

  #catchUp(stream: NatsStream): void {
    this.#run(stream, this.#parts.loader.confirm(stream));
  }

  /** What fails is tried again by the next check. */
  #run(stream: NatsStream, reading: Promise<void>): void {
    reading.catch((error: unknown) => {
      logger.debug("{name} isn't up to date: {error}", { name: stream.name, error });
    });
  }

  async #check(): Promise<void> {
    const { clock, loader, random } = this.#parts;
    for (;;) {
      const nowMs = clock.nowMs();
      const ids = this.#checks.take(nowMs, CHECKS_AT_ONCE);
      if (ids.length === 0) return;
      await Promise.all(ids.map(async (id) => {
        const stream = this.#watched.get(id)?.stream;
        if (stream === undefined) return;
        try {
          await loader.confirm(stream);
        } catch (error) {
          logger.debug("{name} isn't up to date: {error}", { name: stream.name, error });
        }
        if (this.#watched.has(id)) {
          // Spread, so that thousands that were watched in one moment aren't asked for in one.
          const everyMs = Math.max(CHECK_MS, this.#watched.size * 1000 / CHECKS_PER_SECOND);
          this.#checks.set(id, clock.nowMs() + everyMs * (0.75 + random() / 2));
        }
      }));
    }
  }
}
