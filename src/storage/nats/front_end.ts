import { OffsetSpaces } from "../offset_spaces.ts";
import { RangeReader } from "../range_reader.ts";
import { Creation } from "./creation.ts";
import { Endings } from "./endings.ts";
import { Expiry } from "./expiry.ts";
import { Folder } from "./folder.ts";
import { Ids } from "./ids.ts";
import { Listing } from "./listing.ts";
import { LoadedStreams } from "./loaded_streams.ts";
import { MessageCache } from "./message_cache.ts";
import type { StreamMessage } from "./message.ts";
import { MessageWriter } from "./message_writer.ts";
import { Names } from "./names.ts";
import { NatsBlocks } from "./nats_blocks.ts";
import type { NatsStorageParts } from "./nats_storage.ts";
import type { NatsStream } from "./nats_stream.ts";
import { OffsetSearch } from "./offset_search.ts";
import type { NatsSettings } from "./options.ts";
import type { Publisher } from "./publisher.ts";
import { QueueRoom } from "./queue_room.ts";
import type { StorageLayout } from "./shards.ts";
import { Snapshots } from "./snapshots.ts";
import { FrontEndStatus } from "./status.ts";
import { StreamDirectory } from "./stream_directory.ts";
import { StreamLoader } from "./stream_loader.ts";
import { type QueueParts, StreamQueue } from "./stream_queue.ts";
import type { Subjects } from "./subjects.ts";
import { Watching } from "./watching.ts";

const TICK_MS = 1000;
/** Of how many front ends there may be in all time. */
const FRONT_ENDS = 2 ** 48;
/** What waits is written for so long at a close, unless it is said otherwise. */
const CLOSE_LIMIT_MS = 5000;

/** One front end's parts, put together. */
export class FrontEnd {
  readonly #settings: NatsSettings;
  readonly #layout: StorageLayout;
  readonly #status: FrontEndStatus;
  readonly #queues = new WeakMap<NatsStream, StreamQueue>();
  readonly #loaded: LoadedStreams;
  readonly #loader: StreamLoader;
  readonly #expiry: Expiry;
  readonly #endings: Endings;
  readonly #snapshots: Snapshots;
  readonly #watching: Watching;
  readonly #listing: Listing;
  readonly #directory: StreamDirectory;
  readonly #creation: Creation;
  readonly #spaces: OffsetSpaces;
  readonly #reader: RangeReader;
  readonly #queueParts: QueueParts;
  #cancelTimer: (() => void) | undefined;

  constructor(
    settings: NatsSettings,
    subjects: Subjects,
    publisher: Publisher,
    layout: StorageLayout,
  ) {
    this.#settings = settings;
    this.#layout = layout;
    const { clock, jetStream } = settings;
    const frontEnd = 1 + randomBelow(FRONT_ENDS - 1);
    const writer = new MessageWriter(frontEnd);
    const cache = new MessageCache(settings.messageCacheBytes);
    const room = new QueueRoom(settings.maxQueuedBytes, settings.maxQueuedPerStream);
    const loaded = new LoadedStreams(
      settings.maxLoadedStreams,
      cache,
      (stream) => this.#queues.get(stream)?.isIdle === false,
    );
    this.#loaded = loaded;
    const folder = new Folder({ frontEnd, cache, onFolded: (stream) => this.#onFolded(stream) });
    const names = new Names(jetStream, subjects, publisher);
    const loader = new StreamLoader({
      jetStream,
      subjects,
      clock,
      folder,
      isNamed: async ({ name, id }) => (await names.find(name)).record?.id === id,
    });
    this.#loader = loader;
    const byId = {
      loadIfThere: (id: number) => loaded.byId(id),
      summary: (id: number) => loaded.byId(id),
    };
    const spaces = new OffsetSpaces(layout.identity, byId);
    this.#spaces = spaces;
    const blocks = new NatsBlocks(cache, new OffsetSearch(jetStream, subjects, cache));
    const reader = new RangeReader(byId, blocks, spaces);
    this.#reader = reader;
    const queueOf = (stream: NatsStream) => this.queueOf(stream);
    this.#expiry = new Expiry({ clock, frontEnd, loaded, queueOf, endings: () => this.#endings });
    const isOver = (stream: NatsStream, nowMs: number) => this.#expiry.isOver(stream, nowMs);
    this.#snapshots = new Snapshots(settings, subjects, publisher);
    this.#status = new FrontEndStatus({ settings, publisher, loaded, room, cache });
    this.#queueParts = {
      settings,
      clock,
      subjects,
      publisher,
      loader,
      folder,
      writer,
      spaces,
      room,
      isOver,
      onStored: (stream, message, start) => this.#onStored(stream, message, start),
      onUsed: (stream) => this.#expiry.accessed(stream),
      onRaceLost: () => this.#status.racesLost++,
    };
    this.#endings = new Endings({
      clock,
      jetStream,
      subjects,
      publisher,
      writer,
      names,
      loaded,
      queueOf,
    });
    const endings = this.#endings;
    const add = (stream: NatsStream) => this.#add(stream);
    this.#directory = new StreamDirectory({ clock, names, loaded, loader, endings, isOver, add });
    const directory = this.#directory;
    this.#creation = new Creation({
      settings,
      clock,
      subjects,
      publisher,
      writer,
      folder,
      ids: new Ids(jetStream, subjects, publisher),
      names,
      loader,
      directory,
      endings,
      spaces,
      reader,
      shards: layout.shards,
      queueOf,
      add: (stream) => this.#onMade(stream),
    });
    this.#watching = new Watching({ clock, jetStream, subjects, loader, random: settings.random });
    this.#listing = new Listing({
      settings,
      clock,
      jetStream,
      subjects,
      loaded,
      loader,
      directory,
      spaces,
      isOver,
    });
    this.#startTimer();
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
    return {
      identity: this.#layout.identity,
      clock: this.#settings.clock,
      directory: this.#directory,
      creation: this.#creation,
      endings: this.#endings,
      expiry: this.#expiry,
      loader: this.#loader,
      listing: this.#listing,
      watching: this.#watching,
      spaces: this.#spaces,
      reader: this.#reader,
      queueOf: (stream) => this.queueOf(stream),
      status: () => this.#status.status(),
      measure: () => this.#status.measure(),
      close: (limitMs) => this.#close(limitMs ?? CLOSE_LIMIT_MS),
    };
  }

  #add(stream: NatsStream): void {
    this.#loaded.add(stream);
    this.#expiry.schedule(stream);
  }

  #onMade(stream: NatsStream): void {
    this.#add(stream);
    this.#status.onMade(stream);
    const { observer } = this.#settings;
    observer?.created(stream);
    if (stream.tail > stream.ownStart) observer?.appended(stream, stream.ownStart);
  }

  #onFolded(stream: NatsStream): void {
    if (this.#loaded.byId(stream.id) !== stream) return;
    if (stream.lifetime.kind !== "forever") this.#expiry.schedule(stream);
  }

  #onStored(stream: NatsStream, message: StreamMessage, start: number): void {
    this.#status.onStored(message);
    const { observer } = this.#settings;
    if (message.kind === "gone") observer?.removed(stream);
    else if (stream.tail > start) observer?.appended(stream, start);
    this.#snapshots.onStored(stream);
  }

  #startTimer(): void {
    this.#cancelTimer = this.#settings.clock.setTimer(TICK_MS, () => {
      this.#watching.tick();
      this.#expiry.tick();
      this.#listing.tick();
      this.#startTimer();
    });
  }

  async #close(limitMs: number): Promise<void> {
    this.#cancelTimer?.();
    this.#watching.stop();
    const flushed = this.#flush();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, limitMs);
    await Promise.race([flushed, late.promise]);
    clearTimeout(timer);
    await this.#listing.stop();
    await this.#settings.jetStream.close();
  }

  async #flush(): Promise<void> {
    await this.#expiry.flush();
    await Promise.all([...this.#loaded.all()].map((stream) => this.#queues.get(stream)?.idle()));
    await this.#endings.flush();
    await this.#snapshots.flush();
  }
}

function randomBelow(limit: number): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high * 2 ** 32 + low) % limit;
}
