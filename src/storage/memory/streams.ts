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
  readonly #forksOf = new Map<number, Set<Stream>>();
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
    const wanted = Math.min(limit, forkCount);
    for (const { name, lifecycle } of this.#forksOf.get(id) ?? []) {
      if (found.length === wanted) break;
      if (lifecycle === "there") found.push(name);
    }
    return found;
  }

  make(record: CreateRecord): Stream {
    return newStream(record);
  }

  add(stream: Stream): void {
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.id, stream);
    if (stream.fork === undefined) return;
    const { sourceId } = stream.fork;
    const forks = this.#forksOf.get(sourceId);
    if (forks === undefined) this.#forksOf.set(sourceId, new Set([stream]));
    else forks.add(stream);
  }

  remove(stream: Stream): void {
    this.#byName.delete(stream.name);
    this.#byId.delete(stream.id);
    if (stream.fork === undefined) return;
    const { sourceId } = stream.fork;
    const forks = this.#forksOf.get(sourceId);
    forks?.delete(stream);
    if (forks?.size === 0) this.#forksOf.delete(sourceId);
  }

  markDirty(): void {}

  /** Bytes that a source keeps for its forks go once none of those can read them. */
  release(stream: Stream): void {
    for (let at: Stream | undefined = stream; at !== undefined;) {
      const needed = at.lifecycle === "deleted" ? Infinity : this.#firstNeeded(at);
      const { buffer } = at;
      if (needed >= buffer.end) buffer.drop();
      else if (needed > buffer.start) buffer.dropBefore(buffer.blockStart(needed));
      at = at.fork && this.#byId.get(at.fork.sourceId);
    }
  }

  /** The first position that the stream's readers, or those of any of its forks, can read. */
  #firstNeeded(stream: Stream): number {
    let first = Infinity;
    // Without recursion: forks of forks may be many. Of a stream, each sees what comes before `end`.
    const readers = [{ reader: stream, end: Infinity }];
    for (let next = readers.pop(); next !== undefined; next = readers.pop()) {
      const { reader, end } = next;
      if (reader.lifecycle === "there" && reader.durableEarliest < end) {
        first = Math.min(first, reader.durableEarliest);
      }
      for (const fork of this.#forksOf.get(reader.id) ?? []) {
        readers.push({ reader: fork, end: Math.min(end, fork.ownStart) });
      }
    }
    return first;
  }

  accessed(): void {}

  /** Lets go of all. */
  clear(): void {
    this.#byName.clear();
    this.#byId.clear();
    this.#forksOf.clear();
  }
}
