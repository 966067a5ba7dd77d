import type { ProducerState } from "../../protocol/errors.ts";
import type { NameRange } from "../../protocol/name_order.ts";
import { OrderedNames } from "../ordered_names.ts";
import { sortedProducers } from "../describe.ts";
import type { CreateRecord, ProducerBatch } from "../records.ts";
import { newStream, type Stream } from "../stream.ts";
import type { DescribedStreams } from "../streams.ts";
import { yieldToEventLoop } from "../yield_to_event_loop.ts";

/** Streams that are in memory only: all of each, from when it is made until it is gone. */
export class MemoryStreams implements DescribedStreams {
  readonly #byName = new OrderedNames<Stream>();
  readonly #byId = new Map<number, Stream>();
  #lastId = 0;

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** Those too that are kept for their forks. */
  all(): Iterable<Stream> {
    return this.#byId.values();
  }

  newId(): number {
    return ++this.#lastId;
  }

  find(name: string): Stream | undefined {
    return this.#byName.get(name);
  }

  loadIfThere(id: number): Stream | undefined {
    return this.#byId.get(id);
  }

  summary(id: number): Stream | undefined {
    return this.#byId.get(id);
  }

  sortNames(): Promise<void> | undefined {
    return this.#byName.sort(yieldToEventLoop);
  }

  *list(range: NameRange): Generator<Stream> {
    for (const { value } of this.#byName.range(range)) yield value;
  }

  producer(stream: Stream, id: string): ProducerState | undefined {
    return stream.producers.get(id);
  }

  producers({ producers }: Stream, limit: number): ProducerBatch[] {
    return sortedProducers(producers, limit);
  }

  forks({ id, forkCount }: Stream, limit: number): string[] {
    const found: string[] = [];
    // Most have none, and aren't looked for among all.
    const wanted = Math.min(limit, forkCount);
    for (const { name, fork, lifecycle } of wanted > 0 ? this.#byId.values() : []) {
      if (fork?.sourceId === id && lifecycle === "there") found.push(name);
      if (found.length === wanted) break;
    }
    return found;
  }

  make(record: CreateRecord): Stream {
    return newStream(record);
  }

  add(stream: Stream): void {
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.id, stream);
  }

  remove(stream: Stream): void {
    this.#byName.delete(stream.name);
    this.#byId.delete(stream.id);
  }

  markDirty(): void {}

  accessed(): void {}

  /** Lets go of all. */
  clear(): void {
    this.#byName.clear();
    this.#byId.clear();
  }
}
