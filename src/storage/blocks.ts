import type { FileBody, FileBodyKind } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { Stream } from "./stream.ts";

/** Where streams' own bytes are read from: block by block, each of them checked. */
export interface Blocks {
  /**
   * Where a chunk of the stream's own bytes from `from` may end so that it has at most `limitBytes`: at
   * a message's boundary or at `to`, after `from` in any case; perhaps earlier, where what is kept
   * together ends.
   */
  chunkEnd(stream: Stream, from: number, limitBytes: number, to: number): number | Promise<number>;
  /** The stream's own bytes from `from` up to `to`, checked. */
  read(stream: Stream, from: number, to: number): Bytes | Promise<Bytes>;
  /** The same as a part of their file, checked, where that can be had at once. */
  fileBody?(
    stream: Stream,
    from: number,
    to: number,
    kind: FileBodyKind,
  ): FileBody | undefined | Promise<FileBody | undefined>;
  /** Where the block of the stream's own bytes begins in which `offset` is: a message does, there. */
  blockStart(stream: Stream, offset: number): number | Promise<number>;
  /**
   * Where the first block of the stream's own bytes begins whose last message came at `sinceMs` or
   * later; `undefined` where none did.
   */
  blockSince(stream: Stream, sinceMs: number): number | undefined | Promise<number | undefined>;
}
