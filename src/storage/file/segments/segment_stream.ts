import type { Stream } from "../../stream.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import type { RowBlocks } from "./row_blocks.ts";

/** A stream as the readers and the writer of segments know it, with what they keep there. */
export interface SegmentStream extends Stream {
  /** The newest segment, if it has any; its bytes end where those in rows begin, or the buffer's. */
  lastSegment: SegmentRow | undefined;
  /** The older one that was read last: the next read is nearly always in it, and a look-up takes 50 µs. */
  readSegment: SegmentRow | undefined;
  /** Whether the newest segment's files were brought back to its row since the start. */
  segmentIsTrimmed: boolean;
  /** Segments changed since the last checkpoint, by their base. */
  readonly changedSegments: ReadonlyMap<number, SegmentRow>;
  /** Segments that are gone or that others have taken the place of, and whose rows may be there yet. */
  readonly replacedSegments: readonly SegmentRow[];
  /** The whole blocks that lie in the catalogue's rows, if any do; they end where the buffer begins. */
  rowBlocks: RowBlocks | undefined;
  /** The segment is to be stored with the next checkpoint. */
  markSegment(segment: SegmentRow): void;
  /** Rows of blocks that end at or before an offset go with the next checkpoint. */
  dropRowBlocks(before: number): void;
}
