import type { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { FileSystem } from "../../../../env/file_system.ts";
import { parseSegmentName, segmentPaths } from "../../directory/paths.ts";

/** A file under `segments/`. */
export interface SegmentFile {
  readonly path: string;
  /** By its name; undefined where that is no segment's. */
  readonly segment: { readonly streamId: number; readonly base: number } | undefined;
}

/** The files under `segments/`, in the order of their paths. */
export function* segmentFiles(fileSystem: FileSystem, segments: string): Generator<SegmentFile> {
  for (const folder of (fileSystem.list(segments) ?? []).sort()) {
    for (const name of (fileSystem.list(join(segments, folder)) ?? []).sort()) {
      yield { path: join(segments, folder, name), segment: parseSegmentName(name) };
    }
  }
}

/** Those that no row of the catalogue names, or that are in another folder than that of their stream. */
export function* orphanFiles(
  fileSystem: FileSystem,
  segments: string,
  database: DatabaseSync,
): Generator<SegmentFile> {
  const row = database.prepare("SELECT 1 AS found FROM segment WHERE stream_id = ? AND base = ?");
  for (const file of segmentFiles(fileSystem, segments)) {
    const { path, segment } = file;
    const isNamed = segment !== undefined &&
      Object.values(segmentPaths(segments, segment.streamId, segment.base)).includes(path) &&
      row.get(segment.streamId, segment.base) !== undefined;
    if (!isNamed) yield file;
  }
}
