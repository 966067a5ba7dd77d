import { basename, dirname, join, relative } from "node:path";
import type { FileSystem } from "../../../env/file_system.ts";
import { type Bytes, encodeUtf8 } from "../../../protocol/bytes.ts";

/** The beginning of the name of a folder with damaged originals. */
export const QUARANTINE_PREFIX = "damaged-";

const COPIED_BYTES = 1024 * 1024;

/**
 * The only way in which a repair changes a directory: a file is copied before it is changed, and moved
 * instead of removed, to a folder `damaged-TIME` beside it. The copy is durable before the change begins,
 * so that a repair which is cut short loses nothing. A dry run changes nothing here.
 */
export class Quarantine {
  readonly isDryRun: boolean;
  readonly #fileSystem: FileSystem;
  readonly #root: string;
  readonly #folder: string;
  readonly #copied = new Set<string>();
  #isUsed = false;
  #parts = 0;

  /** @param nowMs when the repair began: it names the folder */
  constructor(fileSystem: FileSystem, root: string, nowMs: number, isDryRun: boolean) {
    this.#fileSystem = fileSystem;
    this.#root = root;
    this.isDryRun = isDryRun;
    const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const names = new Set(fileSystem.list(root));
    let name = `${QUARANTINE_PREFIX}${time}`;
    for (let i = 2; names.has(name); i++) name = `${QUARANTINE_PREFIX}${time}-${i}`;
    this.#folder = join(root, name);
  }

  /** Where the originals are, once there are any. */
  get folder(): string | undefined {
    return this.#isUsed ? this.#folder : undefined;
  }

  /** Copies a file that is about to be changed, once. */
  async addCopy(path: string): Promise<void> {
    if (this.isDryRun || this.#copied.has(path)) return;
    this.#copied.add(path);
    const target = await this.#pathFor(path);
    this.copy(path, target);
    await this.#write(target, "write", []);
    await this.#fileSystem.syncDirectory(dirname(target));
  }

  /** Copies a file to a path where there is none; nothing is synced. */
  copy(path: string, target: string): void {
    const from = this.#fileSystem.open(path, "read");
    try {
      const to = this.#fileSystem.open(target, "create");
      try {
        const bytes = new Uint8Array(COPIED_BYTES);
        for (let at = 0, length = -1; length !== 0; at += length) {
          length = from.readSync(bytes, at);
          to.writeSync(bytes.subarray(0, length), at);
        }
      } finally {
        to.close();
      }
    } finally {
      from.close();
    }
  }

  /** A path for a file that is being made, beside the originals. */
  newPath(): Promise<string> {
    return this.#pathFor(join(this.#root, `new-${++this.#parts}`));
  }

  /** Moves a file away. */
  async moveAside(path: string): Promise<void> {
    if (this.isDryRun) return;
    let target = await this.#pathFor(path);
    // A copy of how it was before this repair changed it stays.
    if (this.#copied.has(path)) target = `${target}.changed`;
    this.#fileSystem.rename(path, target);
    await this.#fileSystem.syncDirectory(dirname(target));
    await this.#fileSystem.syncDirectory(dirname(path));
  }

  /** Writes into a file in place, after a copy was made. */
  async change(path: string, parts: Iterable<FilePart>): Promise<void> {
    if (this.isDryRun) return;
    await this.addCopy(path);
    await this.#write(path, "write", parts);
  }

  /** Makes a file, or replaces it, atomically. */
  async replace(path: string, parts: Iterable<FilePart>): Promise<void> {
    if (this.isDryRun) return;
    if (this.#fileSystem.list(dirname(path))?.includes(basename(path))) await this.addCopy(path);
    const made = await this.newPath();
    await this.#write(made, "create", parts);
    this.#fileSystem.rename(made, path);
    await this.#fileSystem.syncDirectory(dirname(path));
  }

  /** Gives a file its right name, which no other file has. */
  async rename(path: string, to: string): Promise<void> {
    if (this.isDryRun) return;
    this.#fileSystem.rename(path, to);
    await this.#fileSystem.syncDirectory(dirname(to));
  }

  /** Writes a text beside the originals. */
  async note(name: string, text: string): Promise<void> {
    if (this.isDryRun) return;
    const path = await this.#pathFor(join(this.#root, name));
    await this.replace(path, [{ bytes: encodeUtf8(text), filePosition: 0 }]);
  }

  /** Writes into a file, and makes durable what is in it. */
  async #write(path: string, mode: "write" | "create", parts: Iterable<FilePart>): Promise<void> {
    const file = this.#fileSystem.open(path, mode);
    try {
      for (const { bytes, filePosition } of parts) file.writeSync(bytes, filePosition);
      await file.dataSync();
    } finally {
      file.close();
    }
  }

  /** The path for a file's original, the folders above it made and durable. */
  async #pathFor(path: string): Promise<string> {
    const target = join(this.#folder, relative(this.#root, path));
    const folder = dirname(target);
    this.#isUsed = true;
    if (this.#fileSystem.list(folder) === undefined) {
      this.#fileSystem.makeDirectory(folder);
      for (let at = folder; at.length >= this.#folder.length; at = dirname(at)) {
        await this.#fileSystem.syncDirectory(dirname(at));
      }
    }
    return target;
  }
}

/** Bytes and where they go in a file. */
export interface FilePart {
  readonly bytes: Bytes;
  readonly filePosition: number;
}

/** Zeros from `position` up to `end`. */
export function* zeros(position: number, end: number): Generator<FilePart> {
  const bytes = new Uint8Array(Math.max(0, Math.min(COPIED_BYTES, end - position)));
  for (let at = position; at < end; at += bytes.length) {
    yield { bytes: bytes.subarray(0, Math.min(bytes.length, end - at)), filePosition: at };
  }
}
