import type { File, FileSystem } from "../../../../env/file_system.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import { checksum } from "../../directory/checksum.ts";

const WINDOW_BYTES = 1024 * 1024;

/** A file read piece by piece: what it takes of memory doesn't follow the file's size. */
export class FileWindow {
  readonly sizeBytes: number;
  readonly #file: File;
  readonly #window: Bytes;
  #start = 0;
  #length = 0;

  /** @param file stays open as long as this is used */
  constructor(file: File) {
    this.#file = file;
    this.sizeBytes = file.size();
    this.#window = new Uint8Array(Math.min(WINDOW_BYTES, Math.max(1, this.sizeBytes)));
  }

  /** The bytes from `position` on, fewer at the file's end; valid until the next call. */
  bytes(position: number, lengthBytes: number): Bytes {
    const length = Math.max(0, Math.min(lengthBytes, this.sizeBytes - position));
    if (length > this.#window.length) {
      const own = new Uint8Array(length);
      return own.subarray(0, this.#file.readSync(own, position));
    }
    if (position < this.#start || position + length > this.#start + this.#length) {
      this.#start = position;
      this.#length = this.#file.readSync(this.#window, position);
    }
    const from = position - this.#start;
    return this.#window.subarray(from, Math.min(from + length, this.#length));
  }

  /** The bytes from `position` up to `end`, in pieces; each is valid until the next. */
  *chunks(position: number, end: number): Generator<Bytes> {
    for (let at = position; at < end;) {
      const piece = this.bytes(at, Math.min(this.#window.length, end - at));
      if (piece.length === 0) return;
      yield piece;
      at += piece.length;
    }
  }

  /** The CRC-32 of the bytes from `position` up to `end`, going on from `seed`. */
  checksum(position: number, end: number, seed = 0): number {
    let crc = seed;
    for (const piece of this.chunks(position, end)) crc = checksum(piece, crc);
    return crc;
  }
}

/** Opens a file for as long as `use` takes. */
export async function withWindow<T>(
  fileSystem: FileSystem,
  path: string,
  use: (window: FileWindow) => T | Promise<T>,
): Promise<T> {
  const file = fileSystem.open(path, "read");
  try {
    return await use(new FileWindow(file));
  } finally {
    file.close();
  }
}
