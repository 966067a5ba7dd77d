import type { Bytes } from "../../protocol/bytes.ts";
import type { Blocks } from "../blocks.ts";
import type { Stream } from "../stream.ts";

/** The blocks of streams that are in memory as a whole. */
export class MemoryBlocks implements Blocks {
  chunkEnd(stream: Stream, from: number, limitBytes: number, to: number): number {
    return stream.buffer.chunkEnd(from, limitBytes, to);
  }

  read(stream: Stream, from: number, to: number): Bytes {
    return stream.buffer.slice(from, to);
  }

  blockStart(stream: Stream, offset: number): number {
    return stream.buffer.blockStart(offset);
  }

  blockSince(stream: Stream, sinceMs: number): number | undefined {
    return stream.buffer.blockSince(sinceMs);
  }
}
