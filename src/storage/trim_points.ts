import { formatOffset, type OffsetSpace, positionOf } from "../protocol/offset.ts";
import { StreamError } from "../protocol/errors.ts";
import type { RetentionPolicy } from "../protocol/retention.ts";
import type { CountedBlocks } from "./blocks.ts";
import type { MessageCounts } from "./message_counts.ts";
import { checkSpace } from "./offset_spaces.ts";
import type { RangeReader } from "./range_reader.ts";
import type { StreamChange } from "./storage.ts";
import type { Stream } from "./stream.ts";

/** A stream's end as it was when something was asked for. */
export interface StreamEnd {
  readonly tail: number;
  /** How many messages of its own there were. */
  readonly messages: number;
}

/** Finds where streams may be trimmed. */
export class TrimPoints {
  readonly #reader: RangeReader;
  readonly #blocks: CountedBlocks;
  readonly #counts: MessageCounts;

  constructor(reader: RangeReader, blocks: CountedBlocks, counts: MessageCounts) {
    this.#reader = reader;
    this.#blocks = blocks;
    this.#counts = counts;
  }

  /** Where the first block begins that any of these limits keeps less than all before: no less is kept. */
  async firstKept(stream: Stream, limits: RetentionPolicy, nowMs: number): Promise<number> {
    const { ageMs, bytes, messages } = limits;
    const { tail, earliest, buffer, earliestMessages, keptSnapshot } = stream;
    let first = earliest;
    if (ageMs !== undefined) {
      first = Math.max(first, await this.#reader.since(stream, nowMs - ageMs, tail));
    }
    // What compaction has left out can only move it back: a source needn't be there to see that all stays.
    const mayGo = bytes !== undefined && tail - bytes > first;
    const lastBytes = mayGo ? this.#startOfLast(stream, bytes, tail) : 0;
    if (lastBytes > first) first = Math.max(first, await this.#blockStart(stream, lastBytes, tail));
    if (messages !== undefined && buffer.messages - messages > earliestMessages) {
      first = Math.max(first, await this.#startOf(stream, buffer.messages - messages, tail));
    }
    const snapshot = keptSnapshot?.position;
    if (limits.toSnapshot && snapshot !== undefined && snapshot > first) {
      first = Math.max(first, await this.#blockStart(stream, snapshot, tail));
    }
    return first;
  }

  /**
   * The position that a trim asks for.
   *
   * @param space the space that the stream's offsets are of
   * @throws {StreamError} `offset_gone`, `offset_past_tail`, `invalid_offset`
   */
  async asked(
    stream: Stream,
    before: NonNullable<StreamChange["trimBefore"]>,
    space: OffsetSpace,
  ): Promise<number> {
    const { tail, earliest } = stream;
    if (typeof before === "object" && "beforeMs" in before) {
      return await this.#reader.since(stream, before.beforeMs, tail);
    }
    checkSpace("Stream-Trim-Before", before, space);
    const position = positionOf(before);
    if (position > tail) {
      throw new StreamError(
        { code: "offset_past_tail" },
        `Stream-Trim-Before ${formatOffset(space, position)} is past the stream's tail, ${
          formatOffset(space, tail)
        }.`,
      );
    }
    if (position > earliest && position < tail) await this.#reader.checkBoundary(stream, position);
    return position;
  }

  /** How many of a stream's own messages come before a position: in a byte stream, before its block. */
  async messagesBefore(stream: Stream, position: number, end: StreamEnd): Promise<number> {
    if (position <= stream.ownStart) return 0;
    if (position === end.tail) return end.messages;
    return await this.#counts.ownBefore(stream, position);
  }

  /** When the last message came of the block in which a position is, which isn't the tail. */
  async blockTimeAt(stream: Stream, position: number): Promise<number> {
    const { owner } = this.#reader.ownerAt(stream, position, stream.tail);
    return (await this.#blocks.countedBlockAt(owner, position)).atMs;
  }

  /** Where the block begins in which a position is. */
  async #blockStart(stream: Stream, position: number, tail: number): Promise<number> {
    if (position >= tail) return tail;
    const { owner } = this.#reader.ownerAt(stream, position, tail);
    return await this.#blocks.blockStart(owner, position);
  }

  /** Where the last `bytes` bytes begin that are held before `tail`, or earlier; below 0 where that is nowhere. */
  #startOfLast(stream: Stream, bytes: number, tail: number): number {
    let owner = stream;
    let end = tail;
    for (let left = bytes;;) {
      const start = owner.gaps.startOfLast(left, end);
      const { fork, ownStart } = owner;
      if (start >= ownStart || fork === undefined) return start;
      // So many are the source's.
      left = ownStart - start;
      end = ownStart;
      owner = this.#reader.ownerAt(owner, ownStart - 1, ownStart).owner;
    }
  }

  async #startOf(stream: Stream, message: number, tail: number): Promise<number> {
    if (message >= stream.buffer.messages) return tail;
    return (await this.#blocks.countedBlockOf(stream, message)).start;
  }
}
