import type { Buffer } from "node:buffer";
import { BufferPool } from "../env/buffer_pool.ts";
import type { FileSlice } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { invariant } from "./invariant.ts";
import { recycledExtents } from "./recycled_extents.ts";
import type { TailBuffer, TailPart } from "./tail_buffer.ts";

const COPY_BYTES = 64 * 1024;
/** The copies' memory. */
const pool = new BufferPool(COPY_BYTES);

/**
 * Some of a stream's newest bytes where they lie, for a socket to take as it takes a part of a file. What
 * doesn't go out at once is copied: a slow client would keep an extent for a few bytes of it.
 */
export function tailSlice(buffer: TailBuffer, from: number, to: number): FileSlice {
  const parts = [...buffer.parts(from, to)];
  for (const { bytes } of parts) recycledExtents.hold(bytes.buffer);
  return {
    file: {
      path: "memory",
      readSync: (into, position) => {
        const length = Math.min(into.length, to - from - position);
        copyInto(into, length, parts, from + position);
        return length;
      },
      viewAt: (position, end) => viewAt(parts, from + position, from + end),
    },
    start: 0,
    end: to - from,
    copied: (start, end) => copyOf(parts, from + start, from + end),
    release() {
      // Emptied with that: an extent that was let go of twice could be lent while it is read.
      for (const { bytes } of parts.splice(0)) recycledExtents.release(bytes.buffer);
    },
  };
}

function viewAt(parts: readonly TailPart[], from: number, to: number): Bytes {
  for (const { start, bytes } of parts) {
    if (from >= start + bytes.length) continue;
    const end = Math.min(to - start, bytes.length);
    return start === from && end === bytes.length ? bytes : bytes.subarray(from - start, end);
  }
  invariant(false, "a slice that is read is held");
}

function copyInto(into: Bytes, length: number, parts: readonly TailPart[], from: number): void {
  for (let done = 0; done < length;) {
    const view = viewAt(parts, from + done, from + length);
    into.set(view, done);
    done += view.length;
  }
}

function copyOf(parts: readonly TailPart[], from: number, to: number): FileSlice {
  const copy: Buffer<ArrayBuffer>[] = [];
  for (let at = from; at < to; at += COPY_BYTES) {
    const memory = pool.take();
    copyInto(memory, Math.min(COPY_BYTES, to - at), parts, at);
    copy.push(memory);
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
      for (const memory of copy.splice(0)) pool.give(memory);
    },
  };
}

function read(copy: readonly Bytes[], into: Bytes, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const memory = copy[Math.floor((position + done) / COPY_BYTES)];
    if (memory === undefined) break;
    const start = (position + done) % COPY_BYTES;
    const part = memory.subarray(start, Math.min(COPY_BYTES, start + length - done));
    into.set(part, done);
    done += part.length;
  }
  return done;
}
