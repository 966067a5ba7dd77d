import { Buffer } from "node:buffer";
import type { Bytes } from "../protocol/bytes.ts";

/** Bun keeps such short arrays without a buffer, and to make them one takes longer than a copy. */
const COPY_LIMIT_BYTES = 1000;

/** Input as a buffer of the same bytes. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A part of the input: a short one is sooner copied than viewed in place. */
export function partOf(input: Buffer, start: number, end: number): Bytes {
  const length = end - start;
  if (length > COPY_LIMIT_BYTES) {
    const { buffer, byteOffset } = input;
    if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset + start, length);
  }
  const copy = new Uint8Array(length);
  input.copy(copy, 0, start, end);
  return copy;
}
