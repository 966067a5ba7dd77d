import type { Clock } from "../../env/clock.ts";
import type { BodySink } from "../../http/handler.ts";
import { areTooShort, TOO_SHORT_CHUNKS } from "../../http/chunk_limit.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { Yielder } from "./yielder.ts";

/** The buffer for reading a stream that takes one: the stream's own may be 64 KiB for each byte. */
export const READ_BYTES = 16 * 1024;

const CHUNKS_PER_YIELD = 16;

/** This many short parts are taken however fast they come. */
const FREE_CHUNKS = 1024;
/** More are taken where they come as words are made: this many a second. */
const CHUNKS_PER_SECOND = 100;
/** Or where they cost nothing to speak of: a tenth of a millisecond each, or this all together. */
const CHEAP_MS = 500;
const CHEAP_CHUNKS_PER_SECOND = 10_000;
/** Parts are short where they have less than this on average. */
const SHORT_BYTES = 64;

const TOO_COSTLY =
  `The body comes in more than ${FREE_CHUNKS} chunks of less than ${SHORT_BYTES} bytes on average, and in ` +
  `more than ${CHUNKS_PER_SECOND} a second: gather what is sent into longer ones.`;

/** A stream isn't cancelled before the response has gone: Deno would read the rest of it first. */
const CANCEL_AFTER_MS = 1000;

/** Reads a stream, part by part. */
interface ChunkReader {
  /** The next part, until one more is asked for; `undefined` at the end. */
  next(): Promise<Bytes | undefined>;
  cancel(): Promise<void>;
}

/**
 * Hands a stream's parts to a sink, yielding to other requests.
 *
 * @returns a function that stops it
 */
export function pipeStream(
  stream: ReadableStream<Bytes>,
  sink: BodySink,
  { clock, yielder }: { clock: Clock; yielder: Yielder },
): () => void {
  const reader = readerOf(stream);
  const startedMs = clock.nowMs();
  let isStopped = false;
  const stop = () => {
    if (isStopped) return;
    isStopped = true;
    clock.setTimer(CANCEL_AFTER_MS, () => void reader.cancel().catch(() => {}));
  };
  const run = async () => {
    let parts = 0;
    let bytes = 0;
    for (let part = await reader.next(); part !== undefined; part = await reader.next()) {
      bytes += part.length;
      sink.write(part, 0, part.length);
      // By the sink, or by the time-out while it waited for a part.
      if (isStopped) return;
      if (++parts % CHUNKS_PER_YIELD !== 0) continue;
      if (areTooShort(parts, bytes)) {
        throw new StreamError({ code: "malformed_body" }, TOO_SHORT_CHUNKS);
      }
      if (parts > FREE_CHUNKS && parts * SHORT_BYTES > bytes) {
        checkCost(parts, clock.nowMs() - startedMs);
      }
      await yielder.ifDue;
    }
    sink.end();
  };
  run().catch((error: unknown) => {
    stop();
    sink.fail(error instanceof Error ? error : new Error(String(error)));
  });
  return stop;
}

/**
 * Deno 2.9 moves all that a client has sent ahead for each chunk that is read, so that a body of 12 MB of
 * short chunks would take it for half an hour.
 */
function checkCost(parts: number, elapsedMs: number): void {
  const perSecond = ((parts - FREE_CHUNKS) * 1000) / elapsedMs;
  if (
    elapsedMs < CHEAP_MS || perSecond <= CHUNKS_PER_SECOND || perSecond >= CHEAP_CHUNKS_PER_SECOND
  ) {
    return;
  }
  throw new StreamError({ code: "malformed_body" }, TOO_COSTLY);
}

function readerOf(stream: ReadableStream<Bytes>): ChunkReader {
  try {
    return new ByobReader(stream.getReader({ mode: "byob" }));
  } catch {
    // Not a stream of bytes: it gives what it has.
    return new DefaultReader(stream.getReader());
  }
}

/** Has the stream write into the same memory each time. */
class ByobReader implements ChunkReader {
  readonly #reader: ReadableStreamBYOBReader;
  #memory: Bytes = new Uint8Array(READ_BYTES);

  constructor(reader: ReadableStreamBYOBReader) {
    this.#reader = reader;
  }

  async next(): Promise<Bytes | undefined> {
    const { done, value } = await this.#reader.read(this.#memory);
    if (done) return undefined;
    this.#memory = new Uint8Array(value.buffer);
    return value;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

class DefaultReader implements ChunkReader {
  readonly #reader: ReadableStreamDefaultReader<Bytes>;

  constructor(reader: ReadableStreamDefaultReader<Bytes>) {
    this.#reader = reader;
  }

  async next(): Promise<Bytes | undefined> {
    const { done, value } = await this.#reader.read();
    return done ? undefined : value;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}
