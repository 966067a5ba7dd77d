import { NO_CHECKPOINTS, NO_LOG, type StorageMeasures } from "../measures.ts";
import type { StorageStatus } from "../status.ts";
import type { LoadedStreams } from "./streams/loaded_streams.ts";
import type { MessageCache } from "./streams/message_cache.ts";
import type { StreamMessage } from "./format/message.ts";
import type { NatsStream } from "./streams/nats_stream.ts";
import type { NatsSettings } from "./options.ts";
import type { Publisher } from "./cluster/publisher.ts";
import type { QueueRoom } from "./streams/queue_room.ts";

/** A leader that is elected anew, or an answer that was lost, isn't worth a word. */
const UNREACHABLE_AFTER_MS = 2000;
const DAMAGED_LIMIT = 1000;
const SHOWN_DAMAGED = 20;

/** What a {@link FrontEndStatus} looks at. */
export interface StatusParts {
  readonly settings: NatsSettings;
  readonly publisher: Publisher;
  readonly loaded: LoadedStreams;
  readonly room: QueueRoom;
  readonly cache: MessageCache;
  watchedStreams(): number;
}

/** How one front end is, and what it has done. */
export class FrontEndStatus {
  /** How often a group of appends was decided anew, since another front end was first. */
  racesLost = 0;
  /** How many appends another front end has decided for this one, since it would have lost more races. */
  forwarded = 0;
  /** How many calls with such appends weren't answered in time. */
  forwardTimeouts = 0;
  readonly #parts: StatusParts;
  /** What was found to be damaged and why, by names. */
  readonly #damaged = new Map<string, string>();
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

  /** Something of a name is damaged. */
  onDamaged(name: string, reason: string): void {
    if (this.#damaged.size < DAMAGED_LIMIT || this.#damaged.has(name)) {
      this.#damaged.set(name, reason);
    }
  }

  /** As `Storage.status`. */
  status(): StorageStatus {
    const status = this.#state();
    if (this.#damaged.size === 0) return status;
    const { loaded } = this.#parts;
    const damagedStreams = [...this.#damaged].slice(0, SHOWN_DAMAGED).map(([name, reason]) => ({
      id: loaded.byName(name)?.id ?? 0,
      name,
      reason,
    }));
    return { ...status, damagedStreams };
  }

  #state(): StorageStatus {
    const { settings, publisher, loaded, room } = this.#parts;
    const figures = {
      loadedStreams: loaded.size,
      openFiles: 0,
      logBytes: 0,
      queuedBytes: room.bytes,
      checkpoints: 0,
      failedCheckpoints: 0,
      damagedStreams: this.#damaged.size,
      damagedSubscriptions: 0,
    };
    if (!settings.jetStream.isConnected) {
      return { state: "unreachable", reason: "No server of the cluster can be reached.", figures };
    }
    // It may be one log that is without a leader: others go on.
    const { failure } = publisher.health;
    const isLasting = failure !== undefined &&
      settings.clock.nowMs() - failure.sinceMs >= UNREACHABLE_AFTER_MS;
    if (!isLasting) return { state: "ok", figures };
    const reason = `It has not answered lately: ${failure.reason}`;
    return { state: "unreachable", reason, figures };
  }

  /** As `Storage.measure`, but for the subscriptions. */
  measure(): Omit<StorageMeasures, "subscriptions"> {
    const { settings, publisher, cache } = this.#parts;
    return {
      commands: {
        appends: this.#appends,
        appendedBytes: this.#appendedBytes,
        created: this.#created,
        deleted: this.#deleted,
      },
      log: NO_LOG,
      checkpointDurationSeconds: NO_CHECKPOINTS,
      dirtyStreams: 0,
      cluster: {
        stored: publisher.counts.stored,
        refused: publisher.counts.refused,
        unknown: publisher.counts.unknown,
        unavailable: publisher.counts.unavailable,
        lostRaces: this.racesLost,
        forwardedAppends: this.forwarded,
        forwardTimeouts: this.forwardTimeouts,
        watchedStreams: this.#parts.watchedStreams(),
        publishDurationSeconds: publisher.durationSeconds.value,
        reconnects: settings.connection?.reconnects ?? 0,
        cachedBytes: cache.bytes,
      },
    };
  }
}
