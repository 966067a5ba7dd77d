import type { Clock } from "../../env/clock.ts";
import { StreamError } from "../../protocol/errors.ts";
import {
  formatOffset,
  isOffset,
  type Offset,
  positionOf,
  type ReadFrom,
} from "../../protocol/offset.ts";
import { describeStream, sortedProducers } from "../describe.ts";
import type { MessageCounts } from "../message_counts.ts";
import { checkSpace, type OffsetSpaces } from "../offset_spaces.ts";
import type { RangeReader } from "../range_reader.ts";
import type { SnapshotStore } from "../snapshot_store.ts";
import type { SubscriptionStore } from "../subscription_store.ts";
import type { StorageMeasures } from "../measures.ts";
import type { StorageStatus } from "../status.ts";
import type {
  Appended,
  AppendRequest,
  Created,
  CreateSpec,
  ListPage,
  ListRequest,
  MessageCount,
  ReadResult,
  Storage,
  StreamChange,
  StreamDescription,
  StreamInfo,
  Updated,
  Watch,
} from "../storage.ts";
import type { Creation } from "./creation.ts";
import type { Endings } from "./streams/endings.ts";
import type { Expiry } from "./expiry.ts";
import type { Listing } from "./listing.ts";
import { NameTurns } from "./name_turns.ts";
import type { Retention } from "./retention/retention.ts";
import type { RetentionRule } from "../retention_rules.ts";
import { trimmedError } from "../trimmed_error.ts";
import type { NatsStream } from "./streams/nats_stream.ts";
import { checkCounted } from "./reading/offset_search.ts";
import { isFree, missing, type StreamDirectory } from "./streams/stream_directory.ts";
import type { StreamLoader } from "./streams/stream_loader.ts";
import type { StreamQueue } from "./streams/stream_queue.ts";
import type { Ids } from "./cluster/ids.ts";
import { KeptSnapshots } from "./snapshots/kept_snapshots.ts";
import type { SnapshotBodies } from "./snapshots/snapshot_bodies.ts";
import { unreachable } from "./cluster/unreachable.ts";
import type { Watching } from "./watching.ts";

/** So often is a write begun anew since others make and delete the stream. */
const MOST_ATTEMPTS = 100;

/** What a {@link NatsStorage} works on. */
export interface NatsStorageParts {
  readonly identity: string;
  readonly directory: StreamDirectory;
  readonly creation: Creation;
  readonly endings: Endings;
  readonly expiry: Expiry;
  readonly loader: StreamLoader;
  readonly listing: Listing;
  readonly watching: Watching;
  readonly spaces: OffsetSpaces;
  readonly reader: RangeReader;
  readonly retention: Retention;
  readonly counts: MessageCounts;
  readonly subscriptions: SubscriptionStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly bodies: SnapshotBodies;
  queueOf(stream: NatsStream): StreamQueue;
  /** Something of a name was found to be damaged. */
  onDamaged(name: string, reason: string): void;
  status(): StorageStatus;
  measure(): StorageMeasures;
  close(limitMs?: number): Promise<void>;
}

/**
 * The storage as one front end has it. Its state is the cluster's: every answer rests on what was asked of
 * a leader, or stored, after the call.
 */
export class NatsStorage implements Storage {
  readonly identity: string;
  readonly kind = "nats";
  readonly subscriptions: SubscriptionStore;
  readonly snapshots: SnapshotStore;
  readonly #parts: NatsStorageParts;
  readonly #turns = new NameTurns();
  #closing: Promise<void> | undefined;

  constructor(parts: NatsStorageParts) {
    this.identity = parts.identity;
    this.subscriptions = parts.subscriptions;
    this.#parts = parts;
    this.snapshots = new KeptSnapshots({
      ...parts,
      find: (name) => {
        this.#checkOpen();
        return this.#there(name);
      },
      accessed: (stream) => parts.expiry.accessed(stream),
    });
  }

  async create(name: string, spec: CreateSpec): Promise<Created> {
    this.#checkOpen();
    return await this.#turns.run(name, () => this.#parts.creation.create(name, spec));
  }

  async append(name: string, request: AppendRequest): Promise<Appended> {
    const { directory, queueOf } = this.#parts;
    try {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        this.#checkOpen();
        // What is known may be old: the expectation that goes with the append finds that out.
        const stream = directory.known(name) ?? await this.#find(name);
        const appended = await queueOf(stream).append(request);
        if (appended !== undefined) return appended;
        // It isn't there any more, and what is there instead has to be found out.
        await directory.find(name);
      }
    } catch (error) {
      throw this.#noted(name, error);
    }
    throw unreachable("others make and delete this stream all the time.");
  }

  async delete(name: string): Promise<void> {
    this.#checkOpen();
    await this.#turns.run(name, () => this.#delete(name));
  }

  async #delete(name: string): Promise<void> {
    const { endings } = this.#parts;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      this.#checkOpen();
      const stream = await this.#there(name);
      if (await endings.end(stream, () => true)) return;
    }
    throw unreachable("others make and delete this stream all the time.");
  }

  async update(name: string, change: StreamChange): Promise<Updated> {
    const { spaces, retention } = this.#parts;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      this.#checkOpen();
      const stream = await this.#there(name);
      if (!(await retention.change(stream, change))) continue;
      const { earliest, tail } = stream;
      return {
        space: spaces.of(stream),
        earliest,
        tail,
        policies: retention.infoOf(stream).policies,
      };
    }
    throw unreachable("others make and delete this stream all the time.");
  }

  prepareRetention(rules: readonly RetentionRule[]): () => void {
    return this.#parts.retention.prepareRules(rules);
  }

  async head(name: string): Promise<StreamInfo> {
    this.#checkOpen();
    return this.#parts.retention.infoOf(await this.#there(name));
  }

  async describe(name: string): Promise<StreamDescription> {
    this.#checkOpen();
    const stream = await this.#there(name);
    return describeStream(stream, this.#parts.retention.infoOf(stream), {
      producers: ({ producers }, limit) => sortedProducers(producers, limit),
      forks: (_, limit) => [...stream.forks.values()].slice(0, limit).map((fork) => fork.name),
    });
  }

  async read(name: string, from: ReadFrom, limitBytes: number): Promise<ReadResult> {
    this.#checkOpen();
    const { expiry, reader, loader, retention } = this.#parts;
    const stream = await this.#there(name);
    expiry.accessed(stream);
    const info = retention.infoOf(stream);
    checkSpace("The offset", from, info.space);
    try {
      const start = await this.#readPosition(stream, from, info);
      if (start > info.tail) throw pastTail(info, start);
      const { data, next } = await reader.chunk(stream, start, limitBytes, info.tail);
      return { ...info, data, start, next };
    } catch (error) {
      if (!isDamage(error)) throw error;
      // What isn't there any more may have gone with the stream, while it was read.
      await loader.confirm(stream);
      const { lifecycle, durableEarliest } = stream;
      if (lifecycle === "deleted") throw goneWhileRead();
      if (info.earliest === durableEarliest) throw this.#noted(name, error);
      // It was trimmed, and so it is read as it is now.
      return await this.read(name, from, limitBytes);
    }
  }

  async countBefore(name: string, offset: Offset): Promise<MessageCount> {
    this.#checkOpen();
    const { counts, loader, retention } = this.#parts;
    const stream = await this.#there(name);
    const info = retention.infoOf(stream);
    checkSpace("The offset", offset, info.space);
    const position = namedPosition(stream, offset, info);
    if (position > info.tail) throw pastTail(info, position);
    checkCounted(stream);
    try {
      const count = await counts.before(stream, position);
      const messages = position === info.tail ? info.messages : undefined;
      return messages === undefined ? count : { ...count, messages };
    } catch (error) {
      if (!isDamage(error)) throw error;
      await loader.confirm(stream);
      const { lifecycle, durableEarliest } = stream;
      if (lifecycle === "deleted") throw goneWhileRead();
      if (info.earliest === durableEarliest) throw this.#noted(name, error);
      return await this.countBefore(name, offset);
    }
  }

  async list(request: ListRequest): Promise<ListPage> {
    this.#checkOpen();
    return await this.#parts.listing.list(request);
  }

  async watch(name: string, onChange: () => void): Promise<Watch> {
    const { expiry, watching, loader } = this.#parts;
    this.#checkOpen();
    const stream = await this.#there(name);
    const cancel = stream.watch(onChange);
    watching.begin(stream);
    expiry.schedule(stream);
    const end = () => {
      const wasWatched = stream.isWatched;
      cancel();
      watching.endUnless(stream);
      if (wasWatched) expiry.accessed(stream);
    };
    try {
      // What was stored before the watch began is seen by whoever reads from now on.
      await loader.confirm(stream);
    } catch (error) {
      end();
      throw error;
    }
    if (stream.lifecycle === "there") return { cancel: end };
    end();
    return await this.watch(name, onChange);
  }

  status(): StorageStatus {
    return this.#parts.status();
  }

  measure(): StorageMeasures {
    return this.#parts.measure();
  }

  close(limitMs?: number): Promise<void> {
    return this.#closing ??= this.#parts.close(limitMs);
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new StreamError({ code: "storage_closed" }, "The storage is closed.");
  }

  /** The same error; that something is damaged is remembered. */
  #noted(name: string, error: unknown): unknown {
    if (isDamage(error)) this.#parts.onDamaged(name, error.message);
    return error;
  }

  /** The stream of a name as of a moment after the call, which can be read and written. */
  async #there(name: string): Promise<NatsStream> {
    try {
      return await this.#find(name);
    } catch (error) {
      throw this.#noted(name, error);
    }
  }

  async #find(name: string): Promise<NatsStream> {
    const found = await this.#parts.directory.find(name);
    if (isFree(found) || found.lifecycle !== "there") throw missing(name, found);
    return found;
  }

  /** Where a read begins. */
  #readPosition(
    stream: NatsStream,
    from: ReadFrom,
    info: StreamInfo,
  ): number | Promise<number> {
    const { reader } = this.#parts;
    const { tail, earliest } = info;
    if (isOffset(from)) return namedPosition(stream, from, info);
    if (from === "now") return tail;
    if ("sinceMs" in from) return reader.since(stream, from.sinceMs, tail);
    if ("lastMessages" in from) {
      checkCounted(stream);
      return this.#parts.counts.startOfLast(stream, from.lastMessages, tail);
    }
    return reader.boundaryBefore(stream, Math.max(earliest, tail - from.lastBytes));
  }
}

function pastTail({ space, tail }: StreamInfo, position: number): StreamError {
  return new StreamError(
    { code: "offset_past_tail" },
    `The offset ${formatOffset(space, position)} is past the stream's tail, ${
      formatOffset(space, tail)
    }.`,
  );
}

function goneWhileRead(): StreamError {
  return new StreamError({ code: "not_found" }, "The stream was deleted while it was read.");
}

/** The position of an offset. A bare 0 is the start, wherever that is. */
function namedPosition(
  stream: NatsStream,
  offset: Offset,
  { space, earliest }: StreamInfo,
): number {
  const position = positionOf(offset);
  if (position >= earliest) return position;
  if (offset === 0) return earliest;
  throw trimmedError("The offset", stream, space, position);
}

function isDamage(error: unknown): error is StreamError {
  return error instanceof StreamError && error.code === "damaged";
}
