import type { Bytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { isMessageEnd } from "../../../protocol/json.ts";
import type { Chunk } from "../../blocks.ts";
import { chunkBytes } from "../../chunk_bytes.ts";
import type { BlockRow, Catalog } from "../catalog/catalog.ts";
import { damagedRead, isDamage } from "../directory/damage.ts";
import type { RowBlocks } from "./row_blocks.ts";
import type { SegmentStream } from "./segment_stream.ts";

/** The result where the rows are gone by now: what they held is in a segment, or was trimmed or deleted. */
export const MOVED = Symbol("moved");

/** Reads what of small streams lies in the catalogue's rows; each row is checked on its way out. */
export class RowBlockReader {
  readonly #catalog: Pick<Catalog, "blocks">;

  constructor(catalog: Pick<Catalog, "blocks">) {
    this.#catalog = catalog;
  }

  /**
   * As `Blocks.readChunk`, for an offset that is in a row.
   *
   * @throws {StreamError} `damaged`, with all that the stream has in rows as its range
   */
  readChunk(
    stream: SegmentStream,
    rowBlocks: RowBlocks,
    from: number,
    limitBytes: number,
    upTo: number,
  ): Chunk | undefined | typeof MOVED {
    const rows = rowsOf(this.#catalog, stream, rowBlocks).filter(({ end }) => end > from);
    const first = rows[0];
    if (first === undefined || first.base > from) return MOVED;
    const to = Math.min(upTo, rowBlocks.end);
    const at = from - first.base;
    if (stream.json && at > 0 && !isMessageEnd(first.body[at - 2], first.body[at - 1])) {
      return undefined;
    }
    const next = chunkEnd(rows, from, limitBytes, to);
    const data = chunkBytes(next - from, stream.json);
    for (const { base, body } of rows) {
      if (base >= next) break;
      const start = Math.max(from, base);
      data.set(body.subarray(start - base, next - base), start - from);
    }
    return { data, next, isCut: next < to };
  }
}

/**
 * A small stream's rows, as its memory has them; none where they are gone by now.
 *
 * @throws {StreamError} `damaged`
 */
export function rowsOf(
  catalog: Pick<Catalog, "blocks">,
  { id }: Pick<SegmentStream, "id">,
  { start, end, blocks }: RowBlocks,
): BlockRow[] {
  let rows: BlockRow[];
  try {
    rows = catalog.blocks(id).filter((row) => row.end > start && row.base < end);
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw new StreamError({ code: "damaged", range: { start, end } }, error.message);
  }
  // What is trimmed meanwhile goes from the front: the others are there still, or all are elsewhere.
  const missing = blocks.length - rows.length;
  const asExpected = rows.every((row, index) => row.end === blocks[missing + index]?.end);
  if (rows.length === 0 || asExpected) return rows;
  throw damagedRead({
    path: `catalog.sqlite, stream ${id}`,
    filePosition: 0,
    expected: `blocks up to ${blocks.map((block) => block.end).join(", ")}`,
    found: rows.map((row) => row.end).join(", "),
  }, { start, end });
}

/** The rows' bytes from one block's bound to another's, where they lie. */
export function* rowParts(
  rows: readonly BlockRow[],
  from: number,
  to: number,
): Generator<{ start: number; bytes: Bytes }> {
  for (const { base, end, body } of rows) {
    if (base >= from && end <= to) yield { start: base, bytes: body };
  }
}

/** As `TailBuffer.chunkEnd`. */
function chunkEnd(rows: readonly BlockRow[], from: number, limitBytes: number, to: number): number {
  if (to - from <= limitBytes) return to;
  const within = rows.findLast(({ end }) => end <= from + limitBytes);
  return Math.min(within?.end ?? rows[0]?.end ?? to, to);
}
