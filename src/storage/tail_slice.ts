import type { FileSlice } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { TailBuffer } from "./tail_buffer.ts";

const EXTENT_BYTES = 64 * 1024;
const MOST_SPARE = 64;

/**
 * What isn't in use of the memory that copies are made in, again and again: 64 KiB made anew for each read
 * cost Deno more than all else about it.
 */
const spare: Bytes[] = [];

/** A copy of some of a stream's newest bytes, for a socket to take as it takes a part of a file. */
export function tailSlice(buffer: TailBuffer, from: number, to: number): FileSlice {
  const copy: Bytes[] = [];
  for (let at = from; at < to; at += EXTENT_BYTES) {
    const extent = spare.pop() ?? new Uint8Array(EXTENT_BYTES);
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
      while (spare.length < MOST_SPARE && copy.length > 0) {
        const extent = copy.pop();
        if (extent !== undefined) spare.push(extent);
      }
      copy.length = 0;
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
