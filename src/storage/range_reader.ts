import type { FileBody, FileBodyKind } from "../env/file_body.ts";
import { type Bytes, concatBytes, NO_BYTES } from "../protocol/bytes.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { isMessageEnd } from "../protocol/json.ts";
import { formatOffset, spaceAt } from "../protocol/offset.ts";
import type { Blocks, Chunk } from "./blocks.ts";
import { invariant } from "./invariant.ts";
import type { OffsetSpaces } from "./offset_spaces.ts";
import type { Stream } from "./stream.ts";
import type { Streams } from "./streams.ts";
import { trimmedError } from "./trimmed_error.ts";
import { BLOCK_BYTES } from "./block_rule.ts";

/**
 * Reads a stream as one run of bytes, wherever they are: a fork's up to its point from its source, and
 * so on up the chain (PROTOCOL §4.2).
 */
export class RangeReader {
  readonly #streams: Pick<Streams, "loadIfThere">;
  readonly #blocks: Blocks;
  readonly #spaces: OffsetSpaces;

  constructor(streams: Pick<Streams, "loadIfThere">, blocks: Blocks, spaces: OffsetSpaces) {
    this.#streams = streams;
    this.#blocks = blocks;
    this.#spaces = spaces;
  }

  /**
   * Whole messages from `from` on, at most `limitBytes` unless the first alone is longer, up to `to`.
   *
   * @throws {StreamError} `damaged`, with the offset behind the damage where that is known;
   * `invalid_offset` where `from` is inside of a JSON stream's message
   */
  async chunk(
    stream: Stream,
    from: number,
    limitBytes: number,
    to: number,
  ): Promise<ReadRange<Bytes>> {
    const { data, next } = await this.body(stream, from, limitBytes, to, undefined);
    invariant(data instanceof Uint8Array, "nobody asked for a part of a file");
    return { data, next };
  }

  /**
   * As {@link chunk}, as a part of a file where that can be had; it may end earlier, at the file's end.
   * Bytes at hand come at once: a promise would let all else that is ready go first, which takes a
   * read from memory as long as all the rest of it.
   */
  body(
    stream: Stream,
    from: number,
    limitBytes: number,
    to: number,
    kind: FileBodyKind | undefined,
  ): ReadRange | Promise<ReadRange> {
    if (from >= to) return { data: NO_BYTES, next: from };
    try {
      const { owner, end } = this.ownerAt(stream, from, to);
      const chunk = this.#blocks.readChunk(owner, from, limitBytes, end, kind);
      if (
        !(chunk instanceof Promise) && chunk !== undefined && isWhole(chunk, limitBytes, 0, to)
      ) {
        return chunk;
      }
      return this.#goOn(chunk, stream, from, limitBytes, to);
    } catch (error) {
      throw this.#withNext(error, stream, from);
    }
  }

  /**
   * Checks that a JSON stream's offset is its start or follows a message; a byte stream takes any.
   *
   * @throws {StreamError} `invalid_offset`
   */
  async checkBoundary(stream: Stream, offset: number): Promise<void> {
    await this.chunk(stream, offset, 1, stream.tail);
  }

  /**
   * Where the first block begins whose last message came at `sinceMs` or later, at most `to`. All that
   * comes before it in the stream was written earlier.
   */
  async since(stream: Stream, sinceMs: number, to: number): Promise<number> {
    for (let at = stream.durableEarliest; at < to;) {
      const { owner, end } = this.ownerAt(stream, at, to);
      const found = await this.#blocks.blockSince(owner, sinceMs);
      // The block may begin before the first position that can be read.
      if (found !== undefined && found < end) return Math.max(found, at);
      at = end;
    }
    return to;
  }

  /** The nearest message's boundary at or before `offset`; in a byte stream that is any position. */
  async boundaryBefore(stream: Stream, offset: number): Promise<number> {
    const { durableEarliest, tail } = stream;
    if (!stream.json || offset === durableEarliest || offset === tail) return offset;
    const { owner } = this.ownerAt(stream, offset, tail);
    const start = await this.#blocks.blockStart(owner, offset);
    // A longer block is one message, so there is nothing to look for in it.
    if (offset - start >= BLOCK_BYTES) return Math.max(start, durableEarliest);
    const { data: bytes } = await this.chunk(stream, start, BLOCK_BYTES, offset);
    let end = bytes.length;
    while (end > 0 && !(end > 1 && isMessageEnd(bytes[end - 2], bytes[end - 1]))) end--;
    return Math.max(start + end, durableEarliest);
  }

  /** The stream whose own bytes `offset` is in, and how far they go (at most to `to`). */
  ownerAt(stream: Stream, offset: number, to: number): { owner: Stream; end: number } {
    let owner = stream;
    let end = to;
    while (owner.fork !== undefined && offset < owner.fork.point) {
      end = Math.min(end, owner.fork.point);
      owner = this.#sourceOf(stream, owner.fork.sourceId);
    }
    return { owner, end };
  }

  /**
   * Before which position messages may be missing of what a stream reads, its own or its sources': of one that
   * was compacted beyond the fork point that may be all up to there.
   */
  compactedUpTo(stream: Stream): number {
    let found = stream.compactedUpTo;
    let end = Infinity;
    for (let owner = stream; owner.fork !== undefined;) {
      end = Math.min(end, owner.fork.point);
      owner = this.#sourceOf(stream, owner.fork.sourceId);
      found = Math.max(found, Math.min(end, owner.compactedUpTo));
    }
    return found;
  }

  /** The body, of a first chunk and what follows it elsewhere. */
  async #goOn(
    first: Chunk | undefined | Promise<Chunk | undefined>,
    stream: Stream,
    from: number,
    limitBytes: number,
    to: number,
  ): Promise<ReadRange> {
    try {
      let chunk = await first;
      if (chunk === undefined) throw this.#insideMessage(stream, from);
      const parts: Bytes[] = [];
      let at = from;
      // Counted by what there is: where a compaction left gaps, offsets are further apart than that.
      let bytes = 0;
      while (chunk.data instanceof Uint8Array) {
        const isTooMuch = bytes + chunk.data.length > limitBytes && bytes > 0;
        if (isTooMuch) break;
        parts.push(chunk.data);
        at = chunk.next;
        if (isWhole(chunk, limitBytes, bytes, to)) break;
        bytes += chunk.data.length;
        const { owner, end } = this.ownerAt(stream, at, to);
        chunk = await this.#blocks.readChunk(owner, at, limitBytes - bytes, end);
        invariant(chunk !== undefined, "a chunk ends where a message does");
      }
      return chunk.data instanceof Uint8Array ? { data: concatBytes(parts), next: at } : chunk;
    } catch (error) {
      throw this.#withNext(error, stream, from);
    }
  }

  #insideMessage(stream: Stream, offset: number): StreamError {
    return new StreamError(
      { code: "invalid_offset" },
      `The offset ${
        formatOffset(this.#spaces.of(stream), offset)
      } is inside a message: use a Stream-Next-Offset value of this stream.`,
    );
  }

  /** Says where reading can go on behind a damage: in a fork its source's bytes end at its point. */
  #withNext(error: unknown, stream: Stream, from: number): unknown {
    // It may have been trimmed while it was read, and then nobody needs what is missing.
    if (from < stream.durableEarliest) {
      return trimmedError("The offset", stream, this.#spaces.of(stream), from);
    }
    if (!(error instanceof StreamError) || error.failure.code !== "damaged") return error;
    const { range } = error.failure;
    if (range === undefined) return error;
    const { end: position } = this.ownerAt(stream, Math.max(from, range.start), range.end);
    const spaces = this.#spaces.of(stream);
    const next = { space: spaceAt(spaces, position), position };
    return new StreamError(
      { code: "damaged", range, next },
      `${error.message} Reading can go on at the offset ${formatOffset(spaces, position)}.`,
    );
  }

  /** A read waits for the disk, and the stream may be deleted meanwhile: its sources go with it. */
  #sourceOf(stream: Stream, sourceId: number): Stream {
    const source = this.#streams.loadIfThere(sourceId);
    if (source !== undefined) return source;
    if (this.#streams.loadIfThere(stream.id) === undefined) {
      throw new StreamError({ code: "not_found" }, "The stream was deleted while it was read.");
    }
    throw new StreamError(
      { code: "damaged" },
      `Stream ${sourceId} is missing, of which ${quote(stream.name)} is a fork.`,
    );
  }
}

/** What was read of a stream. */
export interface ReadRange<Data extends Bytes | FileBody = Bytes | FileBody> {
  readonly data: Data;
  /** Where reading goes on: where the data ends, or behind a gap that a compaction has left there. */
  readonly next: number;
}

/** Whether a chunk and the bytes before it are all that was asked for, as far as there is more. */
function isWhole(
  { data, next, isCut }: Chunk,
  limitBytes: number,
  bytesBefore: number,
  to: number,
): boolean {
  return isCut || next >= to || !(data instanceof Uint8Array) ||
    bytesBefore + data.length >= limitBytes;
}
