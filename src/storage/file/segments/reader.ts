import type { Clock } from "../../../env/clock.ts";
import type { FileBody, FileBodyKind } from "../../../env/file_body.ts";
import { FileSystemError } from "../../../env/file_system.ts";
import { uninitializedBytes } from "../../../env/uninitialized_bytes.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { mapAwaitable } from "../../map_awaitable.ts";
import { checkBlocksInPlace } from "./block_check.ts";
import type { Catalog, SegmentRow } from "../catalog/catalog.ts";
import { damagedRead, isDamage } from "../directory/damage.ts";
import type { FileStream } from "../streams/file_stream.ts";
import type { BlockRun } from "./index_reader.ts";
import type { OpenSegment, OpenSegments } from "./open_segments.ts";
import { ReadAhead } from "./read_ahead.ts";
import { boundsOf, part, readRun } from "./read_run.ts";
import { shortageStreamError } from "../directory/shortage_error.ts";

/** Left before JSON for an array's bracket; so many, since the kernel copies to odd addresses slowly. */
const HEADROOM_BYTES = 64;

/** Reads what of streams is in segments; every block is checked on its way out. */
export class SegmentReader {
  readonly #clock: Clock;
  readonly #catalog: Catalog;
  readonly #open: OpenSegments;
  readonly #ahead = new ReadAhead();

  constructor(clock: Clock, catalog: Catalog, open: OpenSegments) {
    this.#clock = clock;
    this.#catalog = catalog;
    this.#open = open;
  }

  /** How many segment files are open. */
  get openFiles(): number {
    return this.#open.openFiles;
  }

  /** The bytes from `from` up to `to`, all of them in segments: at once where they are warm. */
  read(stream: FileStream, from: number, to: number): Bytes | Promise<Bytes> {
    const piece = this.#ahead.find(stream, from);
    if (piece !== undefined && to <= piece.end) return piece.slice(from, to, stream.json);
    const segment = this.#segmentAt(stream, from);
    return to <= segment.base + segment.bytes
      ? this.#readIn(stream, segment, from, to)
      : this.#readOver(stream, from, to);
  }

  /**
   * The same as a part of the segment's file, once every block of it has been checked; `undefined` where
   * there is none to be had, and for what is in two segments or may have to come from the disk.
   */
  fileBody(
    stream: FileStream,
    from: number,
    to: number,
    kind: FileBodyKind,
  ): FileBody | undefined | Promise<FileBody | undefined> {
    const segment = this.#segmentAt(stream, from);
    if (to > segment.base + segment.bytes) return undefined;
    return this.#use(stream, segment, (open) => {
      const isThere = kind === "blob" ? open.log.blob !== undefined : this.#open.mayHold;
      if (!isThere) return undefined;
      const body = () => this.#bodyOf(stream, segment, open, kind, from, to);
      const run = open.indexReader.run(from, to, segment.blocks);
      return mapAwaitable(run, (run) => this.#isSendable(open, segment, run) ? body() : undefined);
    });
  }

  /** As `Blocks.chunkEnd`, for an offset that is in a segment; never past that segment's end. */
  chunkEnd(
    stream: FileStream,
    from: number,
    limitBytes: number,
    to: number,
  ): number | Promise<number> {
    const isShort = this.#ahead.serves(limitBytes);
    const piece = isShort ? this.#ahead.find(stream, from) : undefined;
    if (piece !== undefined) return Math.min(to, piece.chunkEnd(from, limitBytes));
    const segment = this.#segmentAt(stream, from);
    const end = Math.min(to, segment.base + segment.bytes);
    if (end - from <= limitBytes) return end;
    const entry = this.#use(stream, segment, (open) => {
      const last = () => open.indexReader.lastWithin(from, from + limitBytes, segment.blocks);
      // More is left than the chunk may have: whoever takes it comes back for the rest.
      const filling = isShort
        ? this.#ahead.fill(stream, segment, open, from, this.#clock.nowMs())
        : undefined;
      return filling === undefined ? last() : filling.then(last);
    });
    return mapAwaitable(entry, (entry) => Math.min(end, entry.end));
  }

  /** Where the block begins in which `offset` is; it is in a segment. */
  blockStart(stream: FileStream, offset: number): number | Promise<number> {
    const piece = this.#ahead.find(stream, offset);
    if (piece !== undefined) return piece.blockStart(offset);
    const segment = this.#segmentAt(stream, offset);
    if (offset === segment.base) return offset;
    const position = this.#use(
      stream,
      segment,
      ({ indexReader }) => indexReader.filePositionOf(offset, segment.blocks),
    );
    return mapAwaitable(position, (position) => segment.base + position);
  }

  /**
   * Where the first block begins whose last message came at `sinceMs` or later, of those in segments
   * before `to`; `undefined` where none did. Looks at a few segments' newest entries, then into one.
   */
  async blockSince(stream: FileStream, sinceMs: number, to: number): Promise<number | undefined> {
    let found: SegmentRow | undefined;
    for (let from = stream.ownStart, end = to; from < end;) {
      const segment = this.#segmentAt(stream, from + Math.floor((end - from) / 2));
      const newest = await this.#use(
        stream,
        segment,
        ({ indexReader }) => indexReader.entry(segment.blocks - 1, segment.blocks),
      );
      if (newest.atMs < sinceMs) {
        from = segment.base + segment.bytes;
      } else {
        found = segment;
        end = segment.base;
      }
    }
    if (found === undefined) return undefined;
    const { base, blocks } = found;
    return await this.#use(stream, found, async ({ indexReader }) => {
      const block = await indexReader.findSince(sinceMs, blocks);
      return base + (await indexReader.entry(block, blocks)).filePosition;
    });
  }

  #segmentAt(stream: FileStream, offset: number): SegmentRow {
    const { lastSegment, readSegment } = stream;
    if (lastSegment !== undefined && holds(lastSegment, offset)) return lastSegment;
    if (readSegment !== undefined && holds(readSegment, offset)) return readSegment;
    for (const segment of stream.changedSegments.values()) {
      if (holds(segment, offset)) return segment;
    }
    const segment = this.#catalog.segmentAt(stream.id, offset);
    if (segment !== undefined && holds(segment, offset)) return stream.readSegment = segment;
    if (stream.lifecycle === "deleted") throw deletedError(stream);
    throw new StreamError(
      { code: "damaged" },
      `The catalogue has no segment of stream ${stream.id} with offset ${offset}.`,
    );
  }

  #readIn(
    stream: FileStream,
    segment: SegmentRow,
    from: number,
    to: number,
  ): Bytes | Promise<Bytes> {
    return this.#use(stream, segment, (open) => {
      const run = open.indexReader.run(from, to, segment.blocks);
      return mapAwaitable(
        run,
        (run) => this.#readBlocks(open, segment, run, stream.json, from, to),
      );
    });
  }

  async #readOver(stream: FileStream, from: number, to: number): Promise<Bytes> {
    const parts: Bytes[] = [];
    for (let at = from; at < to;) {
      const segment = this.#segmentAt(stream, at);
      const end = Math.min(to, segment.base + segment.bytes);
      parts.push(await this.#readIn(stream, segment, at, end));
      at = end;
    }
    return concatBytes(parts);
  }

  /** Reads the whole blocks around `from` and `to`, checks them, and cuts out what was asked for. */
  #readBlocks(
    open: OpenSegment,
    segment: SegmentRow,
    run: BlockRun,
    isJson: boolean,
    from: number,
    to: number,
  ): Bytes | Promise<Bytes> {
    const bounds = boundsOf(run, segment);
    const { start, end } = bounds;
    const bytes = isJson
      ? uninitializedBytes(HEADROOM_BYTES + end - start).subarray(HEADROOM_BYTES)
      : uninitializedBytes(end - start);
    return mapAwaitable(
      readRun(open, segment, run, bounds, bytes, this.#clock.nowMs()),
      () => part(bytes, from - segment.base - start, to - segment.base - start),
    );
  }

  /** Whether a run may be sent from the page cache: it is there, and every block of it checks. */
  #isSendable({ log, warm }: OpenSegment, segment: SegmentRow, run: BlockRun): boolean {
    const { start, end } = boundsOf(run, segment);
    const nowMs = this.#clock.nowMs();
    if (!warm.isWarm(start, end, nowMs)) return false;
    checkBlocksInPlace(log, segment, run, nowMs);
    warm.use(start, end, nowMs);
    return true;
  }

  #bodyOf(
    stream: FileStream,
    { base }: SegmentRow,
    { log }: OpenSegment,
    kind: FileBodyKind,
    from: number,
    to: number,
  ): FileBody | undefined {
    if (kind === "blob") return log.blob?.(from - base, to - base);
    return {
      file: log,
      start: from - base,
      end: to - base,
      release: this.#open.hold(stream.id, base),
    };
  }

  #use<T>(
    stream: FileStream,
    segment: SegmentRow,
    use: (open: OpenSegment) => T | Promise<T>,
  ): T | Promise<T> {
    try {
      const used = this.#open.use(stream.id, segment.base, use);
      if (!(used instanceof Promise)) return used;
      return used.catch((error) => {
        throw readFailure(stream, segment, error);
      });
    } catch (error) {
      throw readFailure(stream, segment, error);
    }
  }
}

function readFailure(stream: FileStream, segment: SegmentRow, error: unknown): unknown {
  // Of a block that is damaged the range is known; without its index or its file all of a segment is.
  const range = { start: segment.base, end: segment.base + segment.bytes };
  if (isDamage(error)) {
    return error.failure.code !== "damaged" || error.failure.range !== undefined
      ? error
      : new StreamError({ code: "damaged", range }, error.message);
  }
  if (!(error instanceof FileSystemError)) return error;
  if (stream.lifecycle === "deleted") return deletedError(stream);
  if (error.kind === "too_many_open_files") return shortageStreamError(error.kind);
  if (error.kind !== "not_found") return error;
  return damagedRead(
    { path: error.path, filePosition: 0, expected: "a file", found: "none" },
    range,
  );
}

function holds({ base, bytes }: SegmentRow, offset: number): boolean {
  return offset >= base && offset < base + bytes;
}

function deletedError(stream: FileStream): StreamError {
  return new StreamError(
    { code: "not_found" },
    `The stream ${JSON.stringify(stream.name)} was deleted while it was read.`,
  );
}
