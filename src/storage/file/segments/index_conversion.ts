import { dirname } from "node:path";
import { type File, type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import { type Bytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import type { ConvertedStream, SegmentConverter } from "../catalog/conversion.ts";
import { checksum } from "../directory/checksum.ts";
import { FileWindow } from "../directory/file_window.ts";
import { segmentPaths } from "../directory/paths.ts";
import { countMessages } from "./count_messages.ts";
import {
  decodeIndexEntry,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  indexMagic,
} from "./index_format.ts";

/** Of format version 3 and earlier, whose entries don't say how many messages there are. */
const OLD_MAGIC = encodeUtf8("DSIDX\0\0\x01");
const OLD_ENTRY_BYTES = 32;
const OLD_CHECKSUM_AT = 28;

/** So many indexes are made durable at once. */
const BATCH_FILES = 256;
const WRITTEN_ENTRIES = 1024;

/** What an {@link IndexConverter} works on. */
export interface IndexConverterParts {
  fileSystem: FileSystem;
  paths: { root: string; segments: string };
  /** To be waited for now and then, so that others are served. */
  turn(): Promise<void> | undefined;
}

/**
 * Makes the indexes of format version 3 those of version 4: each is written anew beside the old one, made
 * durable, and takes its place. One that is cut short goes on where it was: an index is whole in the one
 * form or in the other.
 */
export class IndexConverter implements SegmentConverter {
  readonly #parts: IndexConverterParts;
  /** Those that are written and have to take their places, by those. */
  readonly #written = new Map<string, string>();
  readonly #folders = new Set<string>();

  constructor(parts: IndexConverterParts) {
    this.#parts = parts;
  }

  async convert(stream: ConvertedStream, segments: readonly SegmentRow[]): Promise<number> {
    // Most streams of many have no segment.
    await this.#parts.turn();
    let messages = 0;
    for (const segment of segments) messages = await this.#convert(stream, segment, messages);
    return messages;
  }

  async finish(): Promise<void> {
    await this.#replace();
    const { fileSystem } = this.#parts;
    for (const folder of this.#folders) await fileSystem.syncDirectory(folder);
  }

  /** @returns how many messages there are up to the segment's end */
  async #convert(
    stream: ConvertedStream,
    segment: SegmentRow,
    before: number,
  ): Promise<number> {
    const { fileSystem, paths } = this.#parts;
    const { log, index } = segmentPaths(paths.segments, segment.streamId, segment.base);
    const indexFile = openIfThere(fileSystem, index);
    const logFile = openIfThere(fileSystem, log);
    try {
      const counter = new Counter(stream.isJson ? logFile && new FileWindow(logFile) : undefined);
      const none = { messages: before, blocks: 0, position: 0 };
      const counted = indexFile === undefined
        ? none
        : await this.#convertIndex(new FileWindow(indexFile), index, segment, counter, none);
      return counted.messages + counter.behind(counted, segment);
    } finally {
      indexFile?.close();
      logFile?.close();
      if (this.#written.size >= BATCH_FILES) await this.#replace();
    }
  }

  /** @returns what its whole entries count */
  async #convertIndex(
    window: FileWindow,
    index: string,
    segment: SegmentRow,
    counter: Counter,
    none: CountedPart,
  ): Promise<CountedPart> {
    const { fileSystem } = this.#parts;
    if (hasMagic(window, indexMagic())) {
      // A process that was killed may have renamed it: that may not be on disk.
      this.#folders.add(dirname(index));
      return lastCount(window, segment) ?? none;
    }
    // What is damaged is damaged before and after.
    if (!hasMagic(window, OLD_MAGIC)) return none;
    const path = `${index}.new`;
    fileSystem.remove(path);
    const file = fileSystem.open(path, "create");
    let counted = none;
    try {
      file.writeSync(newHeader(window.bytes(0, INDEX_HEADER_BYTES)), 0);
      counted = await this.#convertEntries(window, file, segment, counter, none);
    } finally {
      file.close();
    }
    this.#written.set(index, path);
    return counted;
  }

  async #convertEntries(
    window: FileWindow,
    file: File,
    segment: SegmentRow,
    counter: Counter,
    none: CountedPart,
  ): Promise<CountedPart> {
    const { base } = segment;
    const blocks = blocksIn(window, segment, OLD_ENTRY_BYTES);
    let counted = none;
    for (let first = 0; first < blocks; first += WRITTEN_ENTRIES) {
      const wanted = Math.min(WRITTEN_ENTRIES, blocks - first);
      // A copy: the window moves on while blocks are counted.
      const old = window.bytes(
        INDEX_HEADER_BYTES + first * OLD_ENTRY_BYTES,
        wanted * OLD_ENTRY_BYTES,
      )
        .slice();
      const count = Math.floor(old.length / OLD_ENTRY_BYTES);
      const entries = new Uint8Array(count * INDEX_ENTRY_BYTES);
      for (let i = 0; i < count; i++) {
        const entry = old.subarray(i * OLD_ENTRY_BYTES, (i + 1) * OLD_ENTRY_BYTES);
        if (isOldWhole(entry)) {
          const position = getU64(viewOf(entry), 0) - base;
          const messages = counted.messages + counter.upTo(position);
          counted = { messages, blocks: first + i + 1, position };
        }
        putConverted(entries, i * INDEX_ENTRY_BYTES, entry, counted.messages);
        await this.#parts.turn();
      }
      file.writeSync(entries, INDEX_HEADER_BYTES + first * INDEX_ENTRY_BYTES);
    }
    return counted;
  }

  /** Makes durable what is written, and only then puts it into its place. */
  async #replace(): Promise<void> {
    if (this.#written.size === 0) return;
    const { fileSystem, paths } = this.#parts;
    if (!await fileSystem.barrier(paths.root)) {
      for (const path of this.#written.values()) await syncFile(fileSystem, path);
    }
    for (const [index, path] of this.#written) {
      fileSystem.rename(path, index);
      this.#folders.add(dirname(index));
    }
    this.#written.clear();
  }
}

/** A segment up to the last of its index's entries that check. */
interface CountedPart {
  /** How many messages the stream has up to there. */
  readonly messages: number;
  readonly blocks: number;
  readonly position: number;
}

/** Counts the messages of a segment's blocks, one after the other. */
class Counter {
  readonly #log: FileWindow | undefined;
  #at = 0;

  /** @param log of a JSON stream; of any other a block counts as one message, since nothing is known */
  constructor(log: FileWindow | undefined) {
    this.#log = log;
  }

  /** How many there are from where the last call ended up to here, and at least one. */
  upTo(filePosition: number): number {
    if (this.#log === undefined) return 1;
    const count = countMessages(this.#log, this.#at, filePosition);
    this.#at = Math.max(this.#at, filePosition);
    return Math.max(1, count);
  }

  /**
   * How many there are behind what an index counts: the next segment's numbers have to go on from there,
   * as they do from an index that is repaired.
   */
  behind({ blocks, position }: CountedPart, segment: SegmentRow): number {
    if (segment.blocks === Infinity) return 0;
    return this.#log === undefined
      ? Math.max(0, segment.blocks - blocks)
      : countMessages(this.#log, position, segment.bytes);
  }
}

function hasMagic(window: FileWindow, magic: Bytes): boolean {
  const found = window.bytes(0, magic.length);
  return magic.every((byte, i) => found[i] === byte);
}

/** How many entries there are of those that a segment should have. */
function blocksIn({ sizeBytes }: FileWindow, { blocks }: SegmentRow, entryBytes: number): number {
  return Math.min(blocks, Math.floor(Math.max(0, sizeBytes - INDEX_HEADER_BYTES) / entryBytes));
}

/** What an index counts that is converted already. */
function lastCount(window: FileWindow, segment: SegmentRow): CountedPart | undefined {
  const { base } = segment;
  const blocks = blocksIn(window, segment, INDEX_ENTRY_BYTES);
  for (let block = blocks - 1; block >= 0; block--) {
    const at = INDEX_HEADER_BYTES + block * INDEX_ENTRY_BYTES;
    const entry = decodeIndexEntry(window.bytes(at, INDEX_ENTRY_BYTES), 0);
    if (entry === undefined) continue;
    return { messages: entry.messages, blocks: block + 1, position: entry.end - base };
  }
  return undefined;
}

/** One that doesn't check still doesn't: what is damaged has to be found damaged. */
function newHeader(old: Bytes): Bytes {
  const header = new Uint8Array(INDEX_HEADER_BYTES);
  header.set(old);
  const isWhole = viewOf(header).getUint32(44, true) === checksum(header.subarray(0, 44));
  header.set(indexMagic(), 0);
  viewOf(header).setUint32(44, checksum(header.subarray(0, 44)) ^ (isWhole ? 0 : 1), true);
  return header;
}

function isOldWhole(entry: Bytes): boolean {
  const written = viewOf(entry).getUint32(OLD_CHECKSUM_AT, true);
  return written === checksum(entry.subarray(0, OLD_CHECKSUM_AT));
}

/** One that doesn't check still doesn't. */
function putConverted(entries: Bytes, at: number, old: Bytes, messages: number): void {
  const entry = new Uint8Array(INDEX_ENTRY_BYTES);
  // End, position and time; then what is new; then the block's checksum.
  entry.set(old.subarray(0, 24));
  putU64(viewOf(entry), 24, messages);
  entry.set(old.subarray(24, OLD_CHECKSUM_AT), 32);
  const crc = checksum(entry.subarray(0, 36)) ^ (isOldWhole(old) ? 0 : 1);
  viewOf(entry).setUint32(36, crc, true);
  entries.set(entry, at);
}

function openIfThere(fileSystem: FileSystem, path: string): File | undefined {
  try {
    return fileSystem.open(path, "read");
  } catch (error) {
    if (error instanceof FileSystemError && error.kind === "not_found") return undefined;
    throw error;
  }
}

async function syncFile(fileSystem: FileSystem, path: string): Promise<void> {
  const file = fileSystem.open(path, "write");
  try {
    await file.dataSync();
  } finally {
    file.close();
  }
}
