import type { File, FileSystem } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { endsBefore, endsWith } from "../../block_rule.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import { checksum } from "../directory/checksum.ts";
import { segmentFolder, type SegmentName, segmentPaths } from "../directory/paths.ts";
import { encodeIndexHeader, INDEX_ENTRY_BYTES, putIndexEntry } from "../segments/index_format.ts";

const BUFFER_BYTES = 256 * 1024;
/** Synced so often: the log's syncs never wait for much more than that. */
const SYNC_BYTES = 4 * 1024 * 1024;

/** A message that stays. */
export interface Survivor {
  /** As it is stored. */
  readonly bytes: Bytes;
  /** Offset in the stream of its first byte. */
  readonly position: number;
  /** Its number among the stream's own messages. */
  readonly number: number;
  /** When it came, or one behind it in its block. */
  readonly atMs: number;
}

/**
 * Writes a segment's files anew, of the messages that stay: those that follow each other without a gap
 * share blocks as the block rule has it. Nothing knows of the files before they are durable.
 */
export class SegmentBuilder {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #name: SegmentName;
  readonly #paths: { readonly log: string; readonly index: string };
  readonly #log: Appender;
  readonly #index: Appender;
  readonly #entry = new Uint8Array(INDEX_ENTRY_BYTES);
  #blocks = 0;
  #end: number;
  /** Of the block that isn't finished; it has no bytes where there is none. */
  #blockStart = 0;
  #blockBytes = 0;
  #blockChecksum = 0;
  #blockAtMs = 0;
  #messages = 0;

  /**
   * @param folder where the segments are
   * @param uuid the directory's
   * @throws {FileSystemError}
   */
  constructor(fileSystem: FileSystem, folder: string, uuid: string, name: SegmentName) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#name = name;
    this.#end = name.base;
    this.#paths = segmentPaths(folder, name.streamId, name.base, name.generation);
    // An attempt that was cut short may have left them.
    this.discard();
    this.#log = new Appender(fileSystem.open(this.#paths.log, "create"));
    try {
      this.#index = new Appender(fileSystem.open(this.#paths.index, "create"));
    } catch (error) {
      this.#log.close();
      throw error;
    }
    const { streamId, base } = name;
    this.#index.add(encodeIndexHeader({ uuid, streamId, base }));
  }

  /** How long the segment is so far. */
  get bytes(): number {
    return this.#log.position;
  }

  /** Adds a message that comes after all that were added. */
  add({ bytes, position, number, atMs }: Survivor): void {
    const end = position + bytes.length;
    const hasBlock = this.#blockBytes > 0;
    const follows = position === this.#blockStart + this.#blockBytes;
    if (hasBlock && (!follows || endsBefore(this.#blockStart, position, end))) this.#finishBlock();
    if (this.#blockBytes === 0) this.#blockStart = position;
    this.#log.add(bytes);
    this.#blockBytes += bytes.length;
    this.#blockChecksum = checksum(bytes, this.#blockChecksum);
    this.#blockAtMs = atMs;
    this.#messages = number + 1;
    if (endsWith(this.#blockStart, end)) this.#finishBlock();
  }

  /** Syncs what has been written, where that is much. */
  async syncIfDue(): Promise<void> {
    await this.#log.syncIfDue();
  }

  /**
   * Makes the segment durable, its name too.
   *
   * @throws {FileSystemError}
   */
  async finish(): Promise<SegmentRow> {
    if (this.#blockBytes > 0) this.#finishBlock();
    try {
      await this.#log.sync();
      await this.#index.sync();
    } finally {
      this.close();
    }
    await this.#fileSystem.syncDirectory(segmentFolder(this.#folder, this.#name.streamId));
    return { ...this.#name, bytes: this.#log.position, blocks: this.#blocks, end: this.#end };
  }

  /** Closes the files, finished or not. */
  close(): void {
    this.#log.close();
    this.#index.close();
  }

  /** Removes the files. */
  discard(): void {
    this.#fileSystem.remove(this.#paths.log);
    this.#fileSystem.remove(this.#paths.index);
  }

  #finishBlock(): void {
    this.#end = this.#blockStart + this.#blockBytes;
    putIndexEntry(this.#entry, 0, {
      end: this.#end,
      filePosition: this.#log.position - this.#blockBytes,
      atMs: this.#blockAtMs,
      messages: this.#messages,
      checksum: this.#blockChecksum,
    });
    this.#index.add(this.#entry);
    this.#blocks++;
    this.#blockBytes = 0;
    this.#blockChecksum = 0;
  }
}

/** A new file that is written from its start to its end. */
class Appender {
  readonly #file: File;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  #written = 0;
  #synced = 0;
  #isClosed = false;

  constructor(file: File) {
    this.#file = file;
  }

  get position(): number {
    return this.#written + this.#buffered;
  }

  add(bytes: Bytes): void {
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length > BUFFER_BYTES) return this.#write(bytes);
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  async syncIfDue(): Promise<void> {
    if (this.#written - this.#synced >= SYNC_BYTES) await this.sync();
  }

  async sync(): Promise<void> {
    this.#flush();
    this.#synced = this.#written;
    await this.#file.dataSync();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#file.close();
  }

  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#buffered);
    this.#buffered = 0;
    if (bytes.length > 0) this.#write(bytes);
  }

  #write(bytes: Bytes): void {
    this.#file.writeSync(bytes, this.#written);
    this.#written += bytes.length;
  }
}
