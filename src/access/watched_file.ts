import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../env/clock.ts";
import { type FileSystem, FileSystemError } from "../env/file_system.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { AccessError } from "./access_error.ts";

const log = getLogger(["durable-streams", "access"]);

/** How often a file is looked at. */
const POLL_EVERY_MS = 1000;
/** A longer file is none of ours. */
export const FILE_LIMIT_BYTES = 4 * 1024 * 1024;

/** How a {@link WatchedFile} is read. */
export interface WatchedFileOptions {
  readonly path: string;
  /** For messages: `token file`. */
  readonly kind: string;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  /**
   * Takes the file's bytes over, at once or by a promise.
   *
   * @throws {AccessError} where they are no good, and then nothing has changed
   */
  apply(bytes: Bytes): void | Promise<void>;
}

/** A file that is read at once, and again within a second of each change; a broken one changes nothing. */
export class WatchedFile {
  readonly #options: WatchedFileOptions;
  /** The bytes last seen, good or not. */
  #seen: Bytes;
  #problem = "";
  #cancelTimer: () => void = () => {};

  /** @throws {AccessError} where there is no good file; what `apply` promises at first is its own affair */
  constructor(options: WatchedFileOptions) {
    this.#options = options;
    this.#seen = readSmallFile(options.fileSystem, options.path, options.kind);
    void options.apply(this.#seen);
    this.#schedule();
  }

  close(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
  }

  #schedule(): void {
    this.#cancelTimer = this.#options.clock.setTimer(POLL_EVERY_MS, () => {
      this.#schedule();
      this.#poll();
    });
  }

  #poll(): void {
    const { fileSystem, path, kind, apply } = this.#options;
    try {
      // Read whole and compared: a change needs no other size or time than before.
      const bytes = readSmallFile(fileSystem, path, kind);
      if (isSame(bytes, this.#seen) && !this.#problem.startsWith(UNREADABLE)) return;
      this.#seen = bytes;
      const applied = apply(bytes);
      if (applied === undefined) this.#succeed();
      else applied.then(() => this.#succeed(), (error) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  #succeed(): void {
    this.#problem = "";
    log.info("reloaded", { file: this.#options.path });
  }

  #fail(error: unknown): void {
    if (!(error instanceof AccessError)) throw error;
    const problem = error instanceof UnreadableFile ? UNREADABLE + error.message : error.message;
    if (problem === this.#problem) return;
    this.#problem = problem;
    log.error("a file is no good any more, what it said before stays", {
      file: this.#options.path,
      problem: error.message,
    });
  }
}

const UNREADABLE = "unreadable: ";

class UnreadableFile extends AccessError {}

/**
 * All of a file.
 *
 * @throws {AccessError} where it is missing, can't be read or is longer than 4 MiB
 */
export function readSmallFile(fileSystem: FileSystem, path: string, kind: string): Bytes {
  try {
    const file = fileSystem.open(path, "read");
    try {
      const size = file.size();
      if (size > FILE_LIMIT_BYTES) {
        throw new AccessError(
          `The ${kind} ${path} has ${size} bytes: expected at most ${FILE_LIMIT_BYTES}.`,
        );
      }
      const bytes = new Uint8Array(size);
      return bytes.subarray(0, file.readSync(bytes, 0));
    } finally {
      file.close();
    }
  } catch (error) {
    if (!(error instanceof FileSystemError)) throw error;
    const why = error.kind === "not_found" ? "there is no such file" : error.message;
    throw new UnreadableFile(`The ${kind} ${path} can't be read: ${why}.`);
  }
}

function isSame(one: Bytes, other: Bytes): boolean {
  return Buffer.compare(one, other) === 0;
}
