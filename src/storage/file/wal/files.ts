import { basename, join } from "node:path";
import {
  type File,
  type FileSystem,
  FileSystemError,
  isNoSpace,
  isShortage,
} from "../../../env/file_system.ts";
import {
  encodeLogHeader,
  LOG_HEADER_BYTES,
  logFileName,
  type LogHeader,
  logSeed,
} from "./format.ts";
import { bestFit, needsOwnFile } from "./space.ts";

/** Filling with zeros goes in chunks of this size. */
const ZERO_CHUNK_BYTES = 1024 * 1024;
/** A file's length is a multiple of this. */
const UNIT_BYTES = 4096;
const FIRST_FILE_BYTES = 1024 * 1024;
const LEAST_FILE_BYTES = 16 * 1024;
/** What a file has at least where the disk has no room for one of the usual size. */
const REDUCED_FILE_BYTES = 256 * 1024;
const FILES_IN_LIMIT = 4;
const GROWTH = 4;

/** A file that is being filled, and of no use if that was cut short. */
export const PREALLOCATING_NAME = "filling";

const RECYCLED_NAME = /^spare-(\d+)$/;

/** Whether a name under `wal/` is that of a file which waits to be used again. */
export function isRecycledName(name: string): boolean {
  return RECYCLED_NAME.test(name);
}

/** A file of the log that is being written or waits for a checkpoint. */
export interface LiveLogFile {
  header: LogHeader;
  path: string;
  sizeBytes: number;
}

/** The file that is written to. */
export interface CurrentLogFile extends LiveLogFile {
  file: File;
  /** What the checksums of its batches begin with. */
  seed: number;
}

/** A file that waits to be used again. */
export interface RecycledFile {
  path: string;
  sizeBytes: number;
}

/** What a log's files need to know. */
export interface LogFilesOptions {
  fileSystem: FileSystem;
  /** The log's directory. */
  folder: string;
  uuid: string;
  limitBytes: number;
  /** Random, 32 bits. */
  newSalt: () => number;
}

/**
 * The files under `wal/`: how they are made, used again and bounded. A sync of a file whose size or
 * blocks change commits the file system's journal too, so each is filled with zeros before its first
 * use and never grows after.
 */
export class LogFiles {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #uuid: string;
  readonly #limitBytes: number;
  readonly #newSalt: () => number;
  readonly #live: LiveLogFile[];
  readonly #recycled: RecycledFile[];
  /** The recycled file that is becoming part of the log. */
  #rolling: RecycledFile | undefined;
  #preparing: Promise<void> | undefined;
  #recycledNumber = 0;
  #nextSizeBytes: number;
  /** The most that the files with records have had together since spares were last given back. */
  #mostLiveBytes = 0;

  /**
   * @param live the files that hold what no checkpoint has taken over yet, oldest first
   * @param recycled paths and sizes of those that wait to be used again
   */
  constructor(options: LogFilesOptions, live: LiveLogFile[], recycled: RecycledFile[]) {
    this.#fileSystem = options.fileSystem;
    this.#folder = options.folder;
    this.#uuid = options.uuid;
    this.#limitBytes = options.limitBytes;
    this.#newSalt = options.newSalt;
    this.#live = live;
    this.#recycled = recycled;
    for (const { path } of recycled) {
      const number = Number(RECYCLED_NAME.exec(basename(path))?.[1] ?? 0);
      this.#recycledNumber = Math.max(this.#recycledNumber, number);
    }
    this.#nextSizeBytes = Math.min(FIRST_FILE_BYTES, this.fullSizeBytes);
  }

  /** Bytes of all files, those that wait to be used again too. */
  get totalBytes(): number {
    return sum(this.#live) + sum(this.#recycled);
  }

  /** Bytes of the files that hold records. */
  get liveBytes(): number {
    return sum(this.#live);
  }

  /** Whether a checkpoint can free any of them: the newest stays, however long it is. */
  get canFree(): boolean {
    return this.#live.length > 1;
  }

  /**
   * Sizes of the files that are there to be written to next: those that wait, and one that is becoming
   * part of the log or has become it while its writer doesn't have it yet.
   *
   * @param current the file that the writer has
   */
  upcomingSizes(current: LiveLogFile): number[] {
    const newest = this.#live.at(-1);
    const isTaken = newest === undefined || newest.header.number === current.header.number;
    const next = isTaken ? this.#rolling : newest;
    const files = next === undefined ? this.#recycled : [next, ...this.#recycled];
    return files.map(({ sizeBytes }) => sizeBytes);
  }

  /**
   * Whether one more file would be past the limit. For a batch longer than files get there is never
   * room within it, and nothing to wait for.
   */
  isAtLimitFor(wantedBytes: number): boolean {
    return this.canFree && !needsOwnFile(wantedBytes, this.fullSizeBytes) &&
      this.liveBytes + this.#sizeFor(wantedBytes) > this.#limitBytes;
  }

  /** Gets the next file ready in the background, if none is and there is room for one. */
  prepare(): Promise<void> {
    if (this.#recycled.length > 0 || this.isAtLimitFor(0)) {
      return this.#preparing ?? Promise.resolve();
    }
    return this.#prepare(0);
  }

  /**
   * Gets one more file ready, past the log's limit if need be.
   *
   * @param wantedBytes the batch that has to fit; one that runs already may be too small for it
   * @throws {FileSystemError}
   */
  prepareFor(wantedBytes: number): Promise<void> {
    return this.#prepare(wantedBytes + LOG_HEADER_BYTES);
  }

  #prepare(wantedBytes: number): Promise<void> {
    return this.#preparing ??= this.#preallocateFor(wantedBytes).finally(() => {
      this.#preparing = undefined;
    });
  }

  /** Waits for a file that is being got ready, whatever comes of it. */
  async prepared(): Promise<void> {
    await this.#preparing?.catch(() => {});
  }

  /**
   * The next file to write to, with its header on disk. The one before has to be full and synced.
   *
   * @param wantedBytes the batch that has to fit; one longer than a file gets a file of its own
   */
  async roll(firstLsn: number, wantedBytes: number): Promise<CurrentLogFile> {
    // One that couldn't be prepared is tried again here, where its failure counts.
    await this.prepared();
    const wanted = wantedBytes + LOG_HEADER_BYTES;
    let recycled = this.#takeRecycled(wanted);
    while (recycled === undefined) {
      await this.#prepare(wanted);
      recycled = this.#takeRecycled(wanted);
    }
    this.#rolling = recycled;
    try {
      return await this.#begin(recycled, firstLsn);
    } finally {
      this.#rolling = undefined;
    }
  }

  /**
   * Takes the newest file back where no record was ever written to it: a start that was cut short left
   * it, and the next one may have no room for another.
   *
   * @param nextLsn the first record that is in no file
   */
  async takeBackEmpty(nextLsn: number): Promise<void> {
    const newest = this.#live.at(-1);
    if (this.#live.length < 2 || newest?.header.firstLsn !== nextLsn) return;
    const recycled = await this.#recycle(newest);
    this.#live.pop();
    this.#recycled.unshift(recycled);
  }

  async #begin(recycled: RecycledFile, firstLsn: number): Promise<CurrentLogFile> {
    const number = (this.#live.at(-1)?.header.number ?? 0) + 1;
    const { sizeBytes } = recycled;
    const header = { number, salt: this.#newSalt(), uuid: this.#uuid, firstLsn, sizeBytes };
    const path = join(this.#folder, logFileName(number));
    let file: File | undefined;
    let isRenamed = false;
    try {
      file = this.#fileSystem.open(recycled.path, "write");
      file.writeSync(encodeLogHeader(header), 0);
      await file.dataSync();
      this.#fileSystem.rename(recycled.path, path);
      isRenamed = true;
      await this.#fileSystem.syncDirectory(this.#folder);
    } catch (error) {
      file?.close();
      // It is no part of the log, whatever is in it, and can be tried again.
      if (!isRenamed) this.#recycled.unshift(recycled);
      else this.#takeBack(recycled, path, error);
      throw error;
    }
    const live = { header, path, sizeBytes };
    this.#live.push(live);
    this.#mostLiveBytes = Math.max(this.#mostLiveBytes, this.liveBytes);
    this.#rolling = undefined;
    return { ...live, file, seed: logSeed(header) };
  }

  /**
   * The file has its name in the log, and no record, but the folder isn't synced. Where it couldn't be
   * opened for that, all is tried again, and until then the name is given back.
   *
   * @throws {FileSystemError} of the kind `other` where the sync itself has failed, which isn't repeated
   */
  #takeBack(recycled: RecycledFile, path: string, error: unknown): void {
    if (!(isShortage(error) && error.kind === "too_many_open_files")) {
      throw new FileSystemError("other", "sync", this.#folder, error);
    }
    this.#fileSystem.rename(path, recycled.path);
    this.#recycled.unshift(recycled);
  }

  /** Frees the files whose records are all at or before `lsn`, but for the newest. */
  async release(lsn: number): Promise<void> {
    while (true) {
      const [oldest, next] = this.#live;
      if (oldest === undefined || next === undefined) return;
      if (next.header.firstLsn > lsn + 1) return;
      const recycled = this.#isWorthRecycling(oldest.sizeBytes)
        ? await this.#recycle(oldest)
        : await this.#remove(oldest);
      // Not before: one that stays would leave a gap in the log, once those after it are gone.
      this.#live.shift();
      if (recycled !== undefined) this.#recycled.push(recycled);
    }
  }

  /** Whether there are more spare files than one. */
  get hasSpares(): boolean {
    return this.#recycled.length > 1;
  }

  /**
   * Gives spare files back that weren't needed since the last call: what a burst has made isn't kept for
   * ever. One always stays.
   */
  giveBack(): void {
    const current = this.#live.at(-1)?.sizeBytes ?? 0;
    const neededBytes = this.#mostLiveBytes - current;
    this.#mostLiveBytes = this.liveBytes;
    this.#recycled.sort((a, b) => a.sizeBytes - b.sizeBytes);
    while (this.#recycled.length > 1 && sum(this.#recycled) > neededBytes) {
      const largest = this.#recycled.pop();
      // One that stays is found by the next start.
      if (largest !== undefined) this.#dropFailed(largest.path);
    }
    if (neededBytes <= 0) this.#nextSizeBytes = Math.min(FIRST_FILE_BYTES, this.fullSizeBytes);
  }

  /** Renames a file that isn't needed any more, for good before anything is written to it. */
  async #recycle(file: LiveLogFile): Promise<RecycledFile> {
    const path = this.#recycledPath();
    this.#fileSystem.rename(file.path, path);
    file.path = path;
    await this.#fileSystem.syncDirectory(this.#folder);
    return { path, sizeBytes: file.sizeBytes };
  }

  async #remove(file: LiveLogFile): Promise<undefined> {
    this.#fileSystem.remove(file.path);
    await this.#fileSystem.syncDirectory(this.#folder);
  }

  /** The size that files grow to. */
  get fullSizeBytes(): number {
    return Math.max(LEAST_FILE_BYTES, Math.floor(this.#limitBytes / FILES_IN_LIMIT));
  }

  /** Files begin small, so that a first start is quick, and grow to a part of the limit. */
  #sizeFor(wantedBytes: number): number {
    return Math.max(this.#nextSizeBytes, wantedBytes);
  }

  #isWorthRecycling(sizeBytes: number): boolean {
    return sizeBytes >= this.#nextSizeBytes && sizeBytes <= this.fullSizeBytes &&
      this.totalBytes <= this.#limitBytes;
  }

  #takeRecycled(wantedBytes: number): RecycledFile | undefined {
    const sizes = this.#recycled.map(({ sizeBytes }) => sizeBytes);
    return this.#recycled.splice(bestFit(sizes, wantedBytes), 1)[0];
  }

  #recycledPath(): string {
    return join(this.#folder, `spare-${++this.#recycledNumber}`);
  }

  /** Of the size that files have by now, or of what is needed where the disk has no room for that. */
  async #preallocateFor(wantedBytes: number): Promise<void> {
    const usual = this.#sizeFor(wantedBytes);
    const least = Math.max(wantedBytes, Math.min(REDUCED_FILE_BYTES, this.fullSizeBytes));
    try {
      await this.#preallocate(usual);
      this.#nextSizeBytes = Math.min(this.#nextSizeBytes * GROWTH, this.fullSizeBytes);
    } catch (error) {
      if (!isNoSpace(error) || least >= usual) throw error;
      await this.#preallocate(least);
    }
  }

  async #preallocate(wantedBytes: number): Promise<void> {
    const path = this.#recycledPath();
    const sizeBytes = Math.ceil(wantedBytes / UNIT_BYTES) * UNIT_BYTES;
    const preallocating = join(this.#folder, PREALLOCATING_NAME);
    this.#fileSystem.remove(preallocating);
    const file = this.#fileSystem.open(preallocating, "create");
    try {
      const zeros = new Uint8Array(Math.min(ZERO_CHUNK_BYTES, sizeBytes));
      for (let at = 0; at < sizeBytes; at += zeros.length) {
        await file.write(zeros.subarray(0, Math.min(zeros.length, sizeBytes - at)), at);
        // Chunk by chunk: the log's own sync would wait behind 64 MiB at once.
        await file.dataSync();
      }
    } catch (error) {
      this.#dropFailed(preallocating);
      throw error;
    } finally {
      file.close();
    }
    // Only a file that is filled to its end has a name under which it is used.
    this.#fileSystem.rename(preallocating, path);
    this.#recycled.push({ path, sizeBytes });
  }

  /** A file that is of no use only takes room; that it stays is no failure. */
  #dropFailed(path: string): void {
    try {
      this.#fileSystem.remove(path);
    } catch (error) {
      if (!(error instanceof FileSystemError)) throw error;
    }
  }
}

function sum(files: readonly { sizeBytes: number }[]): number {
  return files.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}
