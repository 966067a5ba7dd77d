import type { File, FileSystem } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import { checksum } from "../directory/checksum.ts";
import { segmentPaths } from "../directory/paths.ts";
import {
  decodeIndexEntry,
  decodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  type IndexEntry,
} from "../segments/index_format.ts";
import { chunksOf, FileTooShort, withFile } from "./copy_file.ts";
import { readWhole } from "./manifest.ts";
import type { BackupTarget, BackupThrottle, TargetFile } from "./target.ts";

/** How long the index of so many blocks is. */
export function indexBytesOf({ blocks }: SegmentRow): number {
  return INDEX_HEADER_BYTES + blocks * INDEX_ENTRY_BYTES;
}

/** A segment that is copied, or only checked. */
export interface SegmentSource {
  readonly fileSystem: FileSystem;
  /** The folder `segments` that it is in. */
  readonly segments: string;
  readonly uuid: string;
  readonly row: SegmentRow;
}

/** Files that were copied before, by a backup that ended or that was cut short. */
export interface EarlierCopy {
  /** Its folder `segments`. */
  readonly segments: string;
  /** Whether it ended without damage: what it holds was checked, and is on disk. */
  readonly isWhole: boolean;
}

/** Where a segment's copy goes. */
export interface SegmentTarget {
  readonly target: BackupTarget;
  /** The newest first. */
  readonly earlier: readonly EarlierCopy[];
  /** Whether the segment is followed by another: nothing is written to it any more. */
  readonly isSealed: boolean;
}

/**
 * Copies what belongs to a segment by its row, and no more: a server may be writing behind that. What
 * is copied is checked on its way, against the index; what an earlier copy has is only taken over.
 *
 * @returns what is damaged; `undefined` where nothing is
 * @throws {FileSystemError} where it can't be written
 */
export async function copySegment(
  source: SegmentSource,
  { target, earlier, isSealed }: SegmentTarget,
  throttle: BackupThrottle,
): Promise<string | undefined> {
  const { fileSystem, row } = source;
  const paths = segmentPaths(source.segments, row.streamId, row.base, row.generation);
  const names = segmentPaths("segments", row.streamId, row.base, row.generation);
  const index = readIndex(source, paths.index);
  if (typeof index === "string") return index;
  for (const copy of earlier) {
    if (await takeOver(source, copy, index, target, throttle)) return undefined;
  }
  return await withFile(fileSystem, paths.log, async (log) => {
    const isLinked = isSealed && log.size() === row.bytes && target.link(names.log, paths.log);
    const out = isLinked ? undefined : await target.create(names.log, row.bytes);
    const wrong = await checkBlocks(row, index, log, out, throttle);
    const indexOut = await target.create(names.index, index.length);
    await indexOut.write(index);
    await indexOut.end();
    return wrong;
  });
}

/**
 * Reads all of a segment and checks it.
 *
 * @returns what is damaged; `undefined` where nothing is
 */
export async function checkSegmentFiles(
  source: SegmentSource,
  throttle: BackupThrottle,
): Promise<string | undefined> {
  const { fileSystem, row } = source;
  const paths = segmentPaths(source.segments, row.streamId, row.base, row.generation);
  const index = readIndex(source, paths.index);
  if (typeof index === "string") return index;
  return await withFile(
    fileSystem,
    paths.log,
    (log) => checkBlocks(row, index, log, undefined, throttle),
  );
}

/** Its part of the index, or what is wrong with that. */
function readIndex({ fileSystem, uuid, row }: SegmentSource, path: string): Bytes | string {
  const needed = indexBytesOf(row);
  const bytes = readWhole(fileSystem, path, needed);
  if (bytes === undefined) return `${path}: missing`;
  if (bytes.length < needed) return new FileTooShort(path, needed, bytes.length).message;
  const header = decodeIndexHeader(bytes);
  const isIts = header?.uuid === uuid && header.streamId === row.streamId &&
    header.base === row.base;
  return isIts ? bytes : `${path}: its header is that of another segment, or damaged`;
}

/** Compares every block with its entry, and writes what it reads to `out`, damaged or not. */
async function checkBlocks(
  row: SegmentRow,
  index: Bytes,
  log: File,
  out: TargetFile | undefined,
  throttle: BackupThrottle,
): Promise<string | undefined> {
  const walk = new BlockWalk(row, index, log.path);
  try {
    for await (const chunk of chunksOf(log, 0, row.bytes)) {
      walk.take(chunk);
      await out?.write(chunk);
      await throttle.spend(chunk.length);
    }
  } finally {
    await out?.end();
  }
  return walk.wrong;
}

/** Goes along the blocks of a segment as its bytes come. */
class BlockWalk {
  readonly #row: SegmentRow;
  readonly #index: Bytes;
  readonly #path: string;
  #block = -1;
  #position = 0;
  #end = 0;
  #expected = 0;
  #crc = 0;
  #wrong: string | undefined;

  constructor(row: SegmentRow, index: Bytes, path: string) {
    this.#row = row;
    this.#index = index;
    this.#path = path;
  }

  /** The first thing that is wrong. */
  get wrong(): string | undefined {
    const isWhole = this.#position === this.#row.bytes && this.#block === this.#row.blocks - 1;
    return this.#wrong ??
      (isWhole ? undefined : `${this.#path}: its index has other blocks than its row says`);
  }

  take(chunk: Bytes): void {
    for (let at = 0; at < chunk.length && this.#wrong === undefined;) {
      if (this.#position === this.#end) this.#nextBlock();
      const length = Math.min(chunk.length - at, this.#end - this.#position);
      this.#crc = checksum(chunk.subarray(at, at + length), this.#crc);
      at += length;
      this.#position += length;
      if (this.#position === this.#end && this.#crc !== this.#expected) {
        this.#wrong ??= `${this.#path}: the block before byte ${this.#end} fails its checksum`;
      }
    }
  }

  /** Where the block ends in the file: where there are gaps between blocks, where the next one begins. */
  #endOf(entry: IndexEntry | undefined): number {
    const { base, bytes, blocks, end } = this.#row;
    if (end - base === bytes) return (entry?.end ?? 0) - base;
    if (this.#block === blocks - 1) return bytes;
    const next = INDEX_HEADER_BYTES + (this.#block + 1) * INDEX_ENTRY_BYTES;
    return decodeIndexEntry(this.#index, next)?.filePosition ?? Infinity;
  }

  #nextBlock(): void {
    const { bytes } = this.#row;
    const at = INDEX_HEADER_BYTES + ++this.#block * INDEX_ENTRY_BYTES;
    const entry = decodeIndexEntry(this.#index, at);
    const end = this.#endOf(entry);
    this.#crc = 0;
    if (entry === undefined || entry.filePosition !== this.#position || end > bytes) {
      this.#wrong = `${this.#path}: entry ${this.#block} of its index is damaged`;
    } else {
      this.#end = end;
      this.#expected = entry.checksum;
    }
  }
}

/**
 * Takes over what an earlier copy has of the segment: the same index is that of the same blocks, since it
 * has the checksum and the time of each.
 */
async function takeOver(
  source: SegmentSource,
  copy: EarlierCopy,
  index: Bytes,
  target: BackupTarget,
  throttle: BackupThrottle,
): Promise<boolean> {
  const { fileSystem, row } = source;
  const from = segmentPaths(copy.segments, row.streamId, row.base, row.generation);
  const found = readWhole(fileSystem, from.index, index.length + 1);
  if (found?.length !== index.length || !found.every((byte, i) => byte === index[i])) return false;
  const wrong = await withFile(fileSystem, from.log, async (log) => {
    if (log.size() !== row.bytes) return "another length";
    return copy.isWhole ? undefined : await checkBlocks(row, index, log, undefined, throttle);
  });
  if (wrong !== undefined) return false;
  const names = segmentPaths("segments", row.streamId, row.base, row.generation);
  return target.link(names.log, from.log) && target.link(names.index, from.index);
}
