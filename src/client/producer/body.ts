import { type Bytes, concatBytes, toBytes } from "../../protocol/bytes.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";

/**
 * What can be sent: text (as UTF-8), bytes, a `Blob`, or a stream of text and bytes. The last two are
 * read to their end before anything is sent, so that a request can be repeated and one that fails halfway
 * leaves nothing behind.
 */
export type Data =
  | string
  | ArrayBufferLike
  | ArrayBufferView
  | Blob
  | ReadableStream<string | ArrayBufferLike | ArrayBufferView>;

/** More of a stream isn't one request any more. */
const STREAM_LIMIT_BYTES = 64 * 1024 * 1024;
const ACCEPTED = "text, an ArrayBuffer or a view of one, a Blob or a ReadableStream of these";

/**
 * The bytes of what is to be sent, copied: the caller may use its buffer again at once.
 *
 * @param signal aborting it cancels a stream that is being read
 * @throws {ClientError} `invalid_argument` for anything that isn't {@link Data}
 */
export function toBody(data: Data, signal?: AbortSignal): Bytes | Promise<Bytes> {
  const content = contentOf(data, signal);
  return content instanceof Promise ? content : toBytes(content);
}

/**
 * What is to be sent as text or bytes, which are the caller's still; of a `Blob` or stream, when it is read.
 *
 * @param signal aborting it cancels a stream that is being read
 * @throws {ClientError} `invalid_argument` for anything that isn't {@link Data}
 */
export function contentOf(
  data: Data,
  signal?: AbortSignal,
): string | Uint8Array | Promise<Bytes> {
  const content = inMemory(data);
  if (content !== undefined) return content;
  if (data instanceof Blob || data instanceof ReadableStream) {
    const bytes = data instanceof Blob ? readBlob(data) : readAll(data, signal);
    // The call may fail of something else before it comes to this.
    bytes.catch(() => {});
    return bytes;
  }
  throw invalidArgument("The data", data, `${ACCEPTED}; a value goes as its JSON text`);
}

/** Text, or the bytes of a buffer or view; `undefined` for anything else. */
function inMemory(data: unknown): string | Uint8Array | undefined {
  if (typeof data === "string" || data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  return isBuffer(data) ? new Uint8Array(data) : undefined;
}

function isBuffer(data: unknown): data is ArrayBufferLike {
  // Pages that aren't isolated have no SharedArrayBuffer.
  return data instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer === "function" && data instanceof SharedArrayBuffer);
}

async function readBlob(blob: Blob): Promise<Bytes> {
  return new Uint8Array(await blob.arrayBuffer());
}

async function readAll(
  stream: ReadableStream<unknown>,
  signal: AbortSignal | undefined,
): Promise<Bytes> {
  const reader = stream.getReader();
  const onAbort = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", onAbort);
  const parts: Bytes[] = [];
  let length = 0;
  try {
    while (true) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      // What was cancelled ends like what is complete.
      signal?.throwIfAborted();
      if (done) return concatBytes(parts);
      const content = inMemory(value);
      if (content === undefined) {
        throw invalidArgument(
          "A chunk of the data",
          value,
          "text, an ArrayBuffer or a view of one",
        );
      }
      const bytes = toBytes(content);
      parts.push(bytes);
      length += bytes.length;
      if (length > STREAM_LIMIT_BYTES) {
        const expected =
          `at most ${STREAM_LIMIT_BYTES} bytes; writable() appends any amount in pieces`;
        throw invalidArgument("The data", stream, expected);
      }
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
