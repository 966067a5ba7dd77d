import { BoundedCache } from "../../bounded_cache.ts";
import type { MessageCache } from "./message_cache.ts";
import type { NatsStream } from "./nats_stream.ts";

/** About what a stream takes, and each of its producers and forks. */
const STREAM_BYTES = 1000;
const ENTRY_BYTES = 150;
/** Of too many, so many go at once. */
const SHRUNK_PART = 0.1;

/**
 * The streams in memory, by their names and ids. Idle ones leave it when there are too many; those stay
 * that are watched, written to, or read by a fork that is in memory.
 */
export class LoadedStreams {
  readonly #byName: BoundedCache<string, NatsStream>;
  readonly #byId = new Map<number, NatsStream>();
  readonly #cache: MessageCache;
  /**
   * Sources of forks, by their ids, also of forks that have left this table while they are being read: as
   * long as those are held, so are these.
   */
  readonly #sources = new Map<number, WeakRef<NatsStream>>();
  readonly #collected = new FinalizationRegistry<number>((id) => {
    if (this.#sources.get(id)?.deref() === undefined) this.#sources.delete(id);
  });

  readonly #onForgotten: (stream: NatsStream) => void;

  /**
   * @param isWritten whether anything is being written to a stream
   * @param onForgotten called for each that leaves
   */
  constructor(
    limit: number,
    cache: MessageCache,
    isWritten: (stream: NatsStream) => boolean,
    onForgotten: (stream: NatsStream) => void,
  ) {
    this.#cache = cache;
    this.#onForgotten = onForgotten;
    this.#byName = new BoundedCache(limit, {
      isInUse: (stream) => stream.isWatched || stream.pins > 0 || isWritten(stream),
      onEvict: (stream) => this.#forget(stream),
    });
  }

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** The stream of a name, as far as it is known. */
  byName(name: string): NatsStream | undefined {
    return this.#byName.get(name);
  }

  /** The stream of an id; as `Streams.loadIfThere`. */
  byId(id: number): NatsStream | undefined {
    return this.#byId.get(id);
  }

  /** The stream of an id that is in memory, or that a fork which somebody holds has as its source. */
  source(id: number): NatsStream | undefined {
    return this.#byId.get(id) ?? this.#sources.get(id)?.deref();
  }

  /** Lets a fork have its source. */
  setSource(fork: NatsStream, source: NatsStream): void {
    fork.source = source;
    if (this.#sources.get(source.id)?.deref() === source) return;
    this.#sources.set(source.id, new WeakRef(source));
    this.#collected.register(source, source.id);
  }

  /** Adds a stream, instead of another one that had its name. */
  add(stream: NatsStream): void {
    this.#byName.delete(stream.name);
    if (stream.source !== undefined) stream.source.pins++;
    this.#byId.set(stream.id, stream);
    this.#byName.set(stream.name, stream);
  }

  /** Takes out a stream that is gone. */
  remove(stream: NatsStream): void {
    if (this.#byName.get(stream.name) === stream) this.#byName.delete(stream.name);
  }

  /** Lets idle streams go until those left take no more than so much, or all of them are in use. */
  shrink(limitBytes: number): void {
    while (this.#bytes() > limitBytes) {
      const before = this.#byName.size;
      this.#byName.shrink(Math.floor(before * (1 - SHRUNK_PART)));
      if (this.#byName.size === before) return;
    }
  }

  /** All of them. */
  all(): Iterable<NatsStream> {
    return this.#byId.values();
  }

  #bytes(): number {
    let bytes = 0;
    for (const { loadedProducers, forks } of this.#byId.values()) {
      bytes += STREAM_BYTES + ENTRY_BYTES * (loadedProducers + forks.size);
    }
    return bytes;
  }

  #forget(stream: NatsStream): void {
    this.#byId.delete(stream.id);
    this.#cache.drop(stream);
    this.#onForgotten(stream);
    if (stream.source !== undefined) stream.source.pins--;
  }
}
