import { type Clock, systemClock } from "../env/clock.ts";
import type { ProducerState } from "../protocol/errors.ts";
import { StreamError } from "../protocol/errors.ts";
import { applyAppend, applyCreate, applyDelete } from "./apply.ts";
import type { Backend } from "./backend.ts";
import { StreamEngine } from "./engine.ts";
import { ExpiryQueue } from "./expiry_queue.ts";
import { invariant } from "./invariant.ts";
import { MemoryBlocks } from "./memory_blocks.ts";
import { yieldToEventLoop } from "./yield_to_event_loop.ts";
import { OrderedNames } from "./ordered_names.ts";
import type { NameRange } from "../protocol/name_order.ts";
import type { AppendRecord, CreateRecord, DeleteRecord } from "./records.ts";
import type { StorageStatus } from "./status.ts";
import type { Storage } from "./storage.ts";
import { newStream, type Stream } from "./stream.ts";

/** Options of {@link createMemoryStorage}. */
export interface MemoryStorageOptions {
  /** How many producers a stream may have; 10,000. */
  maxProducersPerStream?: number;
  /** Where the time comes from. */
  clock?: Clock;
}

/**
 * A storage that keeps its streams in this process's memory, and only there.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createMemoryStorage } from "./memory.ts";
 *
 * const storage = createMemoryStorage();
 * await storage.create("greetings", { contentType: "text/plain" });
 * await storage.append("greetings", { contentType: "text/plain", body: new TextEncoder().encode("hello") });
 * const { data } = await storage.read("greetings", 0, 1024);
 * assert(new TextDecoder().decode(data) === "hello");
 * await storage.close();
 * ```
 */
export function createMemoryStorage(options: MemoryStorageOptions = {}): Storage {
  const clock = options.clock ?? systemClock;
  const backend = new MemoryBackend(clock, (ids) => engine.expire(ids));
  const engine = new StreamEngine(backend, new MemoryBlocks(), {
    clock,
    maxProducersPerStream: options.maxProducersPerStream ?? 10_000,
  });
  return engine;
}

/** So many streams whose time is over go before others run. */
const EXPIRY_SLICE_STREAMS = 100;
/** One that is watched outlives its time, and is looked at again after so long. */
const EXPIRY_PAUSE_MS = 1000;

/**
 * Streams in maps; all that is recorded counts as durable. Appends are answered together once all that
 * is ready in a turn of the event loop was read: over a socket that saves a quarter of their cost, since
 * answers that are sent one by one each wake up the other side.
 */
class MemoryBackend implements Backend {
  readonly identity = crypto.randomUUID().slice(0, 8);
  #assignedLsn = 0;
  #answeredLsn = 0;
  #turn: Promise<void> | undefined;
  readonly #byName = new OrderedNames<Stream>();
  readonly #byId = new Map<number, Stream>();
  /** Streams that end by themselves; looked at where anything is written, so that they don't pile up. */
  readonly #expiries = new ExpiryQueue();
  readonly #clock: Clock;
  readonly #expire: (ids: readonly number[]) => void;
  #isExpiring = false;
  #lastId = 0;
  #closed = false;

  /** @param expire records that streams are gone, of those with these ids whose time is over */
  constructor(clock: Clock, expire: (ids: readonly number[]) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  get assignedLsn(): number {
    return this.#assignedLsn;
  }

  admit(): undefined {
    if (this.#closed) {
      throw new StreamError({ code: "storage_closed" }, "The storage is closed.");
    }
  }

  status(): StorageStatus {
    const figures = {
      loadedStreams: this.#byId.size,
      openFiles: 0,
      logBytes: 0,
      queuedBytes: 0,
      checkpoints: 0,
      failedCheckpoints: 0,
      damagedStreams: 0,
    };
    return { state: "ok", figures };
  }

  newId(): number {
    return ++this.#lastId;
  }

  find(name: string): Stream | undefined {
    return this.#byName.get(name);
  }

  load(id: number): Stream {
    const stream = this.#byId.get(id);
    invariant(stream !== undefined, `stream ${id} is there`);
    return stream;
  }

  loadIfThere(id: number): Stream | undefined {
    return this.#byId.get(id);
  }

  summary(id: number): Stream {
    return this.load(id);
  }

  *list(range: NameRange): Generator<Stream> {
    for (const { value } of this.#byName.range(range)) yield value;
  }

  producer(stream: Stream, id: string): ProducerState | undefined {
    return stream.producers.get(id);
  }

  create(record: CreateRecord): Stream {
    const stream = newStream(record);
    applyCreate(stream, record);
    if (stream.fork !== undefined) this.load(stream.fork.sourceId).forkCount++;
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.id, stream);
    stream.publish(stream.tail, stream.closed);
    this.#expiries.add(stream.id, stream.expiresAtMs);
    if (record.atMs >= this.#expiries.nextMs) this.#expireSoon();
    return stream;
  }

  append(stream: Stream, record: AppendRecord): void {
    applyAppend(stream, record);
    stream.lsn = ++this.#assignedLsn;
    stream.publish(stream.tail, stream.closed);
    stream.notify();
    if (record.atMs >= this.#expiries.nextMs) this.#expireSoon();
  }

  remove(record: DeleteRecord, streams: readonly Stream[]): void {
    applyDelete(streams, record.soft, ({ fork }) => fork && this.#byId.get(fork.sourceId));
    for (const stream of streams) {
      if (!record.soft) {
        this.#byName.delete(stream.name);
        this.#byId.delete(stream.id);
      }
      stream.notify();
    }
  }

  accessed(): void {}

  durable(position: number): Promise<void> | undefined {
    if (position <= this.#answeredLsn) return undefined;
    return this.#turn ??= yieldToEventLoop().then(() => {
      this.#answeredLsn = this.#assignedLsn;
      this.#turn = undefined;
    });
  }

  isDurable(): boolean {
    return true;
  }

  /** In the next turn, and as many as it takes: whoever writes now holds streams. */
  #expireSoon(): void {
    if (this.#isExpiring) return;
    this.#isExpiring = true;
    void yieldToEventLoop().then(() => {
      this.#isExpiring = false;
      if (this.#closed) return;
      const nowMs = this.#clock.nowMs();
      const ids = this.#expiries.take(nowMs, EXPIRY_SLICE_STREAMS);
      this.#expire(ids);
      for (const id of ids) {
        const stream = this.#byId.get(id);
        if (stream?.lifecycle !== "there") continue;
        this.#expiries.add(id, Math.max(stream.expiresAtMs, nowMs + EXPIRY_PAUSE_MS));
      }
      if (this.#expiries.nextMs <= nowMs) this.#expireSoon();
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#byName.clear();
    this.#byId.clear();
    return Promise.resolve();
  }
}
