import { getLogger } from "@logtape/logtape";
import {
  type File,
  type FileSystem,
  FileSystemError,
  isNoSpace,
} from "../../../env/file_system.ts";

const logger = getLogger(["durable-streams", "storage", "ballast"]);

const CHUNK_BYTES = 256 * 1024;

/**
 * A file that only takes up room (FORMAT.md, "ballast"). On a full disk a start and the deletion of
 * streams use that room: both need some before anything becomes free.
 */
export class Ballast {
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  readonly #wantedBytes: number;
  #heldBytes: number;
  /** Counts releases: a file that is being filled meanwhile has no name any more. */
  #releases = 0;
  #isStopped = false;
  #refilling: Promise<void> | undefined;

  constructor(fileSystem: FileSystem, path: string, wantedBytes: number) {
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.#wantedBytes = wantedBytes;
    this.#heldBytes = this.#sizeBytes();
  }

  /** Frees the room; whether there was any. */
  release(): boolean {
    if (this.#heldBytes === 0) return false;
    try {
      this.#fileSystem.remove(this.#path);
    } catch (error) {
      if (!(error instanceof FileSystemError)) throw error;
      // There are file systems on which also a removal needs room.
      logger.warn("The ballast can't be removed: {message}", { message: error.message });
      return false;
    }
    this.#heldBytes = 0;
    this.#releases++;
    return true;
  }

  /** Takes the room again, or as much of it as the disk has. Never fails: the server works without it. */
  refill(): Promise<void> {
    if (this.#heldBytes >= this.#wantedBytes || this.#isStopped) return Promise.resolve();
    return this.#refilling ??= this.#fill().catch((error) => {
      if (!isNoSpace(error)) logger.warn("The ballast can't be filled: {error}", { error });
    }).finally(() => {
      this.#refilling = undefined;
    });
  }

  /** Waits until nothing is being filled; nothing is filled after that. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#refilling;
  }

  async #fill(): Promise<void> {
    const zeros = new Uint8Array(Math.min(CHUNK_BYTES, this.#wantedBytes));
    const releases = this.#releases;
    const file = this.#open();
    try {
      while (this.#heldBytes < this.#wantedBytes && !this.#isStopped) {
        await file.write(zeros, this.#heldBytes);
        if (releases !== this.#releases) return;
        this.#heldBytes += zeros.length;
      }
    } finally {
      file.close();
    }
  }

  #open(): File {
    if (this.#heldBytes > 0) return this.#fileSystem.open(this.#path, "write");
    this.#fileSystem.remove(this.#path);
    return this.#fileSystem.open(this.#path, "create");
  }

  #sizeBytes(): number {
    let file: File;
    try {
      file = this.#fileSystem.open(this.#path, "read");
    } catch (error) {
      if (error instanceof FileSystemError) return 0;
      throw error;
    }
    try {
      return file.size();
    } finally {
      file.close();
    }
  }
}
