import { type Bytes, concatBytes, toBytes } from "../../protocol/bytes.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";

/**
 * Data to send: text (as UTF-8), bytes, a `Blob`, or a stream of text and bytes. The last two are read to
 * their end before anything is sent, so that a request can be repeated, and reading that fails halfway
 * leaves nothing on the server.
 */
export type Data =
  | string
  | ArrayBufferLike
  | ArrayBufferView
  | Blob
  | ReadableStream<string | ArrayBufferLike | ArrayBufferView>;

/** The longest stream that is sent as one request. */
const STREAM_LIMIT_BYTES = 64 * 1024 * 1024;
const ACCEPTED = "text, an ArrayBuffer or a view of one, a Blob or a ReadableStream of these";

/**
 * A copy of the bytes to send: the caller may reuse its buffer at once.
 *
 * @param signal aborting it cancels a stream that is being read
 * @throws {ClientError} `invalid_argument` for anything that isn't {@link Data}
 */
export function toBody(data: Data, signal?: AbortSignal): Bytes | Promise<Bytes> {
  const content = contentOf(data, signal);
  return content instanceof Promise ? content : toBytes(content);
}

/**
 * The text or bytes to send, not copied; for a `Blob` or stream, a promise that resolves when it is read.
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
    // The call may fail for another reason before it awaits this.
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
      // A cancelled stream ends like a complete one.
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
