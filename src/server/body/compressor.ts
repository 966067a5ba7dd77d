import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import type { Clock } from "../../env/clock.ts";
import { bodyLength, type SendableFile } from "../../env/file_body.ts";
import { isSliceBody, type SliceBody } from "../../http/handler.ts";
import { prefersGzip } from "../../protocol/accept_encoding.ts";
import { type Bytes, concatBytes, encodeUtf8 } from "../../protocol/bytes.ts";
import { isCompressibleType } from "../../protocol/content_type.ts";
import { Yielder } from "./yielder.ts";

/** Less isn't worth it: a packet takes it either way. */
const MIN_BYTES = 1024;

/** The others save a third more at two to four times the cost. */
const LEVEL = 1;

/** This much is compressed at once, which takes about half a millisecond. */
const CHUNK_BYTES = 128 * 1024;

const CHUNKS_PER_YIELD = 2;

/** While this much waits, readers get the bytes uncompressed: sooner, and at no cost. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

/**
 * Compresses responses, one after the other and in chunks, so that it takes neither this thread from other
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

  /** Whether a chunk is compressed for clients that accept it. */
  fits({ contentType, bytes }: { readonly contentType: string; readonly bytes: number }): boolean {
    return bytes >= MIN_BYTES && isCompressibleType(contentType);
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
   * The body in gzip. Releases a slice of a file.
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
      // A compressor in another thread costs a short body five times as much.
      const chunks: Bytes[] = [];
      for await (const chunk of chunksOf(body)) chunks.push(chunk);
      return new Uint8Array(zlib.gzipSync(concatBytes(chunks), { level: LEVEL }));
    }
    const output: Bytes[] = [];
    await pipeline(
      this.#yielding(chunksOf(body)),
      zlib.createGzip({ level: LEVEL, chunkSize: CHUNK_BYTES }),
      async (compressed: AsyncIterable<Bytes>) => {
        for await (const chunk of compressed) output.push(chunk);
      },
    );
    return concatBytes(output);
  }

  async *#yielding(chunks: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
    let count = 0;
    for await (const chunk of chunks) {
      yield chunk;
      if (++count % CHUNKS_PER_YIELD === 0) await this.#yielder.ifDue;
    }
  }
}

/** The body of a read. */
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
      const chunk = new Uint8Array(head.length + next - at + tail.length);
      chunk.set(encodeUtf8(head));
      readWhole(file, chunk.subarray(head.length, head.length + next - at), at);
      chunk.set(encodeUtf8(tail), chunk.length - tail.length);
      yield chunk;
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
