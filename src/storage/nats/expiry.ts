import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../env/clock.ts";
import { DueQueue } from "../due_queue.ts";
import type { Endings } from "./streams/endings.ts";
import { accessSlackMs, endMs } from "./streams/lifetimes.ts";
import type { LoadedStreams } from "./streams/loaded_streams.ts";
import type { NatsStream } from "./streams/nats_stream.ts";
import type { StreamQueue } from "./streams/stream_queue.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

const AT_ONCE = 16;
/** One that can't be ended now, or is watched, is looked at again after so long. */
const AGAIN_MS = 1000;

/** What an {@link Expiry} works on. */
export interface ExpiryParts {
  readonly clock: Clock;
  readonly frontEnd: number;
  readonly loaded: LoadedStreams;
  readonly endings: () => Endings;
  queueOf(stream: NatsStream): StreamQueue;
}

/** Ends the streams in memory whose time is over, and records that those are used whose time slides. */
export class Expiry {
  readonly #parts: ExpiryParts;
  readonly #due = new DueQueue();
  /** Streams of which a use is being recorded. */
  readonly #touching = new Set<NatsStream>();
  #running: Promise<void> | undefined;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  /** Whether a stream's time is over; a sliding one's isn't while somebody waits on it here. */
  isOver(stream: NatsStream, nowMs: number): boolean {
    if (stream.lifetime.kind === "ttl" && stream.isWatched) return false;
    return endMs(stream, this.#parts.frontEnd) <= nowMs;
  }

  /** A stream came into memory, or its end has moved. */
  schedule(stream: NatsStream): void {
    if (stream.lifetime.kind === "forever") return;
    if (stream.lifecycle === "there") this.#due.set(stream.id, this.#dueMs(stream));
    else this.#due.delete(stream.id);
  }

  /** A stream has left memory: what ends it then is the walk over the names, or whoever asks for it. */
  forget({ id }: NatsStream): void {
    this.#due.delete(id);
  }

  /** A stream was used: that is recorded where the recorded use is old, without anyone waiting for it. */
  accessed(stream: NatsStream): void {
    if (stream.lifetime.kind !== "ttl" || stream.lifecycle !== "there") return;
    stream.accessedAtMs = Math.max(stream.accessedAtMs, this.#parts.clock.nowMs());
    if (stream.accessedAtMs - stream.recordedAccessMs < accessSlackMs(stream)) return;
    if (this.#touching.has(stream)) return;
    this.#touching.add(stream);
    const recorded = this.#parts.queueOf(stream).record(() =>
      stream.lifecycle === "there" && stream.accessedAtMs > stream.recordedAccessMs
        ? { kind: "touched" }
        : undefined
    );
    recorded.catch((error: unknown) => {
      logger.debug("A use of {name} isn't recorded: {error}", { name: stream.name, error });
    }).finally(() => this.#touching.delete(stream));
  }

  /** To be called about once a second. */
  tick(): void {
    this.#running ??= this.#run().finally(() => this.#running = undefined);
  }

  /** Waits for what is under way. */
  async flush(): Promise<void> {
    await this.#running;
  }

  /** Those that are watched are used, and look after that themselves. */
  #dueMs(stream: NatsStream): number {
    const end = endMs(stream, this.#parts.frontEnd);
    return stream.lifetime.kind === "ttl" && stream.isWatched
      ? Math.min(end, stream.recordedAccessMs + accessSlackMs(stream))
      : end;
  }

  async #run(): Promise<void> {
    const { clock, loaded } = this.#parts;
    for (;;) {
      const ids = this.#due.take(clock.nowMs(), AT_ONCE);
      if (ids.length === 0) return;
      await Promise.all(ids.map(async (id) => {
        const stream = loaded.byId(id);
        if (stream?.lifecycle !== "there") return;
        await this.#check(stream);
        if (stream.lifecycle !== "there" || loaded.byId(id) !== stream) return;
        this.#due.set(id, Math.max(this.#dueMs(stream), clock.nowMs() + AGAIN_MS));
      }));
    }
  }

  async #check(stream: NatsStream): Promise<void> {
    const { clock, endings } = this.#parts;
    if (stream.isWatched) this.accessed(stream);
    if (!this.isOver(stream, clock.nowMs())) return;
    try {
      await endings().end(stream, () => this.isOver(stream, clock.nowMs()));
    } catch (error) {
      logger.debug("{name} isn't ended yet: {error}", { name: stream.name, error });
    }
  }
}
