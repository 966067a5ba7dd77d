import type { FileSlice } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { TailBuffer } from "./tail_buffer.ts";

const PIECE_BYTES = 64 * 1024;
const MOST_SPARE = 64;

/**
 * What isn't in use of the memory that copies are made in, again and again: 64 KiB made anew for each read
 * cost Deno more than all else about it.
 */
const spare: Bytes[] = [];

/** A copy of some of a stream's newest bytes, for a socket to take as it takes a part of a file. */
export function tailSlice(buffer: TailBuffer, from: number, to: number): FileSlice {
  const copy: Bytes[] = [];
  for (let at = from; at < to; at += PIECE_BYTES) {
    const piece = spare.pop() ?? new Uint8Array(PIECE_BYTES);
    buffer.copyInto(to - at < PIECE_BYTES ? piece.subarray(0, to - at) : piece, at);
    copy.push(piece);
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
        const piece = copy.pop();
        if (piece !== undefined) spare.push(piece);
      }
      copy.length = 0;
    },
  };
}

function read(copy: readonly Bytes[], into: Bytes, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const piece = copy[Math.floor((position + done) / PIECE_BYTES)];
    if (piece === undefined) break;
    const start = (position + done) % PIECE_BYTES;
    const part = piece.subarray(start, Math.min(PIECE_BYTES, start + length - done));
    into.set(part, done);
    done += part.length;
  }
  return done;
}
