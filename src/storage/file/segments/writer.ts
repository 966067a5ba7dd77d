import type { Clock } from "../../../env/clock.ts";
import { type FileSystem, FileSystemError, isShortage } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { StreamError } from "../../../protocol/errors.ts";
import type { Block } from "../../tail_buffer.ts";
import type { BlockRow, Catalog, SegmentRow } from "../catalog/catalog.ts";
import { checksum } from "../directory/checksum.ts";
import { damagedRead, isDamage } from "../directory/damage.ts";
import type { DamagedStreams } from "../directory/damaged_streams.ts";
import { rowParts, rowsOf } from "./row_block_reader.ts";
import type { RowBlocks } from "./row_blocks.ts";
import type { SegmentStream } from "./segment_stream.ts";
import {
  encodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  putIndexEntry,
} from "./index_format.ts";
import type { Throttle } from "../wal/throttle.ts";
import type { OpenSegment, OpenSegments } from "./open_segments.ts";
import { giveOwnFile, hasOtherNames } from "./own_file.ts";
import { segmentFolder, type SegmentName, segmentPaths } from "../directory/paths.ts";

/** Where nobody waits for the log any more, a barrier is used from here on. */
const FINAL_BARRIER_FILES = 64;
/** Of the log between two files' syncs: each of these commits the file system's journal. */
const BATCHES_BETWEEN_SYNCS = 2;

/** What a segment writer is made of. */
export interface SegmentWriterParts {
  fileSystem: FileSystem;
  clock: Clock;
  catalog: Pick<Catalog, "blocks">;
  open: OpenSegments;
  throttle: Pick<Throttle, "yieldFor">;
  damaged: DamagedStreams;
  paths: { root: string; segments: string };
  uuid: string;
  /** A segment ends once it is at least so long. */
  segmentBytes: number;
  /** As in `StorageLimits`. */
  smallStreamBytes: number;
  /**
   * More dirty files than this are made durable by one barrier for the whole file system. That is over
   * sooner, but as long as it runs the log's syncs wait: 0.1 s for 2,000 files.
   */
  barrierFiles: number;
}

/** Whole blocks that follow each other, and where their bytes are. */
interface Run {
  readonly start: number;
  readonly blocks: readonly Block[];
  parts(from: number, to: number): Iterable<{ start: number; bytes: Bytes }>;
}

/** Moves streams' whole blocks from memory into their segments. Nothing here is durable before a sync. */
export class SegmentWriter {
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #catalog: Pick<Catalog, "blocks">;
  readonly #open: OpenSegments;
  readonly #throttle: Pick<Throttle, "yieldFor">;
  readonly #damaged: DamagedStreams;
  readonly #root: string;
  readonly #folder: string;
  readonly #uuid: string;
  readonly #segmentBytes: number;
  readonly #smallStreamBytes: number;
  readonly #barrierFiles: number;
  readonly #knownFolders = new Set<string>();
  #dirtyFiles = new Set<string>();
  #dirtyFolders = new Set<string>();

  constructor(parts: SegmentWriterParts) {
    this.#fileSystem = parts.fileSystem;
    this.#clock = parts.clock;
    this.#catalog = parts.catalog;
    this.#open = parts.open;
    this.#throttle = parts.throttle;
    this.#damaged = parts.damaged;
    this.#root = parts.paths.root;
    this.#folder = parts.paths.segments;
    this.#uuid = parts.uuid;
    this.#segmentBytes = parts.segmentBytes;
    this.#smallStreamBytes = parts.smallStreamBytes;
    this.#barrierFiles = parts.barrierFiles;
  }

  /**
   * Writes the whole blocks that end at or before `upTo` and lets go of their bytes in memory. A stream
   * without a segment keeps them for the catalogue's rows as long as it is small; once it isn't, what is in
   * its rows goes into its first segment, too. Where the newest segment's files are missing or too short, or
   * the rows damaged, the stream is set aside and a new segment begun: what is in the log has to get out of
   * it, or nobody could write any more.
   *
   * @throws {FileSystemError}
   * @throws {StreamError} where the rows can't be read now
   */
  write(stream: SegmentStream, upTo: number): void {
    if (this.#staysSmall(stream, upTo)) return;
    this.#moveRows(stream);
    while (true) {
      const blocks = this.#nextRun(stream, upTo);
      const end = blocks.at(-1)?.end;
      if (end === undefined) return;
      const { buffer } = stream;
      try {
        const run = { start: buffer.start, blocks, parts: buffer.parts.bind(buffer) };
        this.#writeRun(stream, this.#segmentFor(stream), run);
        buffer.dropBefore(end);
      } catch (error) {
        if (stream.lastSegment === undefined || !isMissingOrShort(error)) throw error;
        this.#setAside(stream, error.message);
        stream.lastSegment = undefined;
      }
    }
  }

  #setAside(stream: SegmentStream, reason: string): void {
    stream.damage ??= reason;
    this.#damaged.add({ id: stream.id, name: stream.name, reason });
  }

  /** Whether a stream's whole blocks up to there are for rows. */
  #staysSmall(stream: SegmentStream, upTo: number): boolean {
    const { lastSegment, damage, rowBlocks, buffer } = stream;
    if (lastSegment !== undefined || damage !== undefined) return false;
    let end = buffer.start;
    for (const block of buffer.blocks) {
      if (block.end > upTo) break;
      if (block.end - end > this.#smallStreamBytes / 2) return false;
      end = block.end;
    }
    return end - (rowBlocks?.start ?? buffer.start) <= this.#smallStreamBytes;
  }

  /** Begins a stream's first segment with what it has in rows, which go when that segment's row is stored. */
  #moveRows(stream: SegmentStream): void {
    const { rowBlocks } = stream;
    if (rowBlocks === undefined) return;
    const rows = this.#rowsOf(stream, rowBlocks);
    if (rows === undefined) {
      stream.rowBlocks = undefined;
      return;
    }
    const { start, end, blocks } = rowBlocks;
    const parts = (from: number, to: number) => rowParts(rows, from, to);
    this.#writeRun(stream, this.#newSegment(stream, start), { start, blocks, parts });
    stream.dropRowBlocks(end);
  }

  /**
   * Makes durable all that was written before the call. What a failed sync leaves behind is unknown,
   * also where the disk was full: its error is of the kind `other`, and it is never tried again. Where a
   * file can't be opened for its sync nothing has happened to it yet: that is of its own kind, and the
   * next call begins with the same file.
   *
   * @param isLast nothing is written to the log meanwhile: the soonest way is the best
   * @throws {FileSystemError}
   */
  async sync(isLast: boolean): Promise<void> {
    const barrierFiles = isLast
      ? Math.min(FINAL_BARRIER_FILES, this.#barrierFiles)
      : this.#barrierFiles;
    const files = this.#dirtyFiles;
    const folders = this.#dirtyFolders;
    this.#dirtyFiles = new Set();
    this.#dirtyFolders = new Set();
    try {
      await this.#syncAll(files, folders, files.size > barrierFiles, isLast);
    } catch (error) {
      if (!(isShortage(error) && error.kind === "too_many_open_files")) {
        throw new FileSystemError("other", "sync segments in", this.#folder, error);
      }
      for (const path of files) this.#dirtyFiles.add(path);
      for (const path of folders) this.#dirtyFolders.add(path);
      throw error;
    }
  }

  /** A segment is to go: it needs no sync any more, and its files couldn't be opened for one. */
  forget(segment: SegmentName): void {
    const paths = this.#pathsOf(segment);
    this.#dirtyFiles.delete(paths.log);
    this.#dirtyFiles.delete(paths.index);
  }

  #pathsOf({ streamId, base, generation }: SegmentName): { log: string; index: string } {
    return segmentPaths(this.#folder, streamId, base, generation);
  }

  /** Takes out of both sets what is durable. */
  async #syncAll(
    files: Set<string>,
    folders: Set<string>,
    wantsBarrier: boolean,
    isLast: boolean,
  ): Promise<void> {
    if (wantsBarrier && await this.#barrier()) return;
    // One at a time: the log's sync, which others wait for, is never behind more than one of them.
    for (const path of files) {
      await this.#syncFile(path);
      files.delete(path);
      if (!isLast) await this.#throttle.yieldFor(BATCHES_BETWEEN_SYNCS);
    }
    for (const folder of folders) {
      await this.#fileSystem.syncDirectory(folder);
      folders.delete(folder);
    }
  }

  async #barrier(): Promise<boolean> {
    try {
      return await this.#fileSystem.barrier(this.#root);
    } catch (error) {
      throw new FileSystemError("other", "sync", this.#root, error);
    }
  }

  async #syncFile(path: string): Promise<void> {
    const file = this.#fileSystem.open(path, "write");
    try {
      await file.dataSync();
    } catch (error) {
      throw new FileSystemError("other", "sync", path, error);
    } finally {
      file.close();
    }
  }

  /** A small stream's rows; where they are damaged it is set aside. */
  #rowsOf(stream: SegmentStream, rowBlocks: RowBlocks): readonly BlockRow[] | undefined {
    try {
      const rows = rowsOf(this.#catalog, stream, rowBlocks);
      if (rows.length === rowBlocks.blocks.length) return rows;
      this.#setAside(
        stream,
        `The catalogue should have ${rowBlocks.blocks.length} blocks of it, and has ${rows.length}.`,
      );
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#setAside(stream, error.message);
    }
    return undefined;
  }

  /** The next blocks that go into one segment. */
  #nextRun(stream: SegmentStream, upTo: number): Block[] {
    const segment = stream.lastSegment;
    let room = this.#segmentBytes - (segment === undefined ? 0 : segment.bytes);
    if (room <= 0) room = this.#segmentBytes;
    const run: Block[] = [];
    let end = stream.buffer.start;
    for (const block of stream.buffer.blocks) {
      if (block.end > upTo || room <= 0) break;
      run.push(block);
      room -= block.end - end;
      end = block.end;
    }
    return run;
  }

  /** The segment to go on with: the newest, or a new one where that is full. */
  #segmentFor(stream: SegmentStream): SegmentRow {
    const last = stream.lastSegment;
    if (last !== undefined && last.bytes < this.#segmentBytes) {
      if (!stream.segmentIsTrimmed) this.#trim(stream, last);
      return last;
    }
    return this.#newSegment(stream, stream.buffer.start);
  }

  #newSegment(stream: SegmentStream, base: number): SegmentRow {
    const segment = { streamId: stream.id, base, bytes: 0, blocks: 0, end: base, generation: 0 };
    this.#makeFolder(stream.id);
    this.#open.create(segment);
    this.#open.useSync(segment, ({ index }) => {
      const { base, streamId } = segment;
      index.writeSync(encodeIndexHeader({ uuid: this.#uuid, streamId, base }), 0);
    });
    stream.segmentIsTrimmed = true;
    return segment;
  }

  /**
   * Brings a segment's files back to its row: a crash may have left more in them, never less. After a
   * repair, or with longer segments than before, that segment may be one which backups link.
   */
  #trim(stream: SegmentStream, segment: SegmentRow): void {
    const isShared = this.#open.useSync(
      segment,
      ({ log, index }) => hasOtherNames(log) || hasOtherNames(index),
    );
    if (isShared) this.#unshare(segment);
    this.#open.useSync(segment, ({ log, index }) => {
      const indexBytes = INDEX_HEADER_BYTES + segment.blocks * INDEX_ENTRY_BYTES;
      for (const [file, bytes] of [[log, segment.bytes], [index, indexBytes]] as const) {
        const size = file.size();
        if (size < bytes) {
          throw damagedRead({
            path: file.path,
            filePosition: size,
            expected: `${bytes} bytes`,
            found: `${size}`,
          });
        }
        if (size > bytes) file.truncate(bytes);
      }
    });
    stream.segmentIsTrimmed = true;
  }

  #unshare(segment: SegmentRow): void {
    const paths = this.#pathsOf(segment);
    for (const path of [paths.log, paths.index]) giveOwnFile(this.#fileSystem, path);
    this.#open.forget(segment);
    this.#dirtyFolders.add(segmentFolder(this.#folder, segment.streamId));
  }

  #makeFolder(streamId: number): void {
    const folder = segmentFolder(this.#folder, streamId);
    this.#dirtyFolders.add(folder);
    if (this.#knownFolders.has(folder)) return;
    this.#fileSystem.makeDirectory(folder);
    this.#knownFolders.add(folder);
    this.#dirtyFolders.add(this.#folder);
  }

  #writeRun(stream: SegmentStream, segment: SegmentRow, { start, blocks, parts }: Run): void {
    const end = blocks.at(-1)?.end ?? start;
    const entries = new Uint8Array(blocks.length * INDEX_ENTRY_BYTES);
    let from = start;
    blocks.forEach((block, i) => {
      let crc = 0;
      for (const { bytes } of parts(from, block.end)) crc = checksum(bytes, crc);
      putIndexEntry(entries, i * INDEX_ENTRY_BYTES, {
        end: block.end,
        filePosition: from - segment.base,
        atMs: block.atMs,
        messages: block.messages,
        checksum: crc,
      });
      from = block.end;
    });
    this.#open.useSync(segment, (open) => {
      this.#writeFiles(open, segment, parts(start, end), entries);
      open.warm.use(start - segment.base, end - segment.base, this.#clock.nowMs());
    });
    const paths = this.#pathsOf(segment);
    this.#dirtyFiles.add(paths.log).add(paths.index);
    segment.bytes += end - start;
    segment.end = end;
    segment.blocks += blocks.length;
    stream.lastSegment = segment;
    stream.markSegment(segment);
  }

  #writeFiles(
    open: OpenSegment,
    segment: SegmentRow,
    parts: Iterable<{ start: number; bytes: Bytes }>,
    entries: Bytes,
  ): void {
    for (const { start, bytes } of parts) open.log.writeSync(bytes, start - segment.base);
    open.index.writeSync(entries, INDEX_HEADER_BYTES + segment.blocks * INDEX_ENTRY_BYTES);
  }
}

/** Whether a segment's file isn't there, or not as long as its row says. */
function isMissingOrShort(error: unknown): error is FileSystemError | StreamError {
  return isDamage(error) || error instanceof FileSystemError && error.kind === "not_found";
}
