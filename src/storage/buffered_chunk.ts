import { type FileBodyKind, MIN_FILE_BODY_BYTES } from "../env/file_body.ts";
import { isMessageEnd } from "../protocol/json.ts";
import type { Chunk } from "./blocks.ts";
import { chunkBytes } from "./chunk_bytes.ts";
import type { Stream } from "./stream.ts";
import { tailSlice } from "./tail_slice.ts";

/** Shorter JSON is copied once more for its array's bracket: that is cheaper than a view of a new array. */
const MIN_BYTES_WITH_ROOM = 4096;

/** As `Blocks.readChunk`, of what the stream's buffer holds. */
export function readBuffered(
  { buffer, json }: Stream,
  from: number,
  limitBytes: number,
  to: number,
  kind?: FileBodyKind,
): Chunk | undefined {
  if (json && from > buffer.start) {
    const isBoundary = isMessageEnd(buffer.byteAt(from - 2), buffer.byteAt(from - 1));
    if (!isBoundary) return undefined;
  }
  const next = buffer.chunkEnd(from, limitBytes, to);
  if (kind === "slice" && next - from >= MIN_FILE_BODY_BYTES.slice) {
    return { data: tailSlice(buffer, from, next), next, isCut: next < to };
  }
  if (!json || next - from < MIN_BYTES_WITH_ROOM) {
    return { data: buffer.slice(from, next), next, isCut: next < to };
  }
  const data = chunkBytes(next - from, json);
  buffer.copyInto(data, from);
  return { data, next, isCut: next < to };
}
