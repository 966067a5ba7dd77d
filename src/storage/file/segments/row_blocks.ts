import { partitionPoint } from "../../partition_point.ts";
import type { Block, CountedBlock } from "../../tail_buffer.ts";

/**
 * Where a small stream's whole blocks are that lie in the catalogue's rows, and which messages are in them:
 * one run, before what the buffer holds. Their bytes aren't in memory.
 */
export class RowBlocks {
  /** Offset of the first one's first byte. */
  readonly start: number;
  /** How many of the stream's own messages come before that. */
  readonly startMessages: number;
  /** The blocks, oldest first: at least one. */
  readonly blocks: readonly Block[];

  constructor(start: number, startMessages: number, blocks: readonly Block[]) {
    this.start = start;
    this.startMessages = startMessages;
    this.blocks = blocks;
  }

  /** Offset after the last one's last byte. */
  get end(): number {
    return this.blocks.at(-1)?.end ?? this.start;
  }

  /** These blocks, and those that follow them. */
  with(blocks: readonly Block[]): RowBlocks {
    return new RowBlocks(this.start, this.startMessages, [...this.blocks, ...blocks]);
  }

  /** Those of them that end after an offset; `undefined` where none does. */
  after(offset: number): RowBlocks | undefined {
    const gone = this.#indexOf(offset);
    const last = this.blocks[gone - 1];
    if (last === undefined) return this;
    return gone === this.blocks.length
      ? undefined
      : new RowBlocks(last.end, last.messages, this.blocks.slice(gone));
  }

  /** Where the block begins in which `offset` is. */
  blockStart(offset: number): number {
    return this.countedBlockAt(offset).start;
  }

  /** Where the first one begins whose last message came at `sinceMs` or later; `undefined` where none did. */
  blockSince(sinceMs: number): number | undefined {
    const index = this.blocks.findIndex(({ atMs }) => atMs >= sinceMs);
    return index < 0 ? undefined : this.#counted(index).start;
  }

  /** The block in which `offset` is. */
  countedBlockAt(offset: number): CountedBlock {
    return this.#counted(this.#indexOf(offset));
  }

  /** The block in which the stream's own message of this number is; the first one where that was trimmed. */
  countedBlockOf(message: number): CountedBlock {
    return this.#counted(
      partitionPoint(
        this.blocks.length,
        (index) => (this.blocks[index]?.messages ?? 0) <= message,
      ),
    );
  }

  /** How many of them end at or before an offset. */
  #indexOf(offset: number): number {
    return partitionPoint(
      this.blocks.length,
      (index) => (this.blocks[index]?.end ?? 0) <= offset,
    );
  }

  #counted(index: number): CountedBlock {
    const before = this.blocks[index - 1];
    const block = this.blocks[index];
    return {
      start: before?.end ?? this.start,
      end: block?.end ?? this.end,
      before: before?.messages ?? this.startMessages,
      through: block?.messages ?? this.startMessages,
      atMs: block?.atMs ?? 0,
    };
  }
}
