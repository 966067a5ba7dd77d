import type { Buffer } from "node:buffer";
import { BufferPool } from "../env/buffer_pool.ts";
import type { FileSlice } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { TailBuffer } from "./tail_buffer.ts";

const EXTENT_BYTES = 64 * 1024;
/** The copies' memory. */
const pool = new BufferPool(EXTENT_BYTES);

/** A copy of some of a stream's newest bytes, for a socket to take as it takes a part of a file. */
export function tailSlice(buffer: TailBuffer, from: number, to: number): FileSlice {
  const copy: Buffer<ArrayBuffer>[] = [];
  for (let at = from; at < to; at += EXTENT_BYTES) {
    const extent = pool.take();
    buffer.copyInto(to - at < EXTENT_BYTES ? extent.subarray(0, to - at) : extent, at);
    copy.push(extent);
  }
  return {
    file: {
      path: "memory",
      readSync: (into, position) =>
        read(copy, into, Math.min(into.length, to - from - position), position),
    },
    start: 0,
    end: to - from,
    release() {
      // Emptied with that: memory that was given back twice would be lent to two.
      for (const extent of copy.splice(0)) pool.give(extent);
    },
  };
}

function read(copy: readonly Bytes[], into: Bytes, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const extent = copy[Math.floor((position + done) / EXTENT_BYTES)];
    if (extent === undefined) break;
    const start = (position + done) % EXTENT_BYTES;
    const part = extent.subarray(start, Math.min(EXTENT_BYTES, start + length - done));
    into.set(part, done);
    done += part.length;
  }
  return done;
}
