import { isOffset, type Offset, positionOf, type ReadFrom } from "../protocol/offset.ts";
import { StreamError } from "../protocol/errors.ts";
import { checkNotCompacted, resolveForkPoint } from "./fork_point.ts";
import type { MessageCounts } from "./message_counts.ts";
import type { OffsetSpaces } from "./offset_spaces.ts";
import type { RangeReader } from "./range_reader.ts";
import type { ForkOrigin } from "./records.ts";
import type { ForkSpec, StreamInfo } from "./storage.ts";
import type { Stream } from "./stream.ts";
import { trimmedError } from "./trimmed_error.ts";

/** Finds where reads begin, and forks. */
export class ReadPositions {
  readonly #reader: RangeReader;
  readonly #counts: MessageCounts;
  readonly #spaces: OffsetSpaces;

  constructor(reader: RangeReader, counts: MessageCounts, spaces: OffsetSpaces) {
    this.#reader = reader;
    this.#counts = counts;
    this.#spaces = spaces;
  }

  /**
   * Where a read begins.
   *
   * @throws {StreamError} `offset_trimmed`
   */
  startOf(
    stream: Stream,
    from: ReadFrom,
    { tail, earliest }: StreamInfo,
  ): number | Promise<number> {
    if (isOffset(from)) return this.named(stream, from);
    if (from === "now") return tail;
    if ("sinceMs" in from) return this.#reader.since(stream, from.sinceMs, tail);
    if ("lastMessages" in from) {
      return this.#counts.startOfLast(stream, from.lastMessages, tail);
    }
    return this.#reader.boundaryBefore(stream, Math.max(earliest, tail - from.lastBytes));
  }

  /**
   * The position of an offset. A bare 0 is the start, wherever that is.
   *
   * @throws {StreamError} `offset_trimmed`
   */
  named(stream: Stream, offset: Offset): number {
    const position = positionOf(offset);
    const { durableEarliest } = stream;
    if (position >= durableEarliest) return position;
    if (offset === 0) return durableEarliest;
    throw trimmedError("The offset", stream, this.#spaces.of(stream), position);
  }

  /** Where a fork branches off, as it is asked for. */
  async forkOrigin(source: Stream, fork: ForkSpec): Promise<ForkOrigin> {
    // Taken before the wait: where a byte stream ended in its last block isn't known later.
    const end = { tail: source.tail, messages: assignedMessages(source) };
    const space = this.#spaces.of(source);
    const point = await resolveForkPoint(this.#reader, source, fork, space);
    checkNotCompacted(this.#reader.compactedUpTo(source), space, point);
    return {
      sourceId: source.id,
      sourceName: source.name,
      offset: fork.offset && positionOf(fork.offset),
      subOffset: fork.subOffset ?? 0,
      point,
      messages: (point === end.tail ? end.messages : undefined) ??
        await this.#countSource(source, point),
    };
  }

  /** How many messages of a source a fork begins with; one whose index is damaged can be forked all the same. */
  async #countSource(source: Stream, point: number): Promise<number | undefined> {
    try {
      return (await this.#counts.before(source, point)).messages;
    } catch (error) {
      if (error instanceof StreamError && error.code === "damaged") return undefined;
      throw error;
    }
  }
}

/** How many messages a stream has that are decided, its source's too, where that is known at once. */
function assignedMessages({ sourceMessages, buffer }: Stream): number | undefined {
  return sourceMessages === undefined ? undefined : sourceMessages + buffer.messages;
}
