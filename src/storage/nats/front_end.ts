import { MessageCounts } from "../message_counts.ts";
import { OffsetSpaces } from "../offset_spaces.ts";
import { RangeReader } from "../range_reader.ts";
import type { ListPage, ListRequest } from "../storage.ts";
import { Creation } from "./creation.ts";
import { Endings } from "./streams/endings.ts";
import { Expiry } from "./expiry.ts";
import { ExpiryWalk } from "./expiry_walk.ts";
import { AppendReceiver } from "./streams/append_receiver.ts";
import { AppendSender } from "./streams/append_sender.ts";
import { Folder } from "./streams/folder.ts";
import { Ids } from "./cluster/ids.ts";
import { Listing } from "./listing.ts";
import { LoadedStreams } from "./streams/loaded_streams.ts";
import { MessageCache } from "./streams/message_cache.ts";
import type { StreamMessage } from "./format/message.ts";
import { MessageWriter } from "./streams/message_writer.ts";
import { Names } from "./cluster/names.ts";
import { NatsBlocks } from "./reading/nats_blocks.ts";
import type { NatsStorageParts } from "./nats_storage.ts";
import type { NatsStream } from "./streams/nats_stream.ts";
import { OffsetSearch } from "./reading/offset_search.ts";
import type { NatsSettings } from "./options.ts";
import { Probe } from "./cluster/probe.ts";
import type { Publisher } from "./cluster/publisher.ts";
import { QueueRoom } from "./streams/queue_room.ts";
import type { StorageLayout } from "./cluster/shards.ts";
import { Snapshots } from "./streams/snapshots.ts";
import { Retention } from "./retention/retention.ts";
import { LeftoverWalk } from "./snapshots/leftover_walk.ts";
import { SnapshotBodies } from "./snapshots/snapshot_bodies.ts";
import { FrontEndStatus } from "./status.ts";
import { StreamDirectory } from "./streams/stream_directory.ts";
import { StreamLoader } from "./streams/stream_loader.ts";
import { type QueueParts, StreamQueue } from "./streams/stream_queue.ts";
import type { Subjects } from "./cluster/subjects.ts";
import type { NatsSubscriptions } from "./subscriptions/nats_subscriptions.ts";
import { Watching } from "./watching.ts";

const TICK_MS = 1000;
/** To look at 100,000 streams takes milliseconds. */
const TICKS_BETWEEN_SHRINKS = 5;
/** Of how many front ends there may be in all time. */
const FRONT_ENDS = 2 ** 48;
/** What waits is written for so long at a close, unless it is said otherwise. */
const CLOSE_LIMIT_MS = 5000;

/** What the subscriptions of a front end need of its streams. */
export interface FrontEndSubscriptions {
  readonly frontEnd: number;
  readonly ids: Ids;
  readonly names: Names;
  readonly directory: StreamDirectory;
  readonly spaces: OffsetSpaces;
  /** As `Storage.list`. */
  list(request: ListRequest): Promise<ListPage>;
}

/** One front end's parts, put together. */
export class FrontEnd {
  readonly #settings: NatsSettings;
  readonly #layout: StorageLayout;
  readonly #status: FrontEndStatus;
  readonly #queues = new WeakMap<NatsStream, StreamQueue>();
  readonly #loaded: LoadedStreams;
  readonly #loader: StreamLoader;
  readonly #expiry: Expiry;
  readonly #walk: ExpiryWalk;
  readonly #probe: Probe;
  readonly #endings: Endings;
  readonly #snapshots: Snapshots;
  readonly #ids: Ids;
  readonly #bodies: SnapshotBodies;
  readonly #leftovers: LeftoverWalk;
  readonly #watching: Watching;
  readonly #listing: Listing;
  readonly #directory: StreamDirectory;
  readonly #creation: Creation;
  readonly #reading: Reading;
  readonly #queueParts: QueueParts;
  readonly #subscriptions: NatsSubscriptions;
  readonly #receiver: AppendReceiver;
  readonly #retention: Retention;
  #ticks = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(
    settings: NatsSettings,
    subjects: Subjects,
    publisher: Publisher,
    layout: StorageLayout,
    makeSubscriptions: (parts: FrontEndSubscriptions) => NatsSubscriptions,
  ) {
    this.#settings = settings;
    this.#layout = layout;
    const { clock, jetStream, random } = settings;
    const shared = { settings, clock, jetStream, subjects, publisher };
    const queueOf = (stream: NatsStream) => this.queueOf(stream);
    const isOver = (stream: NatsStream, nowMs: number) => this.#expiry.isOver(stream, nowMs);
    const memory = makeMemory(settings, subjects, publisher, {
      isWritten: (stream) => this.#queues.get(stream)?.isIdle === false,
      onFolded: (stream) => this.#onFolded(stream),
      onForgotten: (stream) => this.#onForgotten(stream),
    });
    const { loaded, loader, frontEnd } = memory;
    this.#loaded = loaded;
    this.#loader = loader;
    this.#expiry = new Expiry({ clock, frontEnd, loaded, queueOf, endings: () => this.#endings });
    this.#snapshots = new Snapshots(settings, subjects, publisher);
    this.#status = new FrontEndStatus({
      settings,
      publisher,
      ...memory,
      watchedStreams: () => this.#watching.size,
    });
    this.#endings = new Endings({
      ...shared,
      ...memory,
      queueOf,
      load: (record, sequence) => this.#directory.load(record, sequence),
    });
    const endings = this.#endings;
    const add = (stream: NatsStream) => this.#add(stream);
    this.#directory = new StreamDirectory({ clock, ...memory, endings, isOver, add });
    const directory = this.#directory;
    const reading = this.#reading = makeReader(settings, subjects, layout, memory);
    const { spaces } = reading;
    const sender = new AppendSender(jetStream, subjects, frontEnd, settings.groupBytes);
    this.#queueParts = this.#toQueueParts({ ...shared, ...memory, spaces, sender, isOver });
    const ids = new Ids(jetStream, subjects, publisher);
    this.#ids = ids;
    this.#bodies = new SnapshotBodies({ clock, jetStream, subjects, publisher });
    const snapshots = this.#snapshots;
    const found = { ...reading, directory, endings, snapshots };
    this.#retention = new Retention({ ...shared, ...memory, ...found, queueOf });
    this.#creation = new Creation({
      ...shared,
      ...memory,
      ids,
      ...found,
      shards: layout.shards,
      queueOf,
      add: (stream) => this.#onMade(stream),
    });
    this.#watching = new Watching({ ...shared, loader, random });
    this.#listing = new Listing({ ...shared, loaded, loader, directory, spaces, isOver });
    this.#probe = new Probe(jetStream, subjects, publisher.health, clock);
    this.#walk = new ExpiryWalk({ ...shared, loaded, directory, endings, isOver, random });
    const swept = { ...shared, ...memory, ...layout };
    this.#leftovers = new LeftoverWalk({ ...swept, directory, queueOf, random });
    const list = (request: ListRequest) => this.#listing.list(request);
    this.#subscriptions = makeSubscriptions({ ...memory, ids, directory, spaces, list });
    this.#receiver = new AppendReceiver({ ...shared, frontEnd, directory, queueOf });
    this.#startTimer();
  }

  #toQueueParts(
    parts: Omit<
      QueueParts,
      "onStored" | "onUsed" | "onRaceLost" | "onForwarded" | "onForwardTimeout"
    >,
  ): QueueParts {
    return {
      ...parts,
      onStored: (stream, message, start) => this.#onStored(stream, message, start),
      onUsed: (stream) => this.#expiry.accessed(stream),
      onRaceLost: () => this.#status.racesLost++,
      onForwarded: (count) => this.#status.forwarded += count,
      onForwardTimeout: () => this.#status.forwardTimeouts++,
    };
  }

  /** What is written to a stream: one queue as long as the stream is in memory. */
  queueOf(stream: NatsStream): StreamQueue {
    let queue = this.#queues.get(stream);
    if (queue === undefined) {
      queue = new StreamQueue(this.#queueParts, stream);
      this.#queues.set(stream, queue);
    }
    return queue;
  }

  /** What a storage is made of. */
  parts(): NatsStorageParts {
    const subscriptions = this.#subscriptions;
    const { clock } = this.#settings;
    return {
      identity: this.#layout.identity,
      directory: this.#directory,
      creation: this.#creation,
      endings: this.#endings,
      expiry: this.#expiry,
      loader: this.#loader,
      clock,
      ids: this.#ids,
      bodies: this.#bodies,
      listing: this.#listing,
      watching: this.#watching,
      ...this.#reading,
      retention: this.#retention,
      queueOf: (stream) => this.queueOf(stream),
      onDamaged: (name, reason) => this.#status.onDamaged(name, reason),
      status: () => this.#status.status(),
      measure: () => ({
        ...this.#status.measure(),
        heardChanges: this.#listing.changes,
        retention: this.#retention.measure(),
        // Only who asks for it pays for a look at each of them.
        get subscriptions() {
          return subscriptions.measure(clock.nowMs());
        },
      }),
      subscriptions,
      close: (limitMs) => this.#close(limitMs ?? CLOSE_LIMIT_MS),
    };
  }

  #add(stream: NatsStream, isNew = false): void {
    this.#loaded.add(stream);
    this.#expiry.schedule(stream);
    this.#retention.onGrown(stream, isNew);
  }

  #onForgotten(stream: NatsStream): void {
    this.#expiry.forget(stream);
    this.#retention.forget(stream);
  }

  #onMade(stream: NatsStream): void {
    this.#add(stream, true);
    this.#status.onMade(stream);
    const { observer } = this.#settings;
    observer?.created(stream);
    if (stream.tail > stream.ownStart) observer?.appended(stream, stream.ownStart);
  }

  #onFolded(stream: NatsStream): void {
    if (this.#loaded.byId(stream.id) !== stream) return;
    if (stream.lifetime.kind !== "forever") this.#expiry.schedule(stream);
    this.#retention.onGrown(stream, false);
  }

  #onStored(stream: NatsStream, message: StreamMessage, start: number): void {
    this.#status.onStored(message);
    const { observer } = this.#settings;
    if (message.kind === "gone") observer?.removed(stream);
    else if (stream.tail > start) observer?.appended(stream, start);
    this.#snapshots.onStored(stream);
    this.#retention.onStored(stream, message);
  }

  #startTimer(): void {
    this.#cancelTimer = this.#settings.clock.setTimer(TICK_MS, () => {
      this.#watching.tick();
      this.#expiry.tick();
      this.#listing.tick();
      this.#walk.tick();
      this.#retention.tick();
      this.#leftovers.tick();
      this.#probe.tick();
      if (++this.#ticks % TICKS_BETWEEN_SHRINKS === 0) {
        this.#loaded.shrink(this.#settings.maxLoadedBytes);
      }
      this.#startTimer();
    });
  }

  async #close(limitMs: number): Promise<void> {
    this.#cancelTimer?.();
    this.#receiver.stop();
    this.#watching.stop();
    const flushed = Promise.all([this.#subscriptions.close(), this.#flush()]);
    const late = Promise.withResolvers<void>();
    const cancel = this.#settings.clock.setTimer(limitMs, late.resolve);
    await Promise.race([flushed, late.promise]);
    cancel();
    await this.#listing.stop();
    await this.#settings.jetStream.close();
  }

  async #flush(): Promise<void> {
    await this.#walk.stop();
    await this.#retention.stop();
    await this.#leftovers.stop();
    await this.#expiry.flush();
    await Promise.all([...this.#loaded.all()].map((stream) => this.#queues.get(stream)?.idle()));
    await this.#endings.flush();
    await this.#bodies.flush();
    await this.#snapshots.flush();
  }
}

function randomBelow(limit: number): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high * 2 ** 32 + low) % limit;
}

/** What is in memory, and how it comes there. */
interface Memory {
  readonly frontEnd: number;
  readonly writer: MessageWriter;
  readonly cache: MessageCache;
  readonly room: QueueRoom;
  readonly loaded: LoadedStreams;
  readonly folder: Folder;
  readonly names: Names;
  readonly loader: StreamLoader;
}

function makeMemory(
  settings: NatsSettings,
  subjects: Subjects,
  publisher: Publisher,
  { isWritten, onFolded, onForgotten }: {
    isWritten(stream: NatsStream): boolean;
    onFolded(stream: NatsStream): void;
    onForgotten(stream: NatsStream): void;
  },
): Memory {
  const { clock, jetStream } = settings;
  const frontEnd = 1 + randomBelow(FRONT_ENDS - 1);
  const cache = new MessageCache(settings.messageCacheBytes);
  const folder = new Folder({ frontEnd, cache, onFolded });
  const names = new Names(jetStream, subjects, publisher);
  const isNamed = async ({ name, id }: NatsStream) => (await names.find(name)).record?.id === id;
  return {
    frontEnd,
    writer: new MessageWriter(frontEnd),
    cache,
    room: new QueueRoom(settings.maxQueuedBytes, settings.maxQueuedPerStream),
    loaded: new LoadedStreams(settings.maxLoadedStreams, cache, isWritten, onForgotten),
    folder,
    names,
    loader: new StreamLoader({
      jetStream,
      subjects,
      clock,
      folder,
      health: publisher.health,
      isNamed,
    }),
  };
}

/** How streams are read. */
interface Reading {
  readonly spaces: OffsetSpaces;
  readonly reader: RangeReader;
  readonly blocks: NatsBlocks;
  readonly counts: MessageCounts;
}

function makeReader(
  { jetStream }: NatsSettings,
  subjects: Subjects,
  { identity }: StorageLayout,
  { loaded, cache }: Memory,
): Reading {
  const sources = {
    loadIfThere: (id: number) => loaded.source(id),
    summary: (id: number) => loaded.source(id),
  };
  const spaces = new OffsetSpaces(identity, sources);
  const blocks = new NatsBlocks(cache, new OffsetSearch(jetStream, subjects, cache));
  const reader = new RangeReader(sources, blocks, spaces);
  return { spaces, reader, blocks, counts: new MessageCounts(reader, blocks) };
}
