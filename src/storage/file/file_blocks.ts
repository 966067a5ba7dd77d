import type { FileBodyKind } from "../../env/file_body.ts";
import type { Chunk, CountedBlocks } from "../blocks.ts";
import { readBuffered } from "../buffered_chunk.ts";
import { invariant } from "../invariant.ts";
import type { Stream } from "../stream.ts";
import type { CountedBlock } from "../tail_buffer.ts";
import type { SegmentReader } from "./segments/reader.ts";
import { FileStream } from "./streams/file_stream.ts";

/** The blocks of streams on disk: the newest are in memory, all older ones in segments. */
export class FileBlocks implements CountedBlocks {
  readonly #reader: SegmentReader;

  constructor(reader: SegmentReader) {
    this.#reader = reader;
  }

  readChunk(
    stream: Stream,
    from: number,
    limitBytes: number,
    to: number,
    kind?: FileBodyKind,
  ): Chunk | undefined | Promise<Chunk | undefined> {
    const { start } = stream.buffer;
    if (from >= start) return readBuffered(stream, from, limitBytes, to, kind);
    return this.#reader.readChunk(
      asFileStream(stream),
      from,
      limitBytes,
      Math.min(to, start),
      kind,
    );
  }

  blockStart(stream: Stream, offset: number): number | Promise<number> {
    return offset >= stream.buffer.start
      ? stream.buffer.blockStart(offset)
      : this.#reader.blockStart(asFileStream(stream), offset);
  }

  async blockSince(stream: Stream, sinceMs: number): Promise<number | undefined> {
    const { buffer } = stream;
    if (buffer.lastAtMs < sinceMs) return undefined;
    const newest = buffer.blockSince(sinceMs);
    if (buffer.start === stream.ownStart) return newest;
    return await this.#reader.blockSince(asFileStream(stream), sinceMs, buffer.start) ?? newest;
  }

  countedBlockAt(stream: Stream, offset: number): CountedBlock | Promise<CountedBlock> {
    const { buffer } = stream;
    return offset >= buffer.start
      ? buffer.countedBlockAt(offset)
      : this.#reader.countedBlockAt(asFileStream(stream), offset);
  }

  countedBlockOf(stream: Stream, message: number): CountedBlock | Promise<CountedBlock> {
    const { buffer } = stream;
    return message >= buffer.startMessages
      ? buffer.countedBlockOf(message)
      : this.#reader.countedBlockOf(asFileStream(stream), message, buffer.start);
  }
}

function asFileStream(stream: Stream): FileStream {
  invariant(stream instanceof FileStream, "the stream is one of this storage's");
  return stream;
}
