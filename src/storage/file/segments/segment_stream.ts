import type { Stream } from "../../stream.ts";
import type { SegmentRow } from "../catalog/catalog.ts";

/** What reading and writing segments knows of a stream, and keeps with it. */
export interface SegmentStream extends Stream {
  /** The newest segment, if it has any; its bytes end where the buffer's begin. */
  lastSegment: SegmentRow | undefined;
  /** The older one that was read last: who reads on is nearly always in it, and a look-up takes 50 µs. */
  readSegment: SegmentRow | undefined;
  /** Whether the newest segment's files were brought back to its row since the start. */
  segmentIsTrimmed: boolean;
  /** Segments changed since the last checkpoint, by their base. */
  readonly changedSegments: ReadonlyMap<number, SegmentRow>;
  /** The segment is to be stored with the next checkpoint. */
  markSegment(segment: SegmentRow): void;
}
