import type { Bytes } from "../protocol/bytes.ts";

/**
 * Little-endian numbers in what storages keep. 64-bit ones are whole numbers up to 2^53-1, written as two
 * halves: a BigInt would cost an allocation for each number.
 */
const HIGH = 0x1_0000_0000;

/** Writes `value` as an unsigned 64-bit number. */
export function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % HIGH, true);
  view.setUint32(at + 4, Math.floor(value / HIGH), true);
}

/** Reads an unsigned 64-bit number; above 2^53-1 it isn't exact, and none of ours is. */
export function getU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * HIGH;
}

/** A view of the same bytes. */
export function viewOf(bytes: Bytes): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
