import type { Bytes } from "../../../protocol/bytes.ts";
import { isMessageEnd } from "../../../protocol/json.ts";
import type { Chunk } from "../../blocks.ts";
import { partitionPoint } from "../../partition_point.ts";

/** Some blocks of a stream in memory, read and checked together: short chunks of them are copied out. */
export class PrefetchedRange {
  /** Offset of its first byte. */
  readonly start: number;
  /** Offset after its last byte. */
  readonly end: number;
  readonly #bytes: Bytes;
  /** Offset after each block's last byte. */
  readonly #blockEnds: readonly number[];

  constructor(start: number, bytes: Bytes, blockEnds: readonly number[]) {
    this.start = start;
    this.end = start + bytes.length;
    this.#bytes = bytes;
    this.#blockEnds = blockEnds;
  }

  /** As `Blocks.readChunk`, for an offset in the range; the chunk never passes the range's end. */
  chunk(from: number, limitBytes: number, to: number, isJson: boolean): Chunk<Bytes> | undefined {
    if (isJson && from > this.start) {
      const at = from - this.start;
      if (!isMessageEnd(this.#bytes[at - 2], this.#bytes[at - 1])) return undefined;
    }
    const last = Math.min(to, this.end);
    const next = Math.min(last, this.#chunkEnd(from, limitBytes));
    return { data: this.#slice(from, next, isJson), next, isCut: next < last };
  }

  #chunkEnd(from: number, limitBytes: number): number {
    const block = Math.max(this.#blockOf(from), this.#blockOf(from + limitBytes) - 1);
    return this.#blockEnds[block] ?? this.end;
  }

  /** A copy; for JSON the byte before it, if there is one, comes before the copy: room for a bracket. */
  #slice(from: number, to: number, isJson: boolean): Bytes {
    const start = from - this.start;
    const end = to - this.start;
    return isJson && start > 0
      ? this.#bytes.slice(start - 1, end).subarray(1)
      : this.#bytes.slice(start, end);
  }

  /** How many blocks end at or before `offset`. */
  #blockOf(offset: number): number {
    return partitionPoint(
      this.#blockEnds.length,
      (block) => (this.#blockEnds[block] ?? 0) <= offset,
    );
  }
}
