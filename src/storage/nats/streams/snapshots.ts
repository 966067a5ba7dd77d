import { getLogger } from "@logtape/logtape";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { NatsStream } from "./nats_stream.ts";
import type { NatsSettings } from "../options.ts";
import type { Published, Publisher } from "../cluster/publisher.ts";
import { decodeSnapshot, encodeSnapshot } from "../format/snapshot.ts";
import type { Subjects } from "../cluster/subjects.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** Also after so much: who loads the stream reads all of it. */
const SNAPSHOT_BYTES = 4 * 1024 * 1024;
/** A state that was too long for a message is looked at again after so many times as much. */
const INTERVALS_AFTER_TOO_LONG = 16;
/** Others store snapshots, too. */
const PURGE_ATTEMPTS = 4;

/**
 * Stores streams' states now and then, so that loading one reads few messages. A state in memory holds only
 * what was acknowledged, and so a snapshot is never ahead of its log.
 */
export class Snapshots {
  readonly #settings: NatsSettings;
  readonly #subjects: Subjects;
  readonly #publisher: Publisher;
  readonly #running = new Set<Promise<void>>();
  /** Those of which it was told that their state is too long. */
  readonly #tooLong = new WeakSet<NatsStream>();

  constructor(settings: NatsSettings, subjects: Subjects, publisher: Publisher) {
    this.#settings = settings;
    this.#subjects = subjects;
    this.#publisher = publisher;
  }

  /** A message of this front end's was stored: it is the one that stores a snapshot, if one is due. */
  onStored(stream: NatsStream): void {
    const isDue = stream.messagesSinceSnapshot >= this.#settings.snapshotMessages ||
      stream.bytesSinceSnapshot >= SNAPSHOT_BYTES;
    if (!isDue) return;
    if (stream.lifecycle === "deleted" || stream.openParts !== undefined) return;
    stream.messagesSinceSnapshot = 0;
    stream.bytesSinceSnapshot = 0;
    const running = this.#store(stream).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Waits for those that are under way. */
  async flush(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** It is told once, and encoded seldom: most likely it doesn't get shorter. */
  #putOff(stream: NatsStream, bytes: number): void {
    stream.messagesSinceSnapshot -= INTERVALS_AFTER_TOO_LONG * this.#settings.snapshotMessages;
    stream.bytesSinceSnapshot -= INTERVALS_AFTER_TOO_LONG * SNAPSHOT_BYTES;
    if (this.#tooLong.has(stream)) return;
    this.#tooLong.add(stream);
    const { name } = stream;
    logger.warn("The state of {name} is too long for a snapshot: it has {bytes} bytes.", {
      name,
      bytes,
    });
  }

  /**
   * Stores a stream's state before messages of it are removed, and that they may be.
   *
   * @param upToSequence of the last of these, which isn't the stream's newest message
   * @returns false where that can't be: its state is too long, or others are ahead
   * @throws {StreamError} `storage_unreachable`
   */
  async storeBeforePurge(stream: NatsStream, upToSequence: number): Promise<boolean> {
    for (let attempt = 0; attempt < PURGE_ATTEMPTS; attempt++) {
      if (stream.lifecycle === "deleted" || stream.openParts !== undefined) return false;
      if (!stream.hasRetention || isBehindPurge(stream)) return false;
      // At once: whatever snapshot comes after this one says it, too.
      stream.purgedUpTo = Math.max(stream.purgedUpTo, upToSequence);
      const state = stream.snapshot();
      const payload = encodeSnapshot(state);
      if (payload.length > this.#settings.jetStream.messageLimitBytes) {
        this.#putOff(stream, payload.length);
        return false;
      }
      const published = await this.#publish(stream, payload);
      if (published.kind === "failed") throw published.error;
      if (published.kind === "stored") return true;
    }
    return false;
  }

  async #store(stream: NatsStream): Promise<void> {
    if (isBehindPurge(stream)) return;
    const payload = encodeSnapshot(stream.snapshot());
    if (payload.length > this.#settings.jetStream.messageLimitBytes) {
      return this.#putOff(stream, payload.length);
    }
    await this.#publish(stream, payload);
  }

  async #publish(stream: NatsStream, payload: Bytes): Promise<Published> {
    const published = await this.#publisher.publish([{
      log: this.#subjects.dataLog(stream.shard),
      subject: this.#subjects.snapshot(stream.shard, stream.id),
      payload,
      // Another front end's may be newer: then this one is refused.
      expectedSequence: stream.snapshotSequence,
      rollup: true,
    }]);
    if (published.kind === "stored") stream.snapshotSequence = published.sequence;
    else if (published.kind === "refused") await this.#readPurged(stream);
    return published;
  }

  /** What another front end may have removed: this one's next snapshot has to say it, too. */
  async #readPurged(stream: NatsStream): Promise<void> {
    const log = this.#subjects.dataLog(stream.shard);
    const subject = this.#subjects.snapshot(stream.shard, stream.id);
    try {
      const stored = await this.#settings.jetStream.lastMessage(log, subject);
      if (stored === undefined) return;
      const { retention } = decodeSnapshot(stored.payload);
      stream.snapshotSequence = stored.sequence;
      stream.purgedUpTo = Math.max(stream.purgedUpTo, retention?.purgedUpTo ?? 0);
    } catch (error) {
      // As long as it isn't known, none takes its place.
      logger.debug("The snapshot of {name} can't be read: {error}", { name: stream.name, error });
    }
  }
}

/**
 * Whether messages that a state doesn't include may be gone: its front end stood still while another one
 * removed them. In place of that one's snapshot this state would be all there is, and nothing follows it.
 */
function isBehindPurge({ sequence, purgedUpTo, hasRetention }: NatsStream): boolean {
  return purgedUpTo > (hasRetention ? sequence : 0);
}
