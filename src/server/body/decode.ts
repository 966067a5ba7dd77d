import zlib from "node:zlib";
import { BodyBuffer } from "../../http/body_buffer.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import { zstdFrameAt } from "../../protocol/zstd_frame.ts";
import { type BodyLimits, bodyTooLarge } from "./limits.ts";
import type { ContentCoding } from "./content_coding.ts";
import type { Yielder } from "./yielder.ts";

/** This much is decoded at once, so that a bomb costs no more than this beyond the limit. */
const CHUNK_BYTES = 64 * 1024;

const CHUNKS_PER_YIELD = 4;

/** The memory of a decoder beside its input and output: zlib's window, and a chunk. */
const DECODER_BYTES = 2 * CHUNK_BYTES;

/** RFC 9659 §3: the most that a decoder has to keep. */
const MAX_WINDOW_BYTES = 8 * 1024 * 1024;

/** A decoder for each costs as much as a short append. */
const MAX_FRAMES = 1024;

/** The parts of a body reader that decoding needs. */
export interface DecodingParts {
  readonly limits: BodyLimits;
  readonly yielder: Yielder;
}

/**
 * Decodes a compressed body chunk by chunk: no more of it than one request may append, and counted,
 * together with the body itself, as incoming bodies are.
 *
 * @throws {StreamError} `undecodable_body`, `body_too_large`, `too_many_bodies`
 */
export async function decodeBody(
  body: Bytes,
  coding: ContentCoding,
  { limits, yielder }: DecodingParts,
): Promise<Bytes> {
  const { bytes: limitBytes, budget } = limits;
  let takenBytes = 0;
  const take = (bytes: number) => {
    budget.reserve(bytes);
    takenBytes += bytes;
  };
  const decoded = new BodyBuffer(limitBytes, take);
  let chunks = 0;
  try {
    take(body.length + DECODER_BYTES);
    for (const part of partsOf(body, coding)) {
      const decoder = decoderOf(coding);
      decoder.end(part);
      const output: AsyncIterable<Bytes> = decoder;
      for await (const chunk of output) {
        if (decoded.length + chunk.length > limitBytes) throw bodyTooLarge(limits);
        decoded.append(chunk, 0, chunk.length);
        if (++chunks % CHUNKS_PER_YIELD === 0) await yielder.ifDue;
      }
      if (decoder.bytesWritten < part.length) {
        throw new RangeError(`more follows its end, at byte ${decoder.bytesWritten}`);
      }
    }
    return decoded.whole();
  } catch (error) {
    throw error instanceof StreamError ? error : undecodable(coding, error);
  } finally {
    budget.release(takenBytes);
  }
}

function decoderOf(coding: ContentCoding) {
  switch (coding) {
    case "gzip":
      return zlib.createGunzip({ chunkSize: CHUNK_BYTES });
    case "deflate":
      return zlib.createInflate({ chunkSize: CHUNK_BYTES });
    case "zstd":
      return zlib.createZstdDecompress({ chunkSize: CHUNK_BYTES });
  }
}

/** The parts to decode one after the other: not every runtime's decoder of zstd goes on after a frame. */
function* partsOf(body: Bytes, coding: ContentCoding): Generator<Bytes> {
  if (coding !== "zstd") return yield body;
  let frames = 0;
  for (let at = 0; at < body.length;) {
    const { end, windowBytes, isSkippable } = zstdFrameAt(body, at);
    if (windowBytes > MAX_WINDOW_BYTES) {
      throw new RangeError(
        `its window has ${windowBytes} bytes, and at most ${MAX_WINDOW_BYTES} are taken`,
      );
    }
    if (++frames > MAX_FRAMES) throw new RangeError(`it has more than ${MAX_FRAMES} frames`);
    if (!isSkippable) yield body.subarray(at, end);
    at = end;
  }
}

function undecodable(coding: ContentCoding, cause: unknown): StreamError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StreamError(
    { code: "undecodable_body" },
    `The body is not valid ${coding}, as its Content-Encoding says: ${reason}.`,
    { cause },
  );
}
