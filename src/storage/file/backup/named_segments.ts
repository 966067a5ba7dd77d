import type { CatalogCopy, SegmentRow } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";
import { type CopiedRecords, forEachRecord, isNew } from "./logged_records.ts";

const PAGE_ROWS = 500;
const NONE: readonly SegmentRow[] = [];

/** A segment whose files belong to a backup. */
export interface NamedSegment {
  readonly row: SegmentRow;
  /** Whether the segment is followed by another: nothing is written to it any more. */
  readonly isSealed: boolean;
}

/** What a backup has of a stream beside its row. */
export interface HeldByStream {
  readonly segments: readonly NamedSegment[];
  /** Reads its blocks in the catalogue, and tells how many there are; damaged ones are told and aren't any. */
  countBlocks(): number;
}

/**
 * What each stream whose row can be read has, in the order of their ids: the segments are those of the rows,
 * and those that compactions have made since, by records which a start applies to the rows.
 */
export function* segmentsByStream(
  copied: CopiedRecords,
  damaged: { add(text: string): void },
): Generator<HeldByStream> {
  const { catalog } = copied;
  const compacted = compactedSegments(copied);
  for (let after = 0;;) {
    const { rows, lastId } = catalog.rowsAfter(after, PAGE_ROWS);
    if (lastId === undefined) return;
    for (const { id } of rows) {
      const segments = storedSegments(catalog, id, damaged);
      if (segments === undefined) continue;
      for (const row of compacted.get(id)?.values() ?? NONE) segments.push({ row, isSealed: true });
      yield { segments, countBlocks: () => countBlocks(catalog, id, damaged) };
    }
    after = lastId;
  }
}

function storedSegments(
  catalog: CatalogCopy,
  id: number,
  damaged: { add(text: string): void },
): NamedSegment[] | undefined {
  try {
    const rows = catalog.segments(id);
    return rows.map((row, i) => ({ row, isSealed: i < rows.length - 1 }));
  } catch (error) {
    if (!isDamage(error)) throw error;
    damaged.add(error.message);
    return undefined;
  }
}

function countBlocks(
  catalog: CatalogCopy,
  id: number,
  damaged: { add(text: string): void },
): number {
  try {
    return catalog.blocks(id).length;
  } catch (error) {
    if (!isDamage(error)) throw error;
    damaged.add(error.message);
    return 0;
  }
}

/** What compactions have left that aren't in the rows yet: by streams' ids, then by their bases. */
function compactedSegments(copied: CopiedRecords): Map<number, Map<number, SegmentRow>> {
  const { catalog } = copied;
  const found = new Map<number, Map<number, SegmentRow>>();
  forEachRecord(copied, (record, lsn) => {
    if (record.kind !== "compaction" || !isNew(catalog, record.id, lsn)) return;
    const { id } = record;
    const segments = found.get(id) ?? new Map<number, SegmentRow>();
    for (const { base } of record.old) segments.delete(base);
    for (const segment of record.segments) {
      segments.set(segment.base, { streamId: id, ...segment });
    }
    found.set(id, segments);
  });
  return found;
}
