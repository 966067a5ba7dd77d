import type { File, FileSystem } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { viewOf } from "../../little_endian.ts";
import { checksum } from "./checksum.ts";

const WINDOW_BYTES = 1024 * 1024;

/** A file that is read window by window: the memory that this takes doesn't follow the file's size. */
export class FileWindow {
  readonly sizeBytes: number;
  readonly #file: File;
  readonly #window: Bytes;
  readonly #view: DataView<ArrayBuffer>;
  #start = 0;
  #length = 0;

  /** @param file stays open as long as this is used */
  constructor(file: File, windowBytes = WINDOW_BYTES) {
    this.#file = file;
    this.sizeBytes = file.size();
    this.#window = new Uint8Array(Math.min(windowBytes, Math.max(1, this.sizeBytes)));
    this.#view = viewOf(this.#window);
  }

  /** The bytes from `position` on, fewer at the file's end; valid until the next call. */
  bytes(position: number, lengthBytes: number): Bytes {
    const length = Math.max(0, Math.min(lengthBytes, this.sizeBytes - position));
    if (length > this.#window.length) {
      const own = new Uint8Array(length);
      return own.subarray(0, this.#file.readSync(own, position));
    }
    if (!this.#holds(position, length)) this.#moveTo(position);
    const from = position - this.#start;
    return this.#window.subarray(from, Math.min(from + length, this.#length));
  }

  /** The number of 32 bits at `position`, `undefined` where the file ends before. */
  uint32(position: number): number | undefined {
    if (position + 4 > this.sizeBytes) return undefined;
    if (!this.#holds(position, 4)) this.#moveTo(position);
    return this.#view.getUint32(position - this.#start, true);
  }

  /** The bytes from `position` up to `end`, in chunks; each is valid until the next. */
  *chunks(position: number, end: number): Generator<Bytes> {
    for (let at = position; at < end;) {
      const chunk = this.bytes(at, Math.min(this.#window.length, end - at));
      if (chunk.length === 0) return;
      yield chunk;
      at += chunk.length;
    }
  }

  /** The CRC-32 of the bytes from `position` up to `end`, continued from `seed`. */
  checksum(position: number, end: number, seed = 0): number {
    if (end - position <= this.#window.length) {
      return checksum(this.bytes(position, end - position), seed);
    }
    let crc = seed;
    for (const chunk of this.chunks(position, end)) crc = checksum(chunk, crc);
    return crc;
  }

  #holds(position: number, lengthBytes: number): boolean {
    return position >= this.#start && position + lengthBytes <= this.#start + this.#length;
  }

  #moveTo(position: number): void {
    this.#start = position;
    this.#length = this.#file.readSync(this.#window, position);
  }
}

/** Opens a file for as long as `use` takes, which is not asynchronous. */
export function withWindow<T>(
  fileSystem: FileSystem,
  path: string,
  use: (window: FileWindow) => T,
  windowBytes?: number,
): T {
  const file = fileSystem.open(path, "read");
  try {
    return use(new FileWindow(file, windowBytes));
  } finally {
    file.close();
  }
}

/** Opens a file for as long as its items are taken one by one. */
export function* itemsOfWindow<T>(
  fileSystem: FileSystem,
  path: string,
  itemsOf: (window: FileWindow) => Iterable<T>,
): Generator<T> {
  const file = fileSystem.open(path, "read");
  try {
    yield* itemsOf(new FileWindow(file));
  } finally {
    file.close();
  }
}
