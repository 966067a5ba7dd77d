import { messageEnds } from "../protocol/json.ts";
import { BLOCK_BYTES } from "./block_rule.ts";
import type { CountedBlocks } from "./blocks.ts";
import type { RangeReader } from "./range_reader.ts";
import type { MessageCount } from "./storage.ts";
import type { Stream } from "./stream.ts";

/**
 * Finds messages by their numbers, which go on in a fork from its source's. How many there are up to a
 * block's end is known; within a block JSON messages are counted, and those of a byte stream, whose bounds
 * aren't kept there, can't be.
 */
export class MessageCounts {
  readonly #reader: RangeReader;
  readonly #blocks: CountedBlocks;

  constructor(reader: RangeReader, blocks: CountedBlocks) {
    this.#reader = reader;
    this.#blocks = blocks;
  }

  /** As `Storage.countBefore`. Only the block is read in which `offset` is, and not where it ends there. */
  async before(stream: Stream, offset: number): Promise<MessageCount> {
    if (offset === 0) return { messages: 0, lastAtMs: 0 };
    if (offset === stream.earliest && offset >= stream.ownStart) {
      // All before it may be gone.
      const messages = await this.#sourceMessages(stream) + stream.earliestMessages;
      return { messages, lastAtMs: 0 };
    }
    const at = offset === stream.durableEarliest ? offset : offset - 1;
    const { owner } = this.#reader.ownerAt(stream, at, at + 1);
    const block = await this.#blocks.countedBlockAt(owner, at);
    const own = offset >= block.end
      ? block.through
      : block.before + await this.#countWithin(owner, block.start, offset);
    return { messages: await this.#sourceMessages(owner) + own, lastAtMs: block.atMs };
  }

  /** How many of a stream's own messages come before a position of its own, which isn't its tail. */
  async ownBefore(stream: Stream, position: number): Promise<number> {
    const block = await this.#blocks.countedBlockAt(stream, position);
    return block.before + await this.#countWithin(stream, block.start, position);
  }

  /** Where the last `count` messages begin that readers see before `tail`, the durable one. */
  async startOfLast(stream: Stream, count: number, tail: number): Promise<number> {
    if (count === 0) return tail;
    const { durableEarliest } = stream;
    if (durableEarliest === 0) return await this.#startOfLast(stream, count, tail);
    const trimmed = await this.before(stream, durableEarliest);
    const held = stream.visibleOwnMessages + await this.#sourceMessages(stream) - trimmed.messages;
    if (count >= held) return durableEarliest;
    return Math.max(durableEarliest, await this.#startOfLast(stream, count, tail));
  }

  async #startOfLast(stream: Stream, count: number, tail: number): Promise<number> {
    const index = stream.visibleOwnMessages - count;
    if (index >= 0) return await this.#startOf(stream, index, tail);
    // From here on numbers count from the start of the first source.
    const number = await this.#sourceMessages(stream) + index;
    if (number <= 0) return 0;
    let owner = stream;
    let before = Infinity;
    let end = tail;
    while (owner.fork !== undefined && number < before) {
      end = Math.min(end, owner.fork.point);
      owner = this.#reader.ownerAt(owner, owner.fork.point - 1, owner.fork.point).owner;
      before = await this.#sourceMessages(owner);
    }
    return await this.#startOf(owner, number - before, end);
  }

  /** Where a message of a stream's own begins: in a byte stream its block does. */
  async #startOf(stream: Stream, index: number, end: number): Promise<number> {
    const block = await this.#blocks.countedBlockOf(stream, index);
    const skipped = index - block.before;
    if (!stream.json || skipped === 0) return block.start;
    const bytes = await this.#reader.chunk(stream, block.start, BLOCK_BYTES, end);
    return block.start + (messageEnds(bytes)[skipped - 1] ?? 0);
  }

  /** How many messages come before a stream's own: what isn't stored with a fork is looked up. */
  async #sourceMessages(stream: Stream): Promise<number> {
    const { sourceMessages, fork } = stream;
    if (sourceMessages !== undefined || fork === undefined) return sourceMessages ?? 0;
    return (await this.before(stream, fork.point)).messages;
  }

  async #countWithin(stream: Stream, blockStart: number, offset: number): Promise<number> {
    if (!stream.json || offset === blockStart) return 0;
    const bytes = await this.#reader.chunk(stream, blockStart, BLOCK_BYTES, offset);
    return messageEnds(bytes).length;
  }
}
