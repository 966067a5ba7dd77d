import type { Bytes } from "../../../protocol/bytes.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";
import type { CompactionRecord } from "../../records.ts";
import type { MeasuredRecord } from "./measured_record.ts";

/** The record of segments that were written anew (FORMAT.md, "records"). */

/** The first byte of one. */
export const COMPACTION = 8;

const HEAD_BYTES = 26;
const OLD_BYTES = 16;
const NEW_BYTES = 40;

/** Measures a record. */
export function measureCompaction({ id, atMs, old, segments }: CompactionRecord): MeasuredRecord {
  return {
    lengthBytes: HEAD_BYTES + old.length * OLD_BYTES + segments.length * NEW_BYTES,
    encode: (_into, view, at) => {
      view.setUint8(at, COMPACTION);
      view.setUint8(at + 1, 0);
      putU64(view, at + 2, id);
      putU64(view, at + 10, atMs);
      view.setUint32(at + 18, old.length, true);
      view.setUint32(at + 22, segments.length, true);
      let to = at + HEAD_BYTES;
      for (const { base, generation } of old) {
        putU64(view, to, base);
        putU64(view, to + 8, generation);
        to += OLD_BYTES;
      }
      for (const { base, end, bytes, blocks, generation } of segments) {
        putU64(view, to, base);
        putU64(view, to + 8, end);
        putU64(view, to + 16, bytes);
        putU64(view, to + 24, blocks);
        putU64(view, to + 32, generation);
        to += NEW_BYTES;
      }
    },
  };
}

/** The record in `bytes`, which have passed their checksum. */
export function decodeCompaction(bytes: Bytes): CompactionRecord {
  const view = viewOf(bytes);
  const oldCount = view.getUint32(18, true);
  const newAt = HEAD_BYTES + oldCount * OLD_BYTES;
  return {
    kind: "compaction",
    id: getU64(view, 2),
    atMs: getU64(view, 10),
    old: Array.from({ length: oldCount }, (_, i) => {
      const at = HEAD_BYTES + i * OLD_BYTES;
      return { base: getU64(view, at), generation: getU64(view, at + 8) };
    }),
    segments: Array.from({ length: view.getUint32(22, true) }, (_, i) => {
      const at = newAt + i * NEW_BYTES;
      return {
        base: getU64(view, at),
        end: getU64(view, at + 8),
        bytes: getU64(view, at + 16),
        blocks: getU64(view, at + 24),
        generation: getU64(view, at + 32),
      };
    }),
  };
}
