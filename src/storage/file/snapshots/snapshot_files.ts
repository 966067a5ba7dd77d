import { type FileSlice, MIN_FILE_BODY_BYTES } from "../../../env/file_body.ts";
import {
  type File,
  type FileSystem,
  FileSystemError,
  isShortage,
} from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { SnapshotRef } from "../../snapshot_store.ts";
import { checksum } from "../directory/checksum.ts";
import { damagedRead } from "../directory/damage.ts";
import { snapshotFolder, snapshotPath } from "../directory/paths.ts";
import { shortageStreamError } from "../directory/shortage_error.ts";

/** This much is written, or checked, at once. */
const PART_BYTES = 256 * 1024;
/** So many bodies may be on their way from their files; each keeps one open. */
const MAX_OPEN = 128;

/** What a {@link SnapshotFiles} works on. */
export interface SnapshotFilesParts {
  readonly fileSystem: FileSystem;
  readonly paths: { readonly root: string; readonly snapshots: string };
}

/** The bodies of a directory's snapshots, a file each, which never changes. */
export class SnapshotFiles {
  readonly #fileSystem: FileSystem;
  readonly #root: string;
  readonly #folder: string;
  /** Folders whose names are durable. */
  readonly #durable = new Set<string>();
  #open = 0;

  constructor({ fileSystem, paths }: SnapshotFilesParts) {
    this.#fileSystem = fileSystem;
    this.#root = paths.root;
    this.#folder = paths.snapshots;
  }

  /**
   * Writes a body; resolves to its CRC-32 once it is durable, its name too.
   *
   * @throws {StreamError} `storage_full`, `overloaded`, `storage_failed`
   */
  async write(streamId: number, number: number, body: Bytes): Promise<number> {
    const path = snapshotPath(this.#folder, streamId, number);
    try {
      const crc32 = await this.#writeFile(path, body);
      await this.#makeNameDurable(snapshotFolder(this.#folder, streamId));
      return crc32;
    } catch (error) {
      this.remove(streamId, number);
      throw writeFailure(error);
    }
  }

  async #writeFile(path: string, body: Bytes): Promise<number> {
    this.#fileSystem.makeDirectory(path.slice(0, path.lastIndexOf("/")));
    // A crash may have left one that no record names.
    this.#fileSystem.remove(path);
    const file = this.#fileSystem.open(path, "create");
    let crc32 = 0;
    try {
      for (let at = 0; at < body.length; at += PART_BYTES) {
        const part = body.subarray(at, at + PART_BYTES);
        crc32 = checksum(part, crc32);
        await file.write(part, at);
      }
      await file.dataSync();
    } finally {
      file.close();
    }
    return crc32;
  }

  async #makeNameDurable(folder: string): Promise<void> {
    await this.#fileSystem.syncDirectory(folder);
    if (this.#durable.has(folder)) return;
    await this.#fileSystem.syncDirectory(this.#folder);
    await this.#fileSystem.syncDirectory(this.#root);
    this.#durable.add(folder);
  }

  /**
   * Reads a body and checks it; `undefined` where there is no such file.
   *
   * @param mayBeSlice as in `SnapshotStore.get`
   * @throws {StreamError} `damaged`, `overloaded`
   */
  async read(
    streamId: number,
    ref: SnapshotRef,
    mayBeSlice: boolean,
  ): Promise<Bytes | FileSlice | undefined> {
    const isSlice = mayBeSlice && ref.bytes >= MIN_FILE_BODY_BYTES.slice;
    if (isSlice && this.#open >= MAX_OPEN) {
      throw new StreamError(
        { code: "overloaded" },
        `${MAX_OPEN} snapshots are on their way already, as many as may be at once: try again.`,
      );
    }
    const file = this.#openToRead(snapshotPath(this.#folder, streamId, ref.number));
    if (file === undefined) return undefined;
    this.#open++;
    let isKept = false;
    try {
      const body = new Uint8Array(isSlice ? Math.min(PART_BYTES, ref.bytes) : ref.bytes);
      await checkBody(file, ref, body);
      if (!isSlice) return body;
      isKept = true;
      return this.#sliceOf(file, ref.bytes);
    } finally {
      if (!isKept) this.#close(file);
    }
  }

  #openToRead(path: string): File | undefined {
    try {
      return this.#fileSystem.open(path, "read");
    } catch (error) {
      if (error instanceof FileSystemError && error.kind === "not_found") return undefined;
      throw isShortage(error) ? shortageStreamError(error.kind) : error;
    }
  }

  #sliceOf(file: File, bytes: number): FileSlice {
    let isOpen = true;
    return {
      file,
      start: 0,
      end: bytes,
      release: () => {
        if (isOpen) this.#close(file);
        isOpen = false;
      },
    };
  }

  #close(file: File): void {
    this.#open--;
    file.close();
  }

  /** Removes a body, if it can be; false where it stays for now. */
  remove(streamId: number, number: number): boolean {
    try {
      this.#fileSystem.remove(snapshotPath(this.#folder, streamId, number));
      return true;
    } catch (error) {
      if (!(error instanceof FileSystemError)) throw error;
      return false;
    }
  }
}

/**
 * Checks a body against its length and its CRC-32.
 *
 * @param into takes all of it, or where that is shorter one part after the other
 * @throws {StreamError} `damaged`
 */
export async function checkBody(
  file: File,
  ref: Pick<SnapshotRef, "bytes" | "crc32">,
  into: Bytes,
): Promise<void> {
  const { bytes, crc32 } = ref;
  const size = file.size();
  if (size !== bytes) throw damagedBody(file, `${bytes} bytes`, `${size}`);
  const isWhole = into.length === bytes;
  let found = 0;
  for (let at = 0; at < bytes;) {
    const start = isWhole ? at : 0;
    const part = into.subarray(start, start + Math.min(PART_BYTES, bytes - at));
    const read = await file.read(part, at);
    if (read < part.length) throw damagedBody(file, `${bytes} bytes`, `${at + read}`);
    found = checksum(part, found);
    at += part.length;
  }
  if (found !== crc32) throw damagedBody(file, `a body with the CRC-32 ${crc32}`, `${found}`);
}

function damagedBody({ path }: File, expected: string, found: string): StreamError {
  return damagedRead({ path, filePosition: 0, expected, found });
}

function writeFailure(error: unknown): unknown {
  if (isShortage(error)) return shortageStreamError(error.kind);
  if (!(error instanceof FileSystemError)) return error;
  return new StreamError(
    { code: "storage_failed" },
    `The snapshot couldn't be written: ${error.message}`,
    { cause: error },
  );
}
