import type { Catalog, SegmentRow } from "../catalog/catalog.ts";
import { type FileStream, hasNoSegment } from "./file_stream.ts";
import type { StreamCache } from "./stream_cache.ts";

/**
 * Lets go of a stream's bytes that nobody can read any more, neither its own readers nor those of its forks:
 * blocks in memory, and rows of blocks and whole segments, which go with the checkpoint that stores the
 * stream next. What is held is always one run of bytes up to the tail. To be called with nothing of the
 * stream being stored.
 */
export function releaseTrimmed(
  stream: FileStream,
  cache: Pick<StreamCache, "firstNeeded">,
  catalog: Pick<Catalog, "segments">,
): void {
  const first = cache.firstNeeded(stream);
  // Before anything goes: where it can't be looked up all stays, and what is held one run.
  const segments = hasNoSegment(stream) ? [] : segmentsOf(stream, catalog);
  const { buffer, rowBlocks } = stream;
  if (first >= buffer.end) buffer.drop();
  else if (first > buffer.start) buffer.dropBefore(buffer.blockStart(first));
  if (rowBlocks !== undefined && rowBlocks.after(first) !== rowBlocks) {
    stream.dropRowBlocks(Math.min(first, rowBlocks.end));
  }
  const old = segments.filter(({ end }) => end <= first);
  if (old.length > 0) {
    stream.replaceSegments(old, []);
    // Damaged ones stay when a segment takes the place of the others, and would be before those to come.
    if (rowBlocks === undefined) stream.dropRowBlocks(Math.min(first, buffer.start));
  }
  const { lastSegment } = stream;
  // What comes next follows no segment any more, and begins one.
  if (lastSegment !== undefined && (lastSegment.end <= first || lastSegment.end < buffer.start)) {
    stream.lastSegment = undefined;
  }
}

/** The segments that a stream has, as they are now. */
function segmentsOf(stream: FileStream, catalog: Pick<Catalog, "segments">): SegmentRow[] {
  const { changedSegments, replacedSegments } = stream;
  const gone = new Set(replacedSegments.map(({ base }) => base));
  const stored = stream.hasRow ? catalog.segments(stream.id) : [];
  return [
    ...stored.filter(({ base }) => !gone.has(base) && !changedSegments.has(base)),
    ...changedSegments.values(),
  ];
}
