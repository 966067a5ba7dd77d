import { BoundedCache } from "../bounded_cache.ts";
import type { MessageCache } from "./message_cache.ts";
import type { NatsStream } from "./nats_stream.ts";

/**
 * The streams in memory, by their names and ids. Idle ones leave it when there are too many; those stay
 * that are watched, written to, or read by a fork that is in memory.
 */
export class LoadedStreams {
  readonly #byName: BoundedCache<string, NatsStream>;
  readonly #byId = new Map<number, NatsStream>();
  readonly #cache: MessageCache;

  /** @param isWritten whether anything is being written to a stream */
  constructor(limit: number, cache: MessageCache, isWritten: (stream: NatsStream) => boolean) {
    this.#cache = cache;
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

  /** Adds a stream, instead of another one that had its name. */
  add(stream: NatsStream): void {
    this.#byName.delete(stream.name);
    const { source } = stream;
    if (source !== undefined) {
      // The one in memory is read by whoever reads the fork, and may have been loaded anew meanwhile.
      const known = this.#byId.get(source.id);
      if (known === undefined) this.add(source);
      else stream.source = known;
      (stream.source ?? source).pins++;
    }
    this.#byId.set(stream.id, stream);
    this.#byName.set(stream.name, stream);
  }

  /** Takes out a stream that is gone. */
  remove(stream: NatsStream): void {
    if (this.#byName.get(stream.name) === stream) this.#byName.delete(stream.name);
  }

  /** All of them. */
  all(): Iterable<NatsStream> {
    return this.#byId.values();
  }

  #forget(stream: NatsStream): void {
    this.#byId.delete(stream.id);
    this.#cache.drop(stream);
    if (stream.source !== undefined) stream.source.pins--;
  }
}
