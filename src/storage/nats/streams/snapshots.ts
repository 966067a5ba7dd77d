import { getLogger } from "@logtape/logtape";
import type { NatsStream } from "./nats_stream.ts";
import type { NatsSettings } from "../options.ts";
import type { Publisher } from "../cluster/publisher.ts";
import { encodeSnapshot } from "../format/snapshot.ts";
import type { Subjects } from "../cluster/subjects.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** Also after so much: who loads the stream reads all of it. */
const SNAPSHOT_BYTES = 4 * 1024 * 1024;

/**
 * Stores streams' states now and then, so that loading one reads few messages. A state in memory holds only
 * what was acknowledged, and so a snapshot is never ahead of its log.
 */
export class Snapshots {
  readonly #settings: NatsSettings;
  readonly #subjects: Subjects;
  readonly #publisher: Publisher;
  readonly #running = new Set<Promise<void>>();

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

  async #store(stream: NatsStream): Promise<void> {
    const payload = encodeSnapshot(stream.snapshot());
    if (payload.length > this.#settings.jetStream.messageLimitBytes) {
      logger.warn("The state of {name} is too long for a snapshot: it has {bytes} bytes.", {
        name: stream.name,
        bytes: payload.length,
      });
      return;
    }
    const published = await this.#publisher.publish([{
      log: this.#subjects.dataLog(stream.shard),
      subject: this.#subjects.snapshot(stream.shard, stream.id),
      payload,
      // Another front end's may be newer: then this one is refused.
      expectedSequence: stream.snapshotSequence,
      rollup: true,
    }]);
    if (published.kind === "stored") stream.snapshotSequence = published.sequence;
    else if (published.kind === "refused") {
      stream.snapshotSequence = published.lastSequence ?? stream.snapshotSequence;
    }
  }
}
