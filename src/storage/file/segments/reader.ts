import type { Clock } from "../../../env/clock.ts";
import { type FileBody, type FileBodyKind, MIN_FILE_BODY_BYTES } from "../../../env/file_body.ts";
import { type File, FileSystemError } from "../../../env/file_system.ts";
import { type Bytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { isMessageEnd, messageEnds } from "../../../protocol/json.ts";
import type { Chunk } from "../../blocks.ts";
import { chunkBytes } from "../../chunk_bytes.ts";
import type { CountedBlock } from "../../tail_buffer.ts";
import { checkBlocks, checkBlocksInPlace } from "./block_check.ts";
import type { BlockRun } from "./block_run.ts";
import type { Catalog, SegmentRow } from "../catalog/catalog.ts";
import { damagedRead, isDamage } from "../directory/damage.ts";
import type { IndexEntry } from "./index_format.ts";
import { type IndexReader, MissingPage } from "./index_reader.ts";
import type { OpenSegment, OpenSegments } from "./open_segments.ts";
import { PrefetchedRange } from "./prefetched_range.ts";
import { endOfRange, isRange, isReadAhead, ReadAhead } from "./read_ahead.ts";
import type { SegmentStream } from "./segment_stream.ts";
import { shortageStreamError } from "../directory/shortage_error.ts";

/** The result for a chunk that has to wait: for a page of the index, or perhaps for the disk. */
const NOT_NOW = Symbol("not now");

/** A chunk that is asked for; all of it is in one segment. */
interface ChunkRequest {
  readonly stream: SegmentStream;
  readonly segment: SegmentRow;
  readonly from: number;
  readonly limitBytes: number;
  /** Where it ends at the latest. */
  readonly to: number;
  readonly kind: FileBodyKind | undefined;
  /** More is left than the chunk may have, so that the reader comes back for the rest: read it as well. */
  readonly readsAhead: boolean;
  /** Where what is read ahead ends: where the segment ended as the chunk was asked for, at the latest. */
  readonly rangeEnd: number;
}

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

  /** As `Blocks.readChunk`, for an offset that is in a segment: at once where its bytes are warm. */
  readChunk(
    stream: SegmentStream,
    from: number,
    limitBytes: number,
    to: number,
    kind: FileBodyKind | undefined,
  ): Chunk | undefined | Promise<Chunk | undefined> {
    const isShort = isReadAhead(limitBytes);
    const range = isShort ? this.#ahead.find(stream.id, from) : undefined;
    if (range !== undefined) return range.chunk(from, limitBytes, to, stream.json);
    const segment = this.#segmentAt(stream, from);
    const end = Math.min(to, segment.end);
    // A range's bytes are those of one part of the stream: where there are gaps these may be few.
    const readsAhead = isShort && end - from > limitBytes && gappedBytesOf(segment) === undefined;
    const rangeEnd = Math.min(endOfRange(from), segment.end);
    const request = { stream, segment, from, limitBytes, to: end, kind, readsAhead, rangeEnd };
    let chunk: Chunk | undefined | typeof NOT_NOW;
    try {
      chunk = this.#open.useSync(segment, (open) => this.#readNow(open, request));
    } catch (error) {
      throw readFailure(stream, segment, error);
    }
    return chunk === NOT_NOW
      ? this.#use(stream, segment, (open) => this.#readLater(open, request))
      : chunk;
  }

  /** Where the block begins in which `offset` is; it is in a segment. */
  async blockStart(stream: SegmentStream, offset: number): Promise<number> {
    const segment = this.#segmentAt(stream, offset);
    return await this.#use(stream, segment, async ({ indexReader }) => {
      const run = await indexReader.load(() => {
        const block = indexReader.findOffset(offset, segment.blocks);
        return block instanceof MissingPage ? block : blockOf(indexReader, block, segment);
      });
      return run.start;
    });
  }

  /**
   * Where the first block begins whose last message came at `sinceMs` or later, of those in segments
   * before `to`; `undefined` where none did. Looks at a few segments' newest entries, then into one.
   */
  async blockSince(
    stream: SegmentStream,
    sinceMs: number,
    to: number,
  ): Promise<number | undefined> {
    return await this.#lookUp(async () => {
      const found = await this.#firstSegment(stream, to, ({ atMs }) => atMs >= sinceMs);
      if (found === undefined) return undefined;
      return await this.#use(stream, found, async ({ indexReader }) => {
        const block = await indexReader.load(() => indexReader.findSince(sinceMs, found.blocks));
        return (await indexReader.load(() => blockOf(indexReader, block, found))).start;
      });
    });
  }

  /** As `CountedBlocks.countedBlockAt`, for an offset that is in a segment. */
  async countedBlockAt(stream: SegmentStream, offset: number): Promise<CountedBlock> {
    const segment = this.#segmentAt(stream, offset);
    return await this.#countedBlock(
      stream,
      segment,
      (indexReader) => indexReader.findOffset(offset, segment.blocks),
    );
  }

  /** As `CountedBlocks.countedBlockOf`, for a message that is in a segment, before `to`. */
  countedBlockOf(
    stream: SegmentStream,
    message: number,
    to: number,
  ): Promise<CountedBlock> {
    return this.#lookUp(() => this.#findCountedBlock(stream, message, to));
  }

  async #findCountedBlock(
    stream: SegmentStream,
    message: number,
    to: number,
  ): Promise<CountedBlock> {
    const newest = this.#segmentAt(stream, to - 1);
    const first = await this.#entry(stream, newest, 0);
    const last = await this.#newestEntry(stream, newest);
    // Nearly always the newest segment has it: nothing is read of another one then, which may be damaged.
    const segment = first.messages <= message && message < last.messages
      ? newest
      : await this.#firstSegment(stream, to, ({ messages }) => messages > message);
    if (segment === undefined) {
      throw new StreamError(
        { code: "damaged" },
        `The indexes of stream ${stream.id} count fewer messages than its row.`,
      );
    }
    return await this.#countedBlock(
      stream,
      segment,
      (indexReader) => indexReader.findMessage(message, segment.blocks),
    );
  }

  /**
   * The first segment before `to` whose newest entry passes a test, as those of all later ones do. Looks
   * at a few of them.
   */
  async #firstSegment(
    stream: SegmentStream,
    to: number,
    test: (newest: IndexEntry) => boolean,
  ): Promise<SegmentRow | undefined> {
    let found: SegmentRow | undefined;
    for (let from = stream.ownStart, end = to; from < end;) {
      const middle = from + Math.floor((end - from) / 2);
      const segment = this.#segmentIfHeld(stream, middle);
      // It was trimmed, and so was all before it.
      if (segment === undefined) from = middle + 1;
      else if (test(await this.#newestEntry(stream, segment))) {
        found = segment;
        end = segment.base;
      } else {
        from = segment.end;
      }
    }
    return found;
  }

  #newestEntry(stream: SegmentStream, segment: SegmentRow): Promise<IndexEntry> {
    return this.#entry(stream, segment, segment.blocks - 1);
  }

  #entry(stream: SegmentStream, segment: SegmentRow, block: number): Promise<IndexEntry> {
    const { blocks } = segment;
    return this.#use(
      stream,
      segment,
      ({ indexReader }) => indexReader.load(() => indexReader.entry(block, blocks)),
    );
  }

  async #countedBlock(
    stream: SegmentStream,
    segment: SegmentRow,
    find: (indexReader: IndexReader) => number | MissingPage,
  ): Promise<CountedBlock> {
    const { base, blocks } = segment;
    return await this.#use(stream, segment, async ({ indexReader, log }) => {
      const block = await indexReader.load(() => find(indexReader));
      const run = await indexReader.load(() => blockOf(indexReader, block, segment));
      const { end, messages: through, atMs } = run.entry(block);
      let before: number;
      if (gappedBytesOf(segment) !== undefined) {
        before = through - await countInBlock(log, run);
      } else if (block > 0) {
        before = (await indexReader.load(() => indexReader.entry(block - 1, blocks))).messages;
      } else {
        before = await this.#messagesBefore(stream, base) ??
          (stream.json
            ? through - await countInBlock(log, run)
            : trimmedBefore(stream, run, through));
      }
      return { start: run.start, end, before, through, atMs };
    });
  }

  /** How many of the stream's own messages come before a segment's base; `undefined` where that was trimmed. */
  async #messagesBefore(stream: SegmentStream, base: number): Promise<number | undefined> {
    if (base === stream.ownStart) return 0;
    const segment = this.#segmentIfHeld(stream, base - 1);
    return segment === undefined ? undefined : (await this.#newestEntry(stream, segment)).messages;
  }

  /** The segment with an offset; `undefined` where it may have been trimmed. */
  #segmentIfHeld(stream: SegmentStream, offset: number): SegmentRow | undefined {
    const found = this.#find(stream, offset);
    const mayBeTrimmed = offset < stream.earliest || stream.lifecycle === "soft_deleted";
    return found === undefined && mayBeTrimmed ? undefined : this.#segmentAt(stream, offset);
  }

  #segmentAt(stream: SegmentStream, offset: number): SegmentRow {
    const segment = this.#find(stream, offset);
    if (segment !== undefined) return segment;
    if (stream.lifecycle === "deleted") throw deletedError(stream);
    throw new StreamError(
      { code: "damaged" },
      `The catalogue has no segment of stream ${stream.id} with offset ${offset}.`,
    );
  }

  #find(stream: SegmentStream, offset: number): SegmentRow | undefined {
    const { lastSegment, readSegment } = stream;
    if (lastSegment !== undefined && holds(lastSegment, offset)) return lastSegment;
    if (readSegment !== undefined && holds(readSegment, offset)) return readSegment;
    for (const segment of stream.changedSegments.values()) {
      if (holds(segment, offset)) return segment;
    }
    const segment = this.#catalog.segmentAt(stream.id, offset);
    if (segment === undefined || !holds(segment, offset)) return undefined;
    // Its row is there until the checkpoint that lets go of it.
    if (stream.replacedSegments.some(({ base }) => base === segment.base)) return undefined;
    return stream.readSegment = segment;
  }

  /** The chunk, if nothing has to be waited for: its bytes are warm, and the index's pages in memory. */
  #readNow(open: OpenSegment, request: ChunkRequest): Chunk | undefined | typeof NOT_NOW {
    const run = findRun(open, request);
    return run instanceof MissingPage ? NOT_NOW : this.#readWarm(open, request, run);
  }

  /** The chunk of a run, if its bytes are warm. */
  #readWarm(
    open: OpenSegment,
    request: ChunkRequest,
    run: BlockRun,
  ): Chunk | undefined | typeof NOT_NOW {
    const nowMs = this.#clock.nowMs();
    const { stream } = request;
    const { filePosition: start, fileEnd: end } = run;
    if (!open.warm.isWarm(start, end, nowMs)) return NOT_NOW;
    const next = Math.min(run.end, request.to);
    const toBody = isAhead(request, run) ? undefined : this.#bodyIn(open, request, run, next);
    if (toBody !== undefined) {
      checkBlocksInPlace(open.log, run, nowMs);
      open.warm.use(start, end, nowMs);
      if (!startsMessageIn(open.log, request, run)) return undefined;
      return { data: toBody(), next, isCut: next < request.to };
    }
    try {
      const bytes = chunkBytes(end - start, stream.json);
      const length = open.log.readSync(bytes, start);
      return this.#chunkOf(open, request, run, part(bytes, 0, length), nowMs);
    } catch (error) {
      if (!mayReadAlone(request, error)) throw error;
      return this.#readNow(open, { ...request, readsAhead: false });
    }
  }

  /** The chunk, once all that it needs is there: read off the main thread where it isn't warm. */
  async #readLater(open: OpenSegment, request: ChunkRequest): Promise<Chunk | undefined> {
    const { stream } = request;
    try {
      const run = await open.indexReader.load(() => findRun(open, request));
      const chunk = this.#readWarm(open, request, run);
      if (chunk !== NOT_NOW) return chunk;
      const bytes = chunkBytes(run.fileEnd - run.filePosition, stream.json);
      const length = await open.log.read(bytes, run.filePosition);
      return this.#chunkOf(open, request, run, part(bytes, 0, length), this.#clock.nowMs());
    } catch (error) {
      if (!mayReadAlone(request, error)) throw error;
      return await this.#readLater(open, { ...request, readsAhead: false });
    }
  }

  /** Makes the chunk a part of the segment's file; `undefined` where it has to be read instead. */
  #bodyIn(
    { log }: OpenSegment,
    { stream, segment, from, kind }: ChunkRequest,
    run: BlockRun,
    next: number,
  ): (() => FileBody) | undefined {
    if (kind === undefined || next - from < MIN_FILE_BODY_BYTES[kind]) return undefined;
    const start = run.filePositionIn(run.first, from);
    const end = run.filePositionIn(run.last, next);
    if (end - start < MIN_FILE_BODY_BYTES[kind]) return undefined;
    if (kind === "blob") {
      // JSON becomes an array by what is sent before and after it: a blob goes out alone.
      const { blob } = log;
      return blob === undefined || stream.json ? undefined : () => blob(start, end);
    }
    if (!this.#open.mayHold) return undefined;
    return () => ({
      file: log,
      start,
      end,
      release: this.#open.hold(segment),
    });
  }

  /** Checks the blocks that were read, and cuts out of them what was asked for. */
  #chunkOf(
    open: OpenSegment,
    request: ChunkRequest,
    run: BlockRun,
    bytes: Bytes,
    nowMs: number,
  ): Chunk | undefined {
    const { stream, from, limitBytes, to } = request;
    const { filePosition } = run;
    checkBlocks(open.log.path, run, bytes);
    open.warm.use(filePosition, run.fileEnd, nowMs);
    if (isAhead(request, run)) {
      const range = new PrefetchedRange(run.start, bytes, run.ends());
      this.#ahead.add(stream.id, from, range);
      return range.chunk(from, limitBytes, to, stream.json);
    }
    const at = run.filePositionIn(run.first, from) - filePosition;
    if (stream.json && at > 0 && !isMessageEnd(bytes[at - 2], bytes[at - 1])) return undefined;
    const next = Math.min(run.end, to);
    const end = run.filePositionIn(run.last, next) - filePosition;
    return { data: part(bytes, at, end), next, isCut: next < to };
  }

  async #use<T>(
    stream: SegmentStream,
    segment: SegmentRow,
    use: (open: OpenSegment) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#open.use(segment, use);
    } catch (error) {
      const isGone = error instanceof FileSystemError && error.kind === "not_found";
      if (isGone && this.#segmentAt(stream, segment.base).generation !== segment.generation) {
        throw new SegmentReplaced();
      }
      throw readFailure(stream, segment, error);
    }
  }

  /** Looks something up, and once more where a compaction has taken the segment away that it was in. */
  async #lookUp<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof SegmentReplaced)) throw error;
      return await run();
    }
  }
}

/** The files of a segment that was found are gone by now, and another has its place. */
class SegmentReplaced extends Error {}

/** The blocks to read: those of the whole range where the chunk is read ahead of, and that isn't too long. */
function findRun({ indexReader }: OpenSegment, request: ChunkRequest): BlockRun | MissingPage {
  const { segment, from, limitBytes, to } = request;
  const { blocks } = segment;
  if (request.readsAhead) {
    const run = indexReader.run(from, Infinity, request.rangeEnd, blocks);
    if (run instanceof MissingPage || isRange(run.fileEnd - run.filePosition)) return run;
  }
  return indexReader.run(from, limitBytes, to, blocks, gappedBytesOf(segment));
}

/** Whether a request's blocks are those of the whole range, and the chunk only a part of them. */
function isAhead(request: ChunkRequest, run: BlockRun): boolean {
  return request.readsAhead && run.end >= request.rangeEnd &&
    isRange(run.fileEnd - run.filePosition);
}

/** Whether a read that failed is tried again without what comes behind its chunk: that may have failed. */
function mayReadAlone({ readsAhead }: ChunkRequest, error: unknown): boolean {
  return readsAhead && (error instanceof FileSystemError || error instanceof StreamError);
}

/** As {@link isMessageEnd}, of what comes before a chunk in a file whose blocks were checked. */
function startsMessageIn(
  log: File,
  { stream, from }: ChunkRequest,
  run: BlockRun,
): boolean {
  const at = run.filePositionIn(run.first, from);
  if (!stream.json || at === run.filePosition) return true;
  const before = new Uint8Array(2);
  log.readSync(before, at - before.length);
  return isMessageEnd(before[0], before[1]);
}

/** Most often that is all of them: a view of an array that has none yet costs Bun half a microsecond. */
function part(bytes: Bytes, start: number, end: number): Bytes {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

function readFailure(stream: SegmentStream, segment: SegmentRow, error: unknown): unknown {
  // Of a block that is damaged the range is known; without its index or its file all of a segment is.
  const range = { start: segment.base, end: segment.end };
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

function holds({ base, end }: SegmentRow, offset: number): boolean {
  return offset >= base && offset < end;
}

/** How long the segment's file is, where there are gaps between its blocks. */
export function gappedBytesOf({ base, bytes, end }: SegmentRow): number | undefined {
  return end - base === bytes ? undefined : bytes;
}

/** One block by its number. */
function blockOf(
  indexReader: IndexReader,
  block: number,
  segment: SegmentRow,
): BlockRun | MissingPage {
  return indexReader.runOf(block, block, segment.blocks, gappedBytesOf(segment));
}

/**
 * How many messages of a byte stream come before the first block that is left of it. Where that isn't the
 * one at which it was trimmed, the block counts as one message.
 */
function trimmedBefore(stream: SegmentStream, run: BlockRun, through: number): number {
  const { earliest, earliestMessages } = stream;
  return earliest >= run.start && earliest < run.end ? earliestMessages : through - 1;
}

/** How many messages a JSON stream's block has, which is checked. */
async function countInBlock(log: File, run: BlockRun): Promise<number> {
  const bytes = new Uint8Array(run.fileEnd - run.filePosition);
  const length = await log.read(bytes, run.filePosition);
  checkBlocks(log.path, run, bytes.subarray(0, length));
  return messageEnds(bytes).length;
}

function deletedError(stream: SegmentStream): StreamError {
  return new StreamError(
    { code: "not_found" },
    `The stream ${JSON.stringify(stream.name)} was deleted while it was read.`,
  );
}
