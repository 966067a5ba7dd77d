import type { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { FileSystem } from "../../../../env/file_system.ts";
import { parseSegmentName, type SegmentName, segmentPaths } from "../../directory/paths.ts";

/** A file under `segments/`. */
export interface SegmentFile {
  readonly path: string;
  /** By its name; undefined where that is no segment's. */
  readonly segment: SegmentName | undefined;
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
  const row = database.prepare(
    "SELECT 1 AS found FROM segment WHERE stream_id = ? AND base = ? AND generation = ?",
  );
  for (const file of segmentFiles(fileSystem, segments)) {
    const { path, segment } = file;
    const isNamed = segment !== undefined &&
      Object.values(pathsOf(segments, segment)).includes(path) &&
      row.get(segment.streamId, segment.base, segment.generation) !== undefined;
    if (!isNamed) yield file;
  }
}

function pathsOf(segments: string, { streamId, base, generation }: SegmentName) {
  return segmentPaths(segments, streamId, base, generation);
}
