import { FileSystemError } from "../../env/file_system.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import { invariant } from "../invariant.ts";
import type { Catalog, SegmentRow } from "./catalog.ts";
import { checksum } from "./crc.ts";
import { damagedRead } from "./damage.ts";
import type { FileStream } from "./file_stream.ts";
import type { IndexEntry } from "./index_format.ts";
import type { IndexReader } from "./index_reader.ts";
import type { OpenSegment, OpenSegments } from "./open_segments.ts";

/** Reads what of streams is in segments; every block is checked on its way out. */
export class SegmentReader {
  readonly #catalog: Catalog;
  readonly #open: OpenSegments;

  constructor(catalog: Catalog, open: OpenSegments) {
    this.#catalog = catalog;
    this.#open = open;
  }

  /** How many segment files are open. */
  get openFiles(): number {
    return this.#open.openFiles;
  }

  /** The bytes from `from` up to `to`, all of them in segments. */
  async read(stream: FileStream, from: number, to: number): Promise<Bytes> {
    const parts: Bytes[] = [];
    for (let at = from; at < to;) {
      const segment = this.#segmentAt(stream, at);
      const end = Math.min(to, segment.base + segment.bytes);
      parts.push(
        await this.#use(stream, segment, (open) => readBlocks(open, segment, at, end)),
      );
      at = end;
    }
    return concatBytes(parts);
  }

  /** As `Backend.chunkEnd`, for an offset that is in a segment; never past that segment's end. */
  async chunkEnd(
    stream: FileStream,
    from: number,
    limitBytes: number,
    to: number,
  ): Promise<number> {
    const segment = this.#segmentAt(stream, from);
    const end = Math.min(to, segment.base + segment.bytes);
    if (end - from <= limitBytes) return end;
    return await this.#use(stream, segment, async ({ indexReader }) => {
      const first = await indexReader.find(from, segment.blocks);
      const past = await indexReader.find(from + limitBytes, segment.blocks);
      const last = Math.max(first, past - 1);
      const [entry] = await indexReader.entries(last, last, segment.blocks);
      return Math.min(end, entry?.end ?? end);
    });
  }

  /** Where the block begins in which `offset` is; it is in a segment. */
  async blockStart(stream: FileStream, offset: number): Promise<number> {
    const segment = this.#segmentAt(stream, offset);
    if (offset === segment.base) return offset;
    return await this.#use(stream, segment, async ({ indexReader }) => {
      const block = await indexReader.find(offset, segment.blocks);
      return segment.base + (await entryOf(indexReader, block, segment)).position;
    });
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
        ({ indexReader }) => entryOf(indexReader, segment.blocks - 1, segment),
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
      return base + (await entryOf(indexReader, block, { blocks })).position;
    });
  }

  #segmentAt(stream: FileStream, offset: number): SegmentRow {
    const { lastSegment } = stream;
    if (lastSegment !== undefined && holds(lastSegment, offset)) return lastSegment;
    for (const segment of stream.changedSegments.values()) {
      if (holds(segment, offset)) return segment;
    }
    const segment = this.#catalog.segmentAt(stream.id, offset);
    if (segment !== undefined && holds(segment, offset)) return segment;
    if (stream.presence === "deleted") throw gone(stream);
    throw new StreamError(
      { code: "damaged" },
      `The catalogue has no segment of stream ${stream.id} with offset ${offset}.`,
    );
  }

  async #use<T>(
    stream: FileStream,
    segment: SegmentRow,
    use: (open: OpenSegment) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#open.use(stream.id, segment.base, use);
    } catch (error) {
      if (!(error instanceof FileSystemError)) throw error;
      if (stream.presence === "deleted") throw gone(stream);
      if (error.kind !== "not_found") throw error;
      throw damagedRead({ path: error.path, position: 0, expected: "a file", found: "none" });
    }
  }
}

function holds({ base, bytes }: SegmentRow, offset: number): boolean {
  return offset >= base && offset < base + bytes;
}

async function entryOf(
  indexReader: IndexReader,
  block: number,
  { blocks }: Pick<SegmentRow, "blocks">,
): Promise<IndexEntry> {
  const [entry] = await indexReader.entries(block, block, blocks);
  invariant(entry !== undefined, `a segment's index has block ${block} of ${blocks}`);
  return entry;
}

function gone(stream: FileStream): StreamError {
  return new StreamError(
    { code: "not_found" },
    `The stream ${JSON.stringify(stream.name)} was deleted while it was read.`,
  );
}

/** Reads the whole blocks around `from` and `to`, checks them, and cuts out what was asked for. */
async function readBlocks(
  open: OpenSegment,
  segment: SegmentRow,
  from: number,
  to: number,
): Promise<Bytes> {
  const first = await open.indexReader.find(from, segment.blocks);
  const last = await open.indexReader.find(to - 1, segment.blocks);
  const entries = await open.indexReader.entries(first, last, segment.blocks);
  const start = entries[0]?.position;
  const end = (entries.at(-1)?.end ?? segment.base) - segment.base;
  invariant(start !== undefined && end > start, "a segment's index covers it");
  const bytes = new Uint8Array(end - start);
  const length = await open.log.read(bytes, start);
  checkBlocks(open.log.path, segment, entries, bytes.subarray(0, length), start);
  return bytes.subarray(from - segment.base - start, to - segment.base - start);
}

function checkBlocks(
  path: string,
  segment: SegmentRow,
  entries: readonly IndexEntry[],
  bytes: Bytes,
  start: number,
): void {
  for (const entry of entries) {
    const block = bytes.subarray(entry.position - start, entry.end - segment.base - start);
    const found = checksum(block);
    if (found === entry.checksum) continue;
    throw damagedRead({
      path,
      position: entry.position,
      expected: `a block with the CRC-32 ${entry.checksum}`,
      found: `${found} over ${block.length} bytes`,
    });
  }
}
