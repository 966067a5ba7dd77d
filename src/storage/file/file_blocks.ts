import type { FileBody, FileBodyKind } from "../../env/file_body.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import type { Blocks } from "../blocks.ts";
import { invariant } from "../invariant.ts";
import { mapAwaitable } from "../map_awaitable.ts";
import type { Stream } from "../stream.ts";
import { tailSlice } from "../tail_slice.ts";
import type { SegmentReader } from "./segments/reader.ts";
import { FileStream } from "./streams/file_stream.ts";

/** The blocks of streams on disk: the newest are in memory, all older ones in segments. */
export class FileBlocks implements Blocks {
  readonly #reader: SegmentReader;

  constructor(reader: SegmentReader) {
    this.#reader = reader;
  }

  chunkEnd(stream: Stream, from: number, limitBytes: number, to: number): number | Promise<number> {
    if (from >= stream.buffer.start) return stream.buffer.chunkEnd(from, limitBytes, to);
    invariant(stream instanceof FileStream, "the stream is one of this storage's");
    return this.#reader.chunkEnd(stream, from, limitBytes, to);
  }

  read(stream: Stream, from: number, to: number): Bytes | Promise<Bytes> {
    const { start } = stream.buffer;
    if (from >= start) return stream.buffer.slice(from, to);
    invariant(stream instanceof FileStream, "the stream is one of this storage's");
    if (to <= start) return this.#reader.read(stream, from, to);
    // Taken now: while the segment is read, these bytes may leave memory.
    const newest = stream.buffer.slice(start, to);
    const older = this.#reader.read(stream, from, start);
    return mapAwaitable(older, (bytes) => concatBytes([bytes, newest]));
  }

  fileBody(
    stream: Stream,
    from: number,
    to: number,
    kind: FileBodyKind,
  ): FileBody | undefined | Promise<FileBody | undefined> {
    if (from >= stream.buffer.start && kind === "slice") return tailSlice(stream.buffer, from, to);
    if (to > stream.buffer.start) return undefined;
    invariant(stream instanceof FileStream, "the stream is one of this storage's");
    return this.#reader.fileBody(stream, from, to, kind);
  }

  blockStart(stream: Stream, offset: number): number | Promise<number> {
    if (offset >= stream.buffer.start) return stream.buffer.blockStart(offset);
    invariant(stream instanceof FileStream, "the stream is one of this storage's");
    return this.#reader.blockStart(stream, offset);
  }

  blockSince(stream: Stream, sinceMs: number): number | undefined | Promise<number | undefined> {
    const { buffer } = stream;
    if (buffer.lastAtMs < sinceMs) return undefined;
    const newest = buffer.blockSince(sinceMs);
    if (buffer.start === stream.ownStart) return newest;
    invariant(stream instanceof FileStream, "the stream is one of this storage's");
    return this.#reader.blockSince(stream, sinceMs, buffer.start)
      .then((older) => older ?? newest);
  }
}
