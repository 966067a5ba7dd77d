import type { FileBody, FileBodyKind } from "../env/file_body.ts";
import { type Bytes, concatBytes } from "../protocol/bytes.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { isMessageEnd } from "../protocol/json.ts";
import { formatOffset, spaceAt } from "../protocol/offset.ts";
import { mapAwaitable } from "./map_awaitable.ts";
import type { Blocks } from "./blocks.ts";
import type { OffsetSpaces } from "./offset_spaces.ts";
import type { Stream } from "./stream.ts";
import type { Streams } from "./streams.ts";
import { BLOCK_BYTES } from "./block_rule.ts";

/** What is shorter costs no more in memory than as a part of its file. */
const MIN_BYTES: Readonly<Record<FileBodyKind, number>> = { blob: 256 * 1024, slice: 32 * 1024 };

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
   * @throws {StreamError} `damaged`, with the offset behind the damage where that is known
   */
  chunk(stream: Stream, from: number, limitBytes: number, to: number): Bytes | Promise<Bytes> {
    const fail = (error: unknown): never => {
      throw this.#withNext(error, stream, from);
    };
    try {
      const bytes = this.#rest([], stream, from, limitBytes, to);
      return bytes instanceof Promise ? bytes.catch(fail) : bytes;
    } catch (error) {
      return fail(error);
    }
  }

  /** As {@link chunk}, as a part of a file where that can be had; it may end earlier, at the file's end. */
  body(
    stream: Stream,
    from: number,
    limitBytes: number,
    to: number,
    kind: FileBodyKind,
  ): Bytes | FileBody | Promise<Bytes | FileBody> {
    return Math.min(limitBytes, to - from) < MIN_BYTES[kind]
      ? this.chunk(stream, from, limitBytes, to)
      : mapAwaitable(
        this.#fileBody(stream, from, limitBytes, to, kind),
        (inFile) => inFile ?? this.chunk(stream, from, limitBytes, to),
      );
  }

  /** All bytes from `from` up to `to`. */
  async range(stream: Stream, from: number, to: number): Promise<Bytes> {
    const parts: Bytes[] = [];
    for (let at = from; at < to;) {
      const { owner, end } = this.#ownerAt(stream, at, to);
      parts.push(await this.#blocks.read(owner, at, end));
      at = end;
    }
    return concatBytes(parts);
  }

  /**
   * Checks that a JSON stream's offset is its start or follows a message; a byte stream takes any.
   *
   * @throws {StreamError} `invalid_offset`
   */
  checkBoundary(stream: Stream, offset: number): void | Promise<void> {
    if (!stream.json || offset === 0 || offset === stream.tail) return;
    const { owner } = this.#ownerAt(stream, offset, stream.tail);
    const start = this.#blocks.blockStart(owner, offset);
    if (start === offset) return;
    return this.#checkBoundaryIn(stream, start, offset);
  }

  async #checkBoundaryIn(
    stream: Stream,
    blockStart: number | Promise<number>,
    offset: number,
  ): Promise<void> {
    if (await blockStart === offset) return;
    const before = await this.range(stream, Math.max(0, offset - 2), offset);
    if (before.length === 2 && isMessageEnd(before[0], before[1])) return;
    throw new StreamError(
      { code: "invalid_offset" },
      `The offset ${
        formatOffset(this.#spaces.of(stream), offset)
      } is inside a message: use a Stream-Next-Offset value of this stream.`,
    );
  }

  /**
   * Where the first block begins whose last message came at `sinceMs` or later, at most `to`. All that
   * comes before it in the stream was written earlier.
   */
  async since(stream: Stream, sinceMs: number, to: number): Promise<number> {
    for (let at = 0; at < to;) {
      const { owner, end } = this.#ownerAt(stream, at, to);
      const found = await this.#blocks.blockSince(owner, sinceMs);
      if (found !== undefined && found < end) return found;
      at = end;
    }
    return to;
  }

  /** The nearest message's boundary at or before `offset`; in a byte stream that is any position. */
  async boundaryBefore(stream: Stream, offset: number): Promise<number> {
    if (!stream.json || offset === 0 || offset === stream.tail) return offset;
    const { owner } = this.#ownerAt(stream, offset, stream.tail);
    const start = await this.#blocks.blockStart(owner, offset);
    // A longer block is one message, so there is nothing to look for in it.
    if (offset - start >= BLOCK_BYTES) return start;
    const bytes = await this.range(stream, start, offset);
    let end = bytes.length;
    while (end > 0 && !(end > 1 && isMessageEnd(bytes[end - 2], bytes[end - 1]))) end--;
    return start + end;
  }

  /** A chunk: the parts that are there already, and those from `at` on. */
  #rest(
    parts: Bytes[],
    stream: Stream,
    at: number,
    leftBytes: number,
    to: number,
  ): Bytes | Promise<Bytes> {
    if (at >= to || leftBytes <= 0) return concatBytes(parts);
    const { owner, end } = this.#ownerAt(stream, at, to);
    return mapAwaitable(this.#blocks.chunkEnd(owner, at, leftBytes, end), (chunkEnd) => {
      const length = chunkEnd - at;
      if (length > leftBytes && parts.length > 0) return concatBytes(parts);
      return mapAwaitable(this.#blocks.read(owner, at, chunkEnd), (part) => {
        parts.push(part);
        return this.#rest(parts, stream, chunkEnd, leftBytes - length, to);
      });
    });
  }

  async #fileBody(
    stream: Stream,
    from: number,
    limitBytes: number,
    to: number,
    kind: FileBodyKind,
  ): Promise<FileBody | undefined> {
    // JSON becomes an array by what is sent before and after it: a blob goes out alone.
    if (this.#blocks.fileBody === undefined || (stream.json && kind === "blob")) return undefined;
    const { owner, end } = this.#ownerAt(stream, from, to);
    const chunkEnd = await this.#blocks.chunkEnd(owner, from, limitBytes, end);
    if (chunkEnd - from < MIN_BYTES[kind]) return undefined;
    try {
      return await this.#blocks.fileBody(owner, from, chunkEnd, kind);
    } catch (error) {
      throw this.#withNext(error, stream, from);
    }
  }

  /** Says where reading can go on behind a damage: in a fork its source's bytes end at its point. */
  #withNext(error: unknown, stream: Stream, from: number): unknown {
    if (!(error instanceof StreamError) || error.failure.code !== "damaged") return error;
    const { range } = error.failure;
    if (range === undefined) return error;
    const { end: position } = this.#ownerAt(stream, Math.max(from, range.start), range.end);
    const spaces = this.#spaces.of(stream);
    const next = { space: spaceAt(spaces, position), position };
    return new StreamError(
      { code: "damaged", range, next },
      `${error.message} Reading can go on at the offset ${formatOffset(spaces, position)}.`,
    );
  }

  /** The stream whose own bytes `offset` is in, and how far they go (at most to `to`). */
  #ownerAt(stream: Stream, offset: number, to: number): { owner: Stream; end: number } {
    let owner = stream;
    let end = to;
    while (owner.fork !== undefined && offset < owner.fork.point) {
      end = Math.min(end, owner.fork.point);
      owner = this.#sourceOf(stream, owner.fork.sourceId);
    }
    return { owner, end };
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
