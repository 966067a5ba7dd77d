import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { FileSystem } from "../../../env/file_system.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { Catalog, SegmentRow } from "../catalog/catalog.ts";
import type { DirectoryPins } from "../directory/pins.ts";
import type { Throttle } from "../wal/throttle.ts";
import { parseSegmentName, type SegmentName } from "../directory/paths.ts";
import type { StreamCache } from "./stream_cache.ts";

const logger = getLogger(["durable-streams", "storage", "sweep"]);

/** So many files are looked at before others run. */
const SLICE_FILES = 256;
/** Of a file's name, for its stream. */
const STREAM_DIGITS = 16;
/** Of the log between two slices. */
const BATCHES_BETWEEN_SLICES = 2;

/** What a sweep works on. */
export interface OrphanSweepParts {
  fileSystem: FileSystem;
  /** Where the segments are. */
  folder: string;
  catalog: Pick<Catalog, "byId" | "segmentAt">;
  cache: Pick<StreamCache, "isKnown" | "changedSegments">;
  throttle: Throttle;
  /** As recovered at the start; later streams are none of this sweep's business. */
  nextId: number;
  /** While a backup runs nothing is removed: the next start finds it. */
  pins: Pick<DirectoryPins, "isHeld">;
  isStopped(): boolean;
}

/**
 * Removes segment files that no row knows: what a crash left of streams that are deleted or of segments
 * that were written anew, and what couldn't be removed before. To be run once at every start, after the first checkpoint where the log
 * held anything. Goes folder by folder, and lets others run in between.
 */
export async function sweepOrphans(parts: OrphanSweepParts): Promise<void> {
  const { fileSystem, folder, throttle } = parts;
  let removed = 0;
  for (const name of fileSystem.list(folder) ?? []) {
    const files = fileSystem.list(join(folder, name)) ?? [];
    const rewritten = new Set(files.filter(isRewritten).map(streamPart));
    for (let at = 0; at < files.length; at += SLICE_FILES) {
      removed += sweepSlice(parts, name, files.slice(at, at + SLICE_FILES), rewritten);
      await throttle.yieldFor(BATCHES_BETWEEN_SLICES);
      if (parts.isStopped()) return;
    }
  }
  if (removed > 0) logger.info("Removed {removed} files that no stream has any more.", { removed });
}

/** With nothing in between: what has no row has none when its files go. */
function sweepSlice(
  parts: OrphanSweepParts,
  name: string,
  files: readonly string[],
  rewritten: ReadonlySet<string>,
): number {
  const { fileSystem, folder, nextId, pins } = parts;
  const isThere = new Map<number, boolean>();
  let removed = 0;
  for (const file of files) {
    const segment = parseSegmentName(file);
    if (segment === undefined || segment.streamId >= nextId) continue;
    const id = segment.streamId;
    const found = isThere.get(id) ?? mayBeThere(parts, id);
    isThere.set(id, found);
    const isOrphan = !found || (rewritten.has(streamPart(file)) && isReplaced(parts, segment));
    if (!isOrphan || pins.isHeld("segments")) continue;
    fileSystem.remove(join(folder, name, file));
    removed++;
  }
  return removed;
}

/** Only streams with such files are looked at file by file: a replaced one has another in its place. */
function isRewritten(file: string): boolean {
  return (parseSegmentName(file)?.generation ?? 0) > 0;
}

function streamPart(file: string): string {
  return file.slice(0, STREAM_DIGITS);
}

/** Whether a segment of a stream that is there is one whose place another took, or that never took one's. */
function isReplaced({ cache, catalog }: OrphanSweepParts, segment: SegmentName): boolean {
  const { streamId, base, generation } = segment;
  const changed = cache.changedSegments(streamId);
  const isCurrent = (row: SegmentRow) => row.base === base && row.generation === generation;
  if (changed.some(isCurrent)) return false;
  let row: SegmentRow | undefined;
  try {
    row = catalog.segmentAt(streamId, base);
  } catch (error) {
    if (error instanceof StreamError) return false;
    throw error;
  }
  if (row !== undefined && isCurrent(row)) return false;
  // One that begins where no row's segment is may be the newest, which has no row yet.
  return generation > 0 || (row !== undefined && base < row.end);
}

function mayBeThere({ cache, catalog }: OrphanSweepParts, id: number): boolean {
  if (cache.isKnown(id)) return true;
  try {
    return catalog.byId(id) !== undefined;
  } catch (error) {
    // Its row is damaged, and says so to whoever asks for the stream.
    if (error instanceof StreamError) return true;
    throw error;
  }
}
