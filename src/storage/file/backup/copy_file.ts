import { type File, type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { checksum } from "../directory/checksum.ts";
import type { BackupTarget, BackupThrottle } from "./target.ts";

/** What is read at once. */
export const COPY_CHUNK_BYTES = 1024 * 1024;
/** Less than this is read without another thread: handing it over takes longer. */
const BLOCKING_READ_BYTES = 64 * 1024;

/** What of a file is copied, and where to. */
export interface CopiedFile {
  readonly fileSystem: FileSystem;
  readonly from: string;
  readonly path: string;
  readonly lengthBytes: number;
}

/**
 * Copies the beginning of a file.
 *
 * @returns its CRC-32
 * @throws {FileSystemError}
 * @throws {Error} where it is shorter
 */
export async function copyFile(
  { fileSystem, from, path, lengthBytes }: CopiedFile,
  target: BackupTarget,
  throttle: BackupThrottle,
): Promise<number> {
  const file = fileSystem.open(from, "read");
  try {
    const out = await target.create(path, lengthBytes);
    let crc = 0;
    for await (const chunk of chunksOf(file, 0, lengthBytes)) {
      crc = checksum(chunk, crc);
      await out.write(chunk);
      await throttle.spend(chunk.length);
    }
    await out.end();
    return crc;
  } finally {
    file.close();
  }
}

/** Writes a short file. */
export async function writeWhole(target: BackupTarget, path: string, bytes: Bytes): Promise<void> {
  const file = await target.create(path, bytes.length);
  await file.write(bytes);
  await file.end();
}

/**
 * The bytes of a file, in chunks; each is valid until the next.
 *
 * @throws {Error} where the file ends before `end`
 */
export async function* chunksOf(
  file: File,
  start: number,
  end: number,
): AsyncIterableIterator<Bytes> {
  const buffer = new Uint8Array(Math.min(COPY_CHUNK_BYTES, Math.max(1, end - start)));
  for (let at = start; at < end;) {
    const wanted = buffer.subarray(0, Math.min(buffer.length, end - at));
    const count = wanted.length <= BLOCKING_READ_BYTES
      ? file.readSync(wanted, at)
      : await file.read(wanted, at);
    if (count < wanted.length) throw new FileTooShort(file.path, end, at + count);
    yield wanted;
    at += count;
  }
}

/** A file is shorter than it has to be. */
export class FileTooShort extends Error {
  override readonly name = "FileTooShort";

  constructor(path: string, expectedBytes: number, foundBytes: number) {
    super(`${path}: expected ${expectedBytes} bytes, found ${foundBytes}`);
  }
}

/**
 * What is wrong with a file, where it isn't there, or is shorter than `use` wants it; else what that finds.
 *
 * @throws {FileSystemError}
 */
export async function withFile(
  fileSystem: FileSystem,
  path: string,
  use: (file: File) => Promise<string | undefined>,
): Promise<string | undefined> {
  let file: File;
  try {
    file = fileSystem.open(path, "read");
  } catch (error) {
    if (error instanceof FileSystemError && error.kind === "not_found") return `${path}: missing`;
    throw error;
  }
  try {
    return await use(file);
  } catch (error) {
    if (error instanceof FileTooShort) return error.message;
    throw error;
  } finally {
    file.close();
  }
}
