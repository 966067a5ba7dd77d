import { decodeUtf8, encodeUtf8 } from "../../../protocol/bytes.ts";
import { type Bytes, NO_BYTES } from "../../../protocol/bytes.ts";
import { BackupError } from "./check_backup.ts";
import { type BackupTarget, PRIVATE_PATH, type TargetFile } from "./target.ts";

/** A stream of files in the format of `tar` (POSIX ustar): `tar tf` lists it. */

const BLOCK_BYTES = 512;
/** Files that are longer have their length in binary, as GNU's tar writes it. */
const MAX_OCTAL_BYTES = 8 ** 11 - 1;
const LENGTH_AT = 124;
const CHECKSUM_AT = 148;
const FILE_MODE = "0000644";
const PRIVATE_MODE = "0000600";

/** The files of a backup, one after the other, as one stream of bytes. */
export class TarTarget implements BackupTarget {
  readonly #write: (bytes: Bytes) => Promise<void>;

  /** @param write resolves when the bytes may be used again */
  constructor(write: (bytes: Bytes) => Promise<void>) {
    this.#write = write;
  }

  async create(path: string, sizeBytes: number): Promise<TargetFile> {
    await this.#write(encodeTarHeader(path, sizeBytes));
    return new TarFile(this.#write, sizeBytes);
  }

  link(): boolean {
    return false;
  }

  /** Two empty blocks: the stream is whole. */
  async end(): Promise<void> {
    await this.#write(new Uint8Array(2 * BLOCK_BYTES));
  }
}

class TarFile implements TargetFile {
  readonly #write: (bytes: Bytes) => Promise<void>;
  readonly #sizeBytes: number;
  #position = 0;

  constructor(write: (bytes: Bytes) => Promise<void>, sizeBytes: number) {
    this.#write = write;
    this.#sizeBytes = sizeBytes;
  }

  async write(bytes: Bytes): Promise<void> {
    this.#position += bytes.length;
    await this.#write(bytes);
  }

  /** What is missing of a damaged file is filled up: the next one has to be where it is looked for. */
  async end(): Promise<void> {
    const end = Math.ceil(this.#sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
    while (this.#position < end) {
      const zeros = Math.min(64 * BLOCK_BYTES, end - this.#position);
      await this.write(new Uint8Array(zeros));
    }
  }
}

/** The block before a file's bytes. */
export function encodeTarHeader(path: string, sizeBytes: number): Bytes {
  const header = new Uint8Array(BLOCK_BYTES);
  const put = (at: number, text: string) => header.set(encodeUtf8(text), at);
  put(0, path);
  put(100, `${path === PRIVATE_PATH ? PRIVATE_MODE : FILE_MODE}\0`);
  put(108, "0000000\0");
  put(116, "0000000\0");
  if (sizeBytes <= MAX_OCTAL_BYTES) {
    put(LENGTH_AT, `${sizeBytes.toString(8).padStart(11, "0")}\0`);
  } else {
    header[LENGTH_AT] = 0x80;
    for (let at = LENGTH_AT + 11, rest = sizeBytes; rest > 0; at--) {
      header[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
  }
  put(136, "00000000000\0");
  put(156, "0");
  put(257, "ustar\x0000");
  put(CHECKSUM_AT, `${sumOf(header).toString(8).padStart(6, "0")}\0 `);
  return header;
}

/** What a header says; `undefined` for an empty block, which ends the stream. */
export function decodeTarHeader(
  header: Bytes,
): { readonly path: string; readonly sizeBytes: number } | undefined {
  if (header.every((byte) => byte === 0)) return undefined;
  const text = (at: number, length: number) =>
    decodeUtf8(header.subarray(at, at + length)).replace(/[\0 ].*$/s, "");
  if (parseInt(text(CHECKSUM_AT, 8), 8) !== sumOf(header)) {
    throw new BackupError(
      "This is no stream of a backup: the header of a file fails its checksum.",
    );
  }
  if (header[LENGTH_AT] !== 0x80) {
    return { path: text(0, 100), sizeBytes: parseInt(text(LENGTH_AT, 12), 8) };
  }
  let sizeBytes = 0;
  for (let at = LENGTH_AT + 1; at < LENGTH_AT + 12; at++) {
    sizeBytes = sizeBytes * 256 + (header[at] ?? 0);
  }
  return { path: text(0, 100), sizeBytes };
}

/** The sum of a header's bytes, those of the sum itself as spaces. */
function sumOf(header: Bytes): number {
  return header.reduce(
    (sum, byte, at) => sum + (at >= CHECKSUM_AT && at < CHECKSUM_AT + 8 ? 0x20 : byte),
    0,
  );
}

/** The files of a backup: nothing else is unpacked. */
const OURS =
  /^(?:BACKUP|catalog\.sqlite|webhook_keys|wal\/\d{20}\.wal|segments\/[0-9a-f]{2}\/[0-9a-f]{16}-\d{20}\.(?:log|idx)|snapshots\/[0-9a-f]{2}\/[0-9a-f]{16}-[0-9a-f]{16}\.snap)$/;

/**
 * Unpacks a stream of files.
 *
 * @throws {BackupError} where it isn't one of a backup, or ends too soon
 */
export async function unpackTar(
  chunks: AsyncIterable<Bytes>,
  target: BackupTarget,
): Promise<void> {
  const input = new ByteInput(chunks);
  while (true) {
    const header = await input.take(BLOCK_BYTES);
    const entry = decodeTarHeader(header);
    if (entry === undefined) return await input.drain();
    const { path, sizeBytes } = entry;
    if (!OURS.test(path)) {
      throw new BackupError(
        `This is no stream of a backup: it has a file ${JSON.stringify(path)}.`,
      );
    }
    const file = await target.create(path, sizeBytes);
    for (let left = sizeBytes; left > 0;) {
      const bytes = await input.some(left);
      await file.write(bytes);
      left -= bytes.length;
    }
    await file.end();
    await input.take((BLOCK_BYTES - sizeBytes % BLOCK_BYTES) % BLOCK_BYTES);
  }
}

/** Bytes that come in chunks of any length. */
class ByteInput {
  readonly #chunks: AsyncIterator<Bytes>;
  #rest: Bytes = NO_BYTES;

  constructor(chunks: AsyncIterable<Bytes>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** As many as there are, at least one and at most so many. */
  async some(limit: number): Promise<Bytes> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) {
        throw new BackupError(
          "The stream of a backup ends too soon: it was cut off. Nothing was restored.",
        );
      }
      this.#rest = value;
    }
    const bytes = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }

  /** Just so many, a few. */
  async take(length: number): Promise<Bytes> {
    const taken = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const bytes = await this.some(length - at);
      taken.set(bytes, at);
      at += bytes.length;
    }
    return taken;
  }

  /** Reads to the end, so that whoever writes there isn't stopped. */
  async drain(): Promise<void> {
    while (!(await this.#chunks.next()).done) { /* zeros, up to tar's own block size */ }
  }
}
