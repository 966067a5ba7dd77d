import type { FileBody, FileBodyKind } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { Stream } from "./stream.ts";
import type { CountedBlock } from "./tail_buffer.ts";

/** A chunk of a stream's own bytes, all of them checked. */
export interface Chunk<Data extends Bytes | FileBody = Bytes | FileBody> {
  readonly data: Data;
  /** Offset after its last byte: a message's end, or where the bytes asked for end. */
  readonly next: number;
  /** Whether more of the same bytes lie behind it, which its limit leaves out. */
  readonly isCut: boolean;
}

/** Where streams' own bytes are read from: block by block, each of them checked. */
export interface Blocks {
  /**
   * The stream's own bytes from `from` on, which is before `to`: whole blocks of at most `limitBytes`,
   * or all up to `to` if that isn't more; the first block in any case. The chunk ends earlier where what
   * is kept together does, and isn't cut then.
   *
   * @param kind which part of a file may be given instead of bytes, where that can be had at once
   * @returns `undefined` where a JSON stream's offset is inside of a message; a promise where the disk has
   * to be waited for
   * @throws {StreamError} `damaged`, `not_found`
   */
  readChunk(
    stream: Stream,
    from: number,
    limitBytes: number,
    to: number,
    kind?: FileBodyKind,
  ): Chunk | undefined | Promise<Chunk | undefined>;
  /** Where the block of the stream's own bytes begins in which `offset` is: a message does, there. */
  blockStart(stream: Stream, offset: number): number | Promise<number>;
  /**
   * Where the first block of the stream's own bytes begins whose last message came at `sinceMs` or
   * later; `undefined` where none did.
   */
  blockSince(stream: Stream, sinceMs: number): number | undefined | Promise<number | undefined>;
}

/** Blocks of which it is known how many messages are in each. A stream's own are numbered from 0. */
export interface CountedBlocks extends Blocks {
  /** The block in which `offset` is, which is among the stream's own bytes. */
  countedBlockAt(stream: Stream, offset: number): CountedBlock | Promise<CountedBlock>;
  /** The block in which the stream's own message of this number is, which is there. */
  countedBlockOf(stream: Stream, message: number): CountedBlock | Promise<CountedBlock>;
}
