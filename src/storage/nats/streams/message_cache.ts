import { partitionPoint } from "../../partition_point.ts";
import type { CachedMessage } from "./cached_message.ts";
import type { NatsStream } from "./nats_stream.ts";

/** A message in the cache takes so much memory beside its bytes. */
const OVERHEAD_BYTES = 320;
const END_BYTES = 8;

/**
 * Keeps messages of all streams, as many as their limit together allows; those used longest ago go first.
 * Each stream's are in order and at hand by their offsets, and need not follow one another.
 */
export class MessageCache {
  readonly #limitBytes: number;
  /** Whose each is; the one used last is the last one in the map's order. */
  readonly #streams = new Map<CachedMessage, NatsStream>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** How much memory they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a message, and lets go of others instead. One without bytes isn't kept: no read needs it. */
  add(stream: NatsStream, message: CachedMessage): void {
    if (message.data.length === 0 || sizeOf(message) > this.#limitBytes) return;
    const { cached } = stream;
    const at = placeOf(cached, message.start);
    if (cached[at]?.start === message.start) return;
    if (at === cached.length) cached.push(message);
    else cached.splice(at, 0, message);
    this.#streams.set(message, stream);
    this.#bytes += sizeOf(message);
    for (const [oldest, owner] of this.#streams) {
      if (this.#bytes <= this.#limitBytes) return;
      this.#remove(owner, oldest);
    }
  }

  /** The message that an offset is in; it counts as used. */
  at(stream: NatsStream, offset: number): CachedMessage | undefined {
    const { cached } = stream;
    // Almost always what is asked for is new.
    const newest = cached.at(-1);
    const message = newest !== undefined && newest.start <= offset
      ? newest
      : cached[placeOf(cached, offset + 1) - 1];
    if (message === undefined || offset < message.start || offset >= message.end) return undefined;
    if (this.#streams.delete(message)) this.#streams.set(message, stream);
    return message;
  }

  /** The newest message that ends at or before an offset, and the first one after it. */
  around(
    stream: NatsStream,
    offset: number,
  ): { before: CachedMessage | undefined; after: CachedMessage | undefined } {
    const at = placeOf(stream.cached, offset + 1);
    return { before: stream.cached[at - 1], after: stream.cached[at] };
  }

  /** Lets go of all that a stream has. */
  drop(stream: NatsStream): void {
    for (const message of [...stream.cached]) this.#remove(stream, message);
  }

  #remove(stream: NatsStream, message: CachedMessage): void {
    if (!this.#streams.delete(message)) return;
    this.#bytes -= sizeOf(message);
    const at = placeOf(stream.cached, message.start);
    if (stream.cached[at] === message) stream.cached.splice(at, 1);
  }
}

/** Where the first message stands that begins at an offset or after it. */
function placeOf(cached: readonly CachedMessage[], offset: number): number {
  return partitionPoint(cached.length, (index) => (cached[index]?.start ?? 0) < offset);
}

function sizeOf({ data, ends }: CachedMessage): number {
  return OVERHEAD_BYTES + data.length + END_BYTES * ends.length;
}
