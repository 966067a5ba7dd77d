import { deepEqual, equal } from "node:assert/strict";
import type { FileSlice } from "../../src/env/file_body.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { EXTENT_BYTES, recycledExtents } from "../../src/storage/recycled_extents.ts";
import { TailBuffer } from "../../src/storage/tail_buffer.ts";
import { tailSlice } from "../../src/storage/tail_slice.ts";

const LENGTH = 150_000;

function bytesFrom(seed: number): Bytes {
  return Uint8Array.from({ length: LENGTH }, (_, i) => (i + seed) % 251);
}

function bufferOf(bytes: Bytes): TailBuffer {
  const buffer = new TailBuffer(1000);
  buffer.append(bytes, [bytes.length], 1);
  return buffer;
}

function readAll({ file, start, end }: FileSlice, stepBytes: number): Bytes {
  const bytes = new Uint8Array(end - start);
  for (let at = start; at < end; at += stepBytes) {
    const into = bytes.subarray(at - start, Math.min(end, at + stepBytes) - start);
    equal(file.readSync(into, at), into.length);
  }
  return bytes;
}

Deno.test("a slice of the tail has its bytes, however they are read", () => {
  const bytes = bytesFrom(0);
  const buffer = bufferOf(bytes);
  for (
    const [from, to] of [[0, LENGTH], [1, 65_537], [70_000, 70_001], [65_536, 131_072]] as const
  ) {
    for (const stepBytes of [LENGTH, 65_536, 40_001]) {
      const slice = tailSlice(buffer, 1000 + from, 1000 + to);
      deepEqual(readAll(slice, stepBytes), bytes.slice(from, to));
      slice.release();
    }
  }
});

Deno.test("a slice of the tail ends where it was cut, whatever its memory has behind it", () => {
  const slice = tailSlice(bufferOf(bytesFrom(0)), 1000, 1010);
  equal(slice.file.readSync(new Uint8Array(20), 4), 6);
  slice.release();
});

Deno.test("a slice of the tail stays as it was, whatever becomes of the tail and of other slices", () => {
  const bytes = bytesFrom(0);
  const buffer = bufferOf(bytes);
  const kept = tailSlice(buffer, 1000, 1000 + LENGTH);
  buffer.dropBefore(1000 + LENGTH);
  const released = tailSlice(bufferOf(bytesFrom(1)), 1000, 1000 + LENGTH);
  released.release();
  // Memory that was let go of twice would be lent to two.
  released.release();
  const later = [2, 3].map((seed) => tailSlice(bufferOf(bytesFrom(seed)), 1000, 1000 + LENGTH));
  deepEqual(readAll(kept, LENGTH), bytes);
  deepEqual(later.map((slice) => readAll(slice, LENGTH)), [bytesFrom(2), bytesFrom(3)]);
  for (const slice of [kept, ...later]) slice.release();
});

Deno.test("an extent isn't used again while a slice of it is read, and is once none is", () => {
  while (recycledExtents.take() !== undefined);
  const fill = (value: number) => {
    const bytes = new Uint8Array(3 * EXTENT_BYTES).fill(value);
    const buffer = new TailBuffer(0);
    buffer.append(bytes, [bytes.length], 1);
    return buffer;
  };
  const buffer = fill(1);
  const slices = [0, 1].map(() => tailSlice(buffer, EXTENT_BYTES, 2 * EXTENT_BYTES));
  buffer.dropBefore(3 * EXTENT_BYTES);
  slices[0]?.release();
  slices[0]?.release();
  fill(2);
  equal(slices[1] && readAll(slices[1], EXTENT_BYTES).every((byte) => byte === 1), true);
  while (recycledExtents.take() !== undefined);
  slices[1]?.release();
  equal(recycledExtents.take()?.[0], 1);
  equal(recycledExtents.take(), undefined);
});

Deno.test("what is copied of a slice is its own, whatever becomes of the slice and of the tail", () => {
  const bytes = bytesFrom(0);
  const buffer = bufferOf(bytes);
  const slice = tailSlice(buffer, 1000, 1000 + LENGTH);
  const copies = [[0, LENGTH], [70_000, 150_000]].map(([start = 0, end = 0]) => ({
    start,
    end,
    copy: slice.copied?.(start, end),
  }));
  for (const { bytes } of buffer.parts(1000, 1000 + LENGTH)) bytes.fill(7);
  slice.release();
  for (const { start, end, copy } of copies) {
    deepEqual(copy && readAll(copy, 40_001), bytes.slice(start, end));
    copy?.release();
  }
});
