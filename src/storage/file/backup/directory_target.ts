import { dirname, join } from "node:path";
import { type File, type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { type BackupTarget, PRIVATE_PATH, type TargetFile } from "./target.ts";

/** So much is written before it is synced: a server's own syncs never wait behind more. */
const SYNC_EVERY_BYTES = 8 * 1024 * 1024;
/** Shorter files are made durable all together in the end. */
const SMALL_FILE_BYTES = 256 * 1024;

/** Files in a folder, which are durable once `sync` has ended. */
export class DirectoryTarget implements BackupTarget {
  readonly root: string;
  readonly #fileSystem: FileSystem;
  readonly #folders = new Set<string>();
  /** Whether the file system can be made durable as a whole isn't known before the end. */
  #unsyncedFiles = 0;
  #linkedFiles = 0;

  constructor(fileSystem: FileSystem, root: string) {
    this.#fileSystem = fileSystem;
    this.root = root;
    this.#makeFolder(root);
  }

  /** How many files are another backup's, too. */
  get linkedFiles(): number {
    return this.#linkedFiles;
  }

  create(path: string, _sizeBytes: number): Promise<TargetFile> {
    const full = this.#place(path);
    this.#fileSystem.remove(full);
    const mode = path === PRIVATE_PATH ? "create_private" : "create";
    return Promise.resolve(
      new DirectoryFile(this.#fileSystem.open(full, mode), () => this.#unsyncedFiles++),
    );
  }

  link(path: string, from: string): boolean {
    if (this.#fileSystem.link === undefined) return false;
    const full = this.#place(path);
    try {
      this.#fileSystem.remove(full);
      this.#fileSystem.link(from, full);
      this.#linkedFiles++;
      return true;
    } catch (error) {
      // Another file system, or one without links, or one that has too many.
      if (error instanceof FileSystemError && error.kind !== "no_space") return false;
      throw error;
    }
  }

  /** Makes a folder that may stay empty. */
  makeFolder(path: string): void {
    this.#makeFolder(join(this.root, path));
  }

  /** Makes all durable: files and names. */
  async sync(): Promise<void> {
    if (this.#unsyncedFiles > 0 && !await this.#fileSystem.barrier(this.root)) {
      await this.#syncFiles(this.root);
    }
    for (const folder of this.#folders) await this.#fileSystem.syncDirectory(folder);
    await this.#fileSystem.syncDirectory(dirname(this.root));
  }

  async #syncFiles(folder: string): Promise<void> {
    for (const name of this.#fileSystem.list(folder) ?? []) {
      // To close it here would free the lock that SQLite holds on it.
      if (name === "LOCK") continue;
      const path = join(folder, name);
      if (this.#isFolder(path)) {
        await this.#syncFiles(path);
        continue;
      }
      const file = this.#fileSystem.open(path, "read");
      try {
        await file.dataSync();
      } finally {
        file.close();
      }
    }
  }

  /** What a try before this one has left is synced, too. */
  #isFolder(path: string): boolean {
    if (this.#folders.has(path)) return true;
    try {
      return this.#fileSystem.list(path) !== undefined;
    } catch (error) {
      if (error instanceof FileSystemError) return false;
      throw error;
    }
  }

  #place(path: string): string {
    const full = join(this.root, path);
    this.#makeFolder(dirname(full));
    return full;
  }

  #makeFolder(folder: string): void {
    if (this.#folders.has(folder)) return;
    this.#fileSystem.makeDirectory(folder);
    this.#folders.add(folder);
    if (folder !== this.root && dirname(folder) !== this.root) this.#folders.add(dirname(folder));
  }
}

class DirectoryFile implements TargetFile {
  readonly #file: File;
  readonly #onUnsynced: () => void;
  #position = 0;
  #syncedBytes = 0;

  constructor(file: File, onUnsynced: () => void) {
    this.#file = file;
    this.#onUnsynced = onUnsynced;
  }

  async write(bytes: Bytes): Promise<void> {
    if (bytes.length < SMALL_FILE_BYTES) this.#file.writeSync(bytes, this.#position);
    else await this.#file.write(bytes, this.#position);
    this.#position += bytes.length;
    if (this.#position - this.#syncedBytes < SYNC_EVERY_BYTES) return;
    await this.#file.dataSync();
    this.#syncedBytes = this.#position;
  }

  async end(): Promise<void> {
    try {
      if (this.#position >= SMALL_FILE_BYTES) await this.#file.dataSync();
      else this.#onUnsynced();
    } finally {
      this.#file.close();
    }
  }
}
