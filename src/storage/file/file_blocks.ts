import type { FileBodyKind } from "../../env/file_body.ts";
import type { Chunk, CountedBlocks } from "../blocks.ts";
import { readBuffered } from "../buffered_chunk.ts";
import { invariant } from "../invariant.ts";
import type { Stream } from "../stream.ts";
import type { CountedBlock } from "../tail_buffer.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { SegmentReader } from "./segments/reader.ts";
import { MOVED, RowBlockReader } from "./segments/row_block_reader.ts";
import type { RowBlocks } from "./segments/row_blocks.ts";
import { FileStream, hasNoSegment } from "./streams/file_stream.ts";

/** The blocks of streams on disk: the newest are in memory, older ones in segments, or of small streams in rows. */
export class FileBlocks implements CountedBlocks {
  readonly #reader: SegmentReader;
  readonly #rows: RowBlockReader;

  constructor(reader: SegmentReader, catalog: Pick<Catalog, "blocks">) {
    this.#reader = reader;
    this.#rows = new RowBlockReader(catalog);
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
    const fileStream = asFileStream(stream);
    const { rowBlocks } = fileStream;
    if (rowBlocks !== undefined && from >= rowBlocks.start) {
      const chunk = this.#rows.readChunk(fileStream, rowBlocks, from, limitBytes, to);
      // Who reads may hold a stream that has left memory meanwhile, and come back and grown.
      if (chunk !== MOVED) return chunk;
    }
    const end = rowBlocks !== undefined && from < rowBlocks.start ? rowBlocks.start : start;
    return this.#reader.readChunk(fileStream, from, limitBytes, Math.min(to, end), kind);
  }

  blockStart(stream: Stream, offset: number): number | Promise<number> {
    if (offset >= stream.buffer.start) return stream.buffer.blockStart(offset);
    const fileStream = asFileStream(stream);
    return rowsWith(fileStream, offset)?.blockStart(offset) ??
      this.#reader.blockStart(fileStream, offset);
  }

  blockSince(stream: Stream, sinceMs: number): number | undefined | Promise<number | undefined> {
    const { buffer } = stream;
    if (buffer.lastAtMs < sinceMs) return undefined;
    const fileStream = asFileStream(stream);
    const { rowBlocks } = fileStream;
    const newest = rowBlocks?.blockSince(sinceMs) ?? buffer.blockSince(sinceMs);
    const start = rowBlocks?.start ?? buffer.start;
    const first = Math.max(stream.ownStart, stream.earliest);
    if (hasNoSegment(fileStream)) {
      // A block before these is missing: whoever reads from there is told that.
      return newest === start && start > first ? first : newest;
    }
    if (start === stream.ownStart) return newest;
    return this.#reader.blockSince(fileStream, sinceMs, start).then((found) => found ?? newest);
  }

  countedBlockAt(stream: Stream, offset: number): CountedBlock | Promise<CountedBlock> {
    const { buffer } = stream;
    if (offset >= buffer.start) return buffer.countedBlockAt(offset);
    const fileStream = asFileStream(stream);
    return rowsWith(fileStream, offset)?.countedBlockAt(offset) ??
      this.#reader.countedBlockAt(fileStream, offset);
  }

  countedBlockOf(stream: Stream, message: number): CountedBlock | Promise<CountedBlock> {
    const { buffer } = stream;
    if (message >= buffer.startMessages) return buffer.countedBlockOf(message);
    const fileStream = asFileStream(stream);
    const { rowBlocks } = fileStream;
    // Before what is in rows there is nothing that can be read, but for a stream that is damaged.
    return rowBlocks?.countedBlockOf(message) ??
      this.#reader.countedBlockOf(fileStream, message, buffer.start);
  }
}

/** What a stream has in rows, where an offset before its buffer is in that. */
function rowsWith({ rowBlocks }: FileStream, offset: number): RowBlocks | undefined {
  return rowBlocks !== undefined && offset >= rowBlocks.start ? rowBlocks : undefined;
}

function asFileStream(stream: Stream): FileStream {
  invariant(stream instanceof FileStream, "the stream is one of this storage's");
  return stream;
}
