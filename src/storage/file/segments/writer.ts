import type { Clock } from "../../../env/clock.ts";
import { type FileSystem, FileSystemError, isShortage } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { StreamError } from "../../../protocol/errors.ts";
import type { Block } from "../../tail_buffer.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import { checksum } from "../directory/checksum.ts";
import { damagedRead, isDamage } from "../directory/damage.ts";
import type { DamagedStreams } from "../directory/damaged_streams.ts";
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
  open: OpenSegments;
  throttle: Pick<Throttle, "yieldFor">;
  damaged: DamagedStreams;
  paths: { root: string; segments: string };
  uuid: string;
  /** A segment ends once it is at least so long. */
  segmentBytes: number;
  /**
   * More dirty files than this are made durable by one barrier for the whole file system. That is over
   * sooner, but as long as it runs the log's syncs wait: 0.1 s for 2,000 files.
   */
  barrierFiles: number;
}

/** Moves streams' whole blocks from memory into their segments. Nothing here is durable before a sync. */
export class SegmentWriter {
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #open: OpenSegments;
  readonly #throttle: Pick<Throttle, "yieldFor">;
  readonly #damaged: DamagedStreams;
  readonly #root: string;
  readonly #folder: string;
  readonly #uuid: string;
  readonly #segmentBytes: number;
  readonly #barrierFiles: number;
  readonly #knownFolders = new Set<string>();
  #dirtyFiles = new Set<string>();
  #dirtyFolders = new Set<string>();

  constructor(parts: SegmentWriterParts) {
    this.#fileSystem = parts.fileSystem;
    this.#clock = parts.clock;
    this.#open = parts.open;
    this.#throttle = parts.throttle;
    this.#damaged = parts.damaged;
    this.#root = parts.paths.root;
    this.#folder = parts.paths.segments;
    this.#uuid = parts.uuid;
    this.#segmentBytes = parts.segmentBytes;
    this.#barrierFiles = parts.barrierFiles;
  }

  /**
   * Writes the whole blocks that end at or before `upTo` and lets go of their bytes in memory. Where the
   * newest segment's files are missing or too short, the stream is set aside and a new segment begun: what
   * is in the log has to get out of it, or nobody could write any more.
   *
   * @throws {FileSystemError}
   */
  write(stream: SegmentStream, upTo: number): void {
    while (true) {
      const blocks = this.#nextRun(stream, upTo);
      if (blocks.length === 0) return;
      try {
        this.#writeRun(stream, this.#segmentFor(stream), blocks);
      } catch (error) {
        if (stream.lastSegment === undefined || !isMissingOrShort(error)) throw error;
        stream.damage ??= error.message;
        this.#damaged.add({ id: stream.id, name: stream.name, reason: error.message });
        stream.lastSegment = undefined;
      }
    }
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
    const { start: base } = stream.buffer;
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

  #writeRun(stream: SegmentStream, segment: SegmentRow, blocks: readonly Block[]): void {
    const { buffer } = stream;
    const start = buffer.start;
    const end = blocks.at(-1)?.end ?? start;
    const entries = new Uint8Array(blocks.length * INDEX_ENTRY_BYTES);
    let from = start;
    blocks.forEach((block, i) => {
      let crc = 0;
      for (const { bytes } of buffer.parts(from, block.end)) crc = checksum(bytes, crc);
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
      this.#writeFiles(open, segment, buffer.parts(start, end), entries);
      open.warm.use(start - segment.base, end - segment.base, this.#clock.nowMs());
    });
    const paths = this.#pathsOf(segment);
    this.#dirtyFiles.add(paths.log).add(paths.index);
    segment.bytes += end - start;
    segment.end = end;
    segment.blocks += blocks.length;
    stream.lastSegment = segment;
    stream.markSegment(segment);
    buffer.dropBefore(end);
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
