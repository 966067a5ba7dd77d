import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { JetStream } from "../jetstream.ts";
import type { LoadedStreams } from "./loaded_streams.ts";
import { isEnd } from "../format/message.ts";
import type { MessageWriter } from "./message_writer.ts";
import type { NameRecord } from "../format/name_record.ts";
import type { Names } from "../cluster/names.ts";
import type { NatsStream } from "./nats_stream.ts";
import { newMessage } from "./new_message.ts";
import { newestMessage } from "./newest_message.ts";
import type { Publisher } from "../cluster/publisher.ts";
import type { ForkReference } from "../format/snapshot.ts";
import type { StreamQueue } from "./stream_queue.ts";
import type { Subjects } from "../cluster/subjects.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** How long what is left of a stream whose name was given away says that it is gone. */
const GONE_SECONDS = 86_400;
/**
 * A source knows of a fork before the fork's name is written, so that it can't go in between. A reference
 * that is older than any create may take, and whose name has no such stream, was left by a front end that
 * died.
 */
export const REFERENCE_GRACE_MS = 120_000;

/** What {@link Endings} work on. */
export interface EndingsParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly publisher: Publisher;
  readonly writer: MessageWriter;
  readonly names: Names;
  readonly loaded: LoadedStreams;
  /** The stream of a name's record; `undefined` where it has another one by now. */
  load(record: NameRecord, sequence: number): Promise<NatsStream | undefined>;
  /** What is written to a stream. */
  queueOf(stream: NatsStream): StreamQueue;
}

/**
 * How streams go. First a message says so in the stream itself, which decides it: from then on no append is
 * stored, since its expectation isn't met. Then the name is freed, the source of a fork told, and last what
 * is left made to vanish by itself. Whoever finds this unfinished finishes it.
 */
export class Endings {
  readonly #parts: EndingsParts;
  readonly #finishing = new Set<Promise<void>>();

  constructor(parts: EndingsParts) {
    this.#parts = parts;
  }

  /**
   * Ends a stream, softly where it has forks, if it is there and `mayEnd` still says so when nothing can
   * come between.
   *
   * @returns whether this call has ended it
   * @throws {StreamError} `storage_unreachable`
   */
  async end(stream: NatsStream, mayEnd: () => boolean): Promise<boolean> {
    const event = await this.#parts.queueOf(stream).record(async () => {
      if (stream.lifecycle !== "there" || !mayEnd()) return undefined;
      return { kind: "gone", isSoftlyDeleted: await this.#hasFork(stream) };
    });
    if (event?.kind === "gone") {
      if (event.isSoftlyDeleted) this.#letGoOfSnapshots(stream);
      else await this.finish(stream);
    }
    return event !== undefined;
  }

  /** Ends a softly deleted stream that has no fork any more. */
  async endUnused(stream: NatsStream): Promise<void> {
    await this.#parts.queueOf(stream).record(() =>
      stream.lifecycle === "soft_deleted" && stream.forkCount === 0
        ? { kind: "gone", isSoftlyDeleted: false }
        : undefined
    );
    if (stream.lifecycle === "deleted") await this.finish(stream);
  }

  /**
   * Takes references out of a softly deleted stream that are none any more, and ends it where none is left.
   *
   * @throws {StreamError} `storage_unreachable`
   */
  async prune(stream: NatsStream): Promise<void> {
    for (const [id, reference] of [...stream.forks]) {
      const { record, sequence } = await this.#parts.names.find(reference.name);
      if (record?.id === id) {
        // A fork that is softly deleted itself may be held by nothing but such a reference.
        const fork = await this.#parts.load(record, sequence);
        if (fork?.lifecycle === "soft_deleted") await this.prune(fork);
      }
      // One is enough to keep it; the others are looked at when that one is gone.
      if (await this.#isReferenced(id, reference)) return;
      await this.release(stream, id);
    }
    if (stream.lifecycle === "soft_deleted" && stream.forkCount === 0) await this.endUnused(stream);
  }

  /**
   * A stream isn't the source of a fork any more; where it was the last one and the stream deleted, it
   * goes, and so on up the chain.
   */
  async release(first: NatsStream, firstForkId: number): Promise<void> {
    let forkId = firstForkId;
    for (let source: NatsStream | undefined = first; source !== undefined;) {
      const stream: NatsStream = source;
      const id = forkId;
      await this.#parts.queueOf(stream).record(() => {
        const reference = stream.forks.get(id);
        if (stream.lifecycle === "deleted" || reference === undefined) return undefined;
        return stream.lifecycle === "soft_deleted" && stream.forkCount === 1
          ? { kind: "gone", isSoftlyDeleted: false }
          : { kind: "fork_removed", forkId: id, forkName: reference.name };
      });
      if (stream.lifecycle !== "deleted") return;
      await this.#freeName(stream);
      forkId = stream.id;
      source = stream.source;
    }
  }

  /** What follows when a stream is gone for good; it may have been done by others. */
  async finish(stream: NatsStream): Promise<void> {
    try {
      await this.#freeName(stream);
      if (stream.source !== undefined) await this.release(stream.source, stream.id);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      // It is gone all the same: whoever finds the name, or the reference, does the rest.
      logger.warn("What the stream {name} leaves isn't removed yet: {reason}", {
        name: stream.name,
        reason: error.message,
      });
    }
  }

  /**
   * Removes what a create has written that lost its name to another one, or failed: a late attempt at the
   * name's record, if there is one, finds that the stream is gone.
   */
  async undo(stream: NatsStream): Promise<void> {
    if (stream.sequence > 0) await this.#vanish(stream);
    if (stream.source !== undefined) await this.release(stream.source, stream.id);
  }

  /** Waits for what goes on by itself. */
  async flush(): Promise<void> {
    await Promise.all(this.#finishing);
  }

  async #freeName(stream: NatsStream): Promise<void> {
    const { loaded, names } = this.#parts;
    loaded.remove(stream);
    const { name, id, nameSequence } = stream;
    const published = await names.free(name, id, nameSequence);
    if (published.kind === "failed") throw published.error;
    if (published.kind === "refused") {
      // Somebody else has freed it, or is about to, which may come to nothing.
      const { record } = await names.find(name);
      if (record?.id === id) return;
    }
    // Only now: as long as the name is its own, the stream has to say that it is gone.
    const vanishing = this.#vanish(stream).catch((error) => {
      logger.warn("What is left of {name} stays: {error}", { name, error });
    }).finally(() => this.#finishing.delete(vanishing));
    this.#finishing.add(vanishing);
  }

  async #vanish(stream: NatsStream): Promise<void> {
    const { jetStream, subjects, publisher, writer, clock } = this.#parts;
    const { shard, id } = stream;
    // The very message by which it went: whoever wrote it, and hasn't heard that it was stored, finds it.
    const gone = stream.gone ??
      writer.event(stream, { kind: "gone", isSoftlyDeleted: false }, clock.nowMs());
    await publisher.publish([{
      ...newMessage(subjects, stream, gone),
      ttlSeconds: GONE_SECONDS,
    }]);
    this.#letGoOfSnapshots(stream);
    if (stream.snapshotSequence > 0) {
      await jetStream.purge(
        subjects.dataLog(shard),
        subjects.snapshot(shard, id),
        stream.snapshotSequence,
      );
    }
  }

  /** Of what applications have kept beside it nothing is named any more; nobody waits for that. */
  #letGoOfSnapshots({ name, shard, id, bodiesFrom }: NatsStream): void {
    if (bodiesFrom === 0) return;
    const { jetStream, subjects } = this.#parts;
    const parts = subjects.keptParts(shard, id, "*");
    const purging = jetStream.purge(subjects.dataLog(shard), parts, Number.MAX_SAFE_INTEGER - 1)
      .catch((error) => {
        logger.debug("Snapshots of {name} stay for now: {error}", { name, error });
      }).finally(() => this.#finishing.delete(purging));
    this.#finishing.add(purging);
  }

  /** Whether any of a stream's references is one; those found to be none are left for {@link prune}. */
  async #hasFork(stream: NatsStream): Promise<boolean> {
    for (const [id, reference] of stream.forks) {
      if (await this.#isReferenced(id, reference)) return true;
    }
    return false;
  }

  async #isReferenced(forkId: number, { name, atMs }: ForkReference): Promise<boolean> {
    const { names, clock } = this.#parts;
    const { record } = await names.find(name);
    if (record?.id === forkId) return !(await this.#isGone(record));
    return clock.nowMs() - atMs < REFERENCE_GRACE_MS;
  }

  async #isGone(record: NameRecord): Promise<boolean> {
    const { jetStream, subjects } = this.#parts;
    const newest = await newestMessage(jetStream, subjects, record);
    // That there is nothing at all proves nothing; a name that is free by now is seen the next time.
    return newest !== undefined && isEnd(newest);
  }
}
