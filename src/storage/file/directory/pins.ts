import { basename, dirname } from "node:path";
import { giveToOwnerOf } from "../../../env/file_owner.ts";
import { type FileSystem, isShortage } from "../../../env/file_system.ts";
import { DirectoryError } from "./damage.ts";
import { type DirectoryLock, takeLock } from "./lock.ts";
import type { DirectoryPaths } from "./paths.ts";

/** What a backup needs to stay as it is: log files, and the segments of streams that are deleted meanwhile. */
export type Pinned = "log" | "segments";

/** Those who may hold a pin only look at whether it is held, for a moment. */
const PIN_WAIT_MS = 1000;

/** The parts of a `CatalogDriver` that pins are made of. */
export interface PinDriver {
  pin(path: string): DirectoryLock;
  isPinned(path: string): boolean;
}

/**
 * Takes a pin: a lock on a SQLite file, which the operating system frees when the process is killed.
 *
 * @throws {DirectoryError} `in_use` where another backup holds it
 */
export function takePin(path: string): DirectoryLock {
  const lock = takeLock(path, {
    waitMs: PIN_WAIT_MS,
    inUse: (holder, cause) =>
      new DirectoryError(
        "in_use",
        path,
        `another backup${holder === undefined ? "" : `, process ${holder},`} is running. Wait ` +
          "for its end, or end it.",
        { cause },
      ),
  });
  // A server that may not write to it would take it for held for ever.
  giveToOwnerOf(dirname(path), path);
  return lock;
}

/** Whether somebody holds the pin of a file that is there. */
export function isPinTaken(path: string): boolean {
  try {
    takeLock(path, { waitMs: 0 }).release();
    return false;
  } catch {
    // Whatever keeps it from being known: what stays for a while does no harm.
    return true;
  }
}

/** A directory's pins, as they look to whoever frees what they are of. */
export class DirectoryPins {
  readonly #fileSystem: FileSystem;
  readonly #driver: PinDriver;
  readonly #paths: DirectoryPaths;

  constructor(fileSystem: FileSystem, driver: PinDriver, paths: DirectoryPaths) {
    this.#fileSystem = fileSystem;
    this.#driver = driver;
    this.#paths = paths;
  }

  /**
   * Whether a backup needs them. Looked at once what is to go is in no row any more, and before it goes:
   * a backup that takes its pin later doesn't find it in the catalogue.
   */
  isHeld(what: Pinned): boolean {
    const path = this.#paths.pins[what];
    try {
      const names = this.#fileSystem.list(this.#paths.root) ?? [];
      // Where there never was a backup nothing is made or opened.
      return names.includes(basename(path)) && this.#driver.isPinned(path);
    } catch (error) {
      if (!isShortage(error)) throw error;
      return true;
    }
  }
}
