import { NO_CHECKPOINTS, NO_LOG, type StorageMeasures } from "../measures.ts";
import type { StorageStatus } from "../status.ts";
import type { LoadedStreams } from "./streams/loaded_streams.ts";
import type { MessageCache } from "./streams/message_cache.ts";
import type { StreamMessage } from "./format/message.ts";
import type { NatsStream } from "./streams/nats_stream.ts";
import type { NatsSettings } from "./options.ts";
import type { Publisher } from "./cluster/publisher.ts";
import type { QueueRoom } from "./streams/queue_room.ts";

/** What a {@link FrontEndStatus} looks at. */
export interface StatusParts {
  readonly settings: NatsSettings;
  readonly publisher: Publisher;
  readonly loaded: LoadedStreams;
  readonly room: QueueRoom;
  readonly cache: MessageCache;
}

/** How one front end is, and what it has done. */
export class FrontEndStatus {
  /** How often a group of appends was decided anew, since another front end was first. */
  racesLost = 0;
  readonly #parts: StatusParts;
  #appends = 0;
  #appendedBytes = 0;
  #created = 0;
  #deleted = 0;

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  /** A stream was made. */
  onMade({ tail, ownStart }: NatsStream): void {
    this.#created++;
    this.#appendedBytes += tail - ownStart;
  }

  /** A message was stored. */
  onStored(message: StreamMessage): void {
    if (message.kind === "appends") {
      this.#appends += message.appends.length;
      this.#appendedBytes += message.data.length;
    } else if (message.kind === "part") {
      this.#appends++;
      this.#appendedBytes += message.append.lengthBytes;
    } else if (message.kind === "gone") {
      this.#deleted++;
    }
  }

  /** As `Storage.status`. */
  status(): StorageStatus {
    const { settings, publisher, loaded, room } = this.#parts;
    const figures = {
      loadedStreams: loaded.size,
      openFiles: 0,
      logBytes: 0,
      queuedBytes: room.bytes,
      checkpoints: 0,
      failedCheckpoints: 0,
      damagedStreams: 0,
      damagedSubscriptions: 0,
    };
    if (!settings.jetStream.isConnected) {
      return { state: "unreachable", reason: "No server of the cluster can be reached.", figures };
    }
    // It may be one log that is without a leader: others go on.
    const { failure } = publisher;
    if (failure === undefined) return { state: "ok", figures };
    return {
      state: "unreachable",
      reason: `The newest write came to nothing: ${failure}`,
      figures,
    };
  }

  /** As `Storage.measure`. */
  measure(): StorageMeasures {
    const { settings, publisher, cache } = this.#parts;
    const { published, refused, unknown, unavailable } = publisher.counts;
    return {
      cluster: {
        racesLost: this.racesLost,
        reconnects: settings.connection?.reconnects ?? 0,
        publishes: { stored: published, refused, unknown, unavailable },
        publishDurationSeconds: publisher.durationSeconds.value,
        cachedBytes: cache.bytes,
      },
      commands: {
        appends: this.#appends,
        appendedBytes: this.#appendedBytes,
        created: this.#created,
        deleted: this.#deleted,
      },
      log: NO_LOG,
      checkpointDurationSeconds: NO_CHECKPOINTS,
      dirtyStreams: 0,
      subscriptions: {
        webhook: 0,
        pullWake: 0,
        pending: 0,
        pendingStreams: 0,
        failing: 0,
        lagSeconds: 0,
      },
    };
  }
}
