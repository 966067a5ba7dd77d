import type { FileBodyKind } from "../../env/file_body.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { Chunk, CountedBlocks } from "../blocks.ts";
import { readBuffered } from "../buffered_chunk.ts";
import type { Stream } from "../stream.ts";
import type { CountedBlock } from "../tail_buffer.ts";

/** The blocks of streams that are in memory as a whole. */
export class MemoryBlocks implements CountedBlocks {
  readChunk(
    stream: Stream,
    from: number,
    limitBytes: number,
    to: number,
    kind?: FileBodyKind,
  ): Chunk | undefined {
    // The trim that a reader was too slow for; it is said which one it was.
    if (from < stream.buffer.start) throw new StreamError({ code: "damaged" }, "It was trimmed.");
    return readBuffered(stream, from, limitBytes, to, kind);
  }

  blockStart(stream: Stream, offset: number): number {
    return stream.buffer.blockStart(offset);
  }

  blockSince(stream: Stream, sinceMs: number): number | undefined {
    return stream.buffer.blockSince(sinceMs);
  }

  countedBlockAt(stream: Stream, offset: number): CountedBlock {
    return stream.buffer.countedBlockAt(offset);
  }

  countedBlockOf(stream: Stream, message: number): CountedBlock {
    return stream.buffer.countedBlockOf(message);
  }
}
