import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import type { Clock } from "../../env/clock.ts";
import { bodyLength, type SendableFile } from "../../env/file_body.ts";
import { isSliceBody, type SliceBody } from "../../http/handler.ts";
import { prefersGzip } from "../../protocol/accept_encoding.ts";
import { type Bytes, concatBytes, encodeUtf8 } from "../../protocol/bytes.ts";
import { isCompressibleType } from "../../protocol/content_type.ts";
import type { BodyResult } from "../../storage/storage.ts";
import { Yielder } from "./yielder.ts";

/** Less isn't worth it: a packet takes it either way. */
const MIN_BYTES = 1024;

/** The others save a third more at two to four times the cost. */
const LEVEL = 1;

/** What is compressed at once, which takes about half a millisecond. */
const CHUNK_BYTES = 128 * 1024;

const CHUNKS_PER_YIELD = 2;

/** While so much waits, readers get the bytes as they are: sooner, and at no cost. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

/**
 * Compresses answers, one after the other and in pieces, so that it takes neither this thread from other
 * requests nor more than one of those in which the log is synced.
 */
export class Compressor {
  readonly #yielder: Yielder;
  #waitingBytes = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** The `Accept-Encoding` that came last, and what it says: most clients send the same. */
  #acceptEncoding = "";
  #isWanted = false;

  constructor(clock: Clock) {
    this.#yielder = new Yielder(clock);
  }

  /** Whether a chunk is compressed for those who want it so. */
  fits({ contentType, data }: BodyResult): boolean {
    return bodyLength(data) >= MIN_BYTES && isCompressibleType(contentType);
  }

  /** Whether a request asks for it. */
  isWanted(acceptEncoding: string | null): boolean {
    if (acceptEncoding === null) return false;
    if (acceptEncoding !== this.#acceptEncoding) {
      this.#acceptEncoding = acceptEncoding;
      this.#isWanted = prefersGzip(acceptEncoding);
    }
    return this.#isWanted;
  }

  /** Whether one more would soon have its turn. */
  get hasRoom(): boolean {
    return this.#waitingBytes < MAX_WAITING_BYTES;
  }

  /**
   * The body in gzip. Lets go of a file's part.
   *
   * @throws where a file can't be read
   */
  compress(body: CompressibleBody): Promise<Bytes> {
    const bytes = lengthOf(body);
    this.#waitingBytes += bytes;
    const compressed = this.#last.then(() => this.#compress(body))
      .finally(() => this.#waitingBytes -= bytes);
    this.#last = compressed.catch(() => {});
    return compressed;
  }

  async #compress(body: CompressibleBody): Promise<Bytes> {
    if (lengthOf(body) <= CHUNK_BYTES) {
      // What compresses in another thread costs a short body five times as much.
      const pieces: Bytes[] = [];
      for await (const piece of chunksOf(body)) pieces.push(piece);
      return new Uint8Array(zlib.gzipSync(concatBytes(pieces), { level: LEVEL }));
    }
    const output: Bytes[] = [];
    await pipeline(
      this.#yielding(chunksOf(body)),
      zlib.createGzip({ level: LEVEL, chunkSize: CHUNK_BYTES }),
      async (compressed: AsyncIterable<Bytes>) => {
        for await (const piece of compressed) output.push(piece);
      },
    );
    return concatBytes(output);
  }

  async *#yielding(pieces: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
    let count = 0;
    for await (const piece of pieces) {
      yield piece;
      if (++count % CHUNKS_PER_YIELD === 0) await this.#yielder.ifDue;
    }
  }
}

/** What a read sends. */
type CompressibleBody = Bytes | Blob | SliceBody;

function lengthOf(body: CompressibleBody): number {
  return isSliceBody(body)
    ? body.before.length + bodyLength(body.slice) + body.after.length
    : bodyLength(body);
}

async function* chunksOf(body: CompressibleBody): AsyncGenerator<Bytes> {
  if (isSliceBody(body)) return yield* chunksOfSlice(body);
  for (let at = 0; at < bodyLength(body); at += CHUNK_BYTES) {
    yield body instanceof Uint8Array
      ? body.subarray(at, at + CHUNK_BYTES)
      : new Uint8Array(await body.slice(at, at + CHUNK_BYTES).arrayBuffer());
  }
}

function* chunksOfSlice({ before, slice, after }: SliceBody): Generator<Bytes> {
  const { file, start, end } = slice;
  try {
    for (let at = start; at < end;) {
      const next = Math.min(end, at + CHUNK_BYTES);
      const head = at === start ? before : "";
      const tail = next === end ? after : "";
      const piece = new Uint8Array(head.length + next - at + tail.length);
      piece.set(encodeUtf8(head));
      readWhole(file, piece.subarray(head.length, head.length + next - at), at);
      piece.set(encodeUtf8(tail), piece.length - tail.length);
      yield piece;
      at = next;
    }
  } finally {
    slice.release();
  }
}

function readWhole(file: SendableFile, buffer: Bytes, position: number): void {
  for (let at = 0; at < buffer.length;) {
    const length = file.readSync(buffer.subarray(at), position + at);
    if (length === 0) {
      throw new Error(`${file.path} ends at ${position + at}, before what is sent of it does.`);
    }
    at += length;
  }
}
