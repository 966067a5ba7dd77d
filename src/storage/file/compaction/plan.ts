import type { SegmentRow } from "../catalog/catalog.ts";

/** What one compaction of a stream reads. */
export interface CompactionPlan {
  /** The segments that are written anew, oldest first. */
  readonly segments: readonly SegmentRow[];
  /** How many of them, the first ones, have no older message of any key in them: they were compacted before. */
  readonly cleanCount: number;
  /** Whether nothing that can be read comes before them. */
  readonly isFromStart: boolean;
}

/** What a plan is made of. */
export interface PlanParts {
  /** The stream's segments as the catalogue has them, oldest first. */
  readonly segments: readonly SegmentRow[];
  /** Offset of the first byte that can be read. */
  readonly start: number;
  /** What lies before this stays as it is: forks read it. */
  readonly protectedUpTo: number;
  /** What lies from here on isn't sealed yet. */
  readonly sealedUpTo: number;
}

/**
 * Which segments a compaction writes anew; `undefined` where that isn't worth it: there have to be half as
 * many new bytes as compacted ones, or each new segment would cost all of the stream.
 */
export function planCompaction(
  { segments, start, protectedUpTo, sealedUpTo }: PlanParts,
): CompactionPlan | undefined {
  const chosen = segments.filter(({ base, end }) => base >= protectedUpTo && end <= sealedUpTo);
  const found = chosen.findIndex(({ generation }) => generation === 0);
  if (found < 0) return undefined;
  const cleanBytes = sumOf(chosen.slice(0, found));
  const dirtyBytes = sumOf(chosen.slice(found));
  if (dirtyBytes * 2 < cleanBytes) return undefined;
  const isFromStart = (chosen[0]?.base ?? Infinity) <= start;
  return { segments: chosen, cleanCount: found, isFromStart };
}

function sumOf(segments: readonly SegmentRow[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}
