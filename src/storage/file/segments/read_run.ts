import type { Bytes } from "../../../protocol/bytes.ts";
import { mapAwaitable } from "../../map_awaitable.ts";
import { checkBlocks, entryAt } from "./block_check.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import type { BlockRun } from "./index_reader.ts";
import type { OpenSegment } from "./open_segments.ts";

/** Where in its segment's file a run of blocks is. */
export interface RunBounds {
  readonly start: number;
  readonly end: number;
}

/** Where a run is. */
export function boundsOf(run: BlockRun, { base }: SegmentRow): RunBounds {
  return { start: entryAt(run, run.first).filePosition, end: entryAt(run, run.last).end - base };
}

/**
 * Reads a run of blocks and checks them: at once where they are warm.
 *
 * @param bytes what they are read into, of their length
 * @throws {StreamError} `damaged`
 * @throws {FileSystemError}
 */
export function readRun(
  { log, warm }: OpenSegment,
  segment: SegmentRow,
  run: BlockRun,
  { start, end }: RunBounds,
  bytes: Bytes,
  nowMs: number,
): void | Promise<void> {
  const wasWarm = warm.isWarm(start, end, nowMs);
  return mapAwaitable(wasWarm ? log.readSync(bytes, start) : log.read(bytes, start), (length) => {
    checkBlocks(log.path, segment, run, part(bytes, 0, length));
    warm.use(start, end, nowMs);
  });
}

/** Most often that is all of them: a view of an array that has none yet costs Bun half a microsecond. */
export function part(bytes: Bytes, start: number, end: number): Bytes {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
