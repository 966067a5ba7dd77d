import type { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { PREALLOCATING_NAME } from "../../wal/files.ts";
import { parseSegmentName, segmentPaths } from "../../directory/paths.ts";
import type { CheckScope } from "./scope.ts";
import type { Note } from "./finding.ts";

/** Files that belong to nothing: what a crash left, or what somebody put there. */
export function* leftOverFiles(scope: CheckScope, database: DatabaseSync): Generator<Note> {
  const { fileSystem, paths } = scope;
  if (fileSystem.list(paths.log)?.includes(PREALLOCATING_NAME)) {
    yield leftOver(
      join(paths.log, PREALLOCATING_NAME),
      "a log file that was being made; the next start removes it",
    );
  }
  const segment = database.prepare(
    "SELECT 1 AS found FROM segment WHERE stream_id = ? AND base = ?",
  );
  for (const folder of (fileSystem.list(paths.segments) ?? []).sort()) {
    for (const name of (fileSystem.list(join(paths.segments, folder)) ?? []).sort()) {
      const path = join(paths.segments, folder, name);
      const parsed = parseSegmentName(name);
      if (parsed !== undefined) {
        const { streamId, base } = parsed;
        const isAtItsPlace = Object.values(segmentPaths(paths.segments, streamId, base))
          .includes(path);
        if (isAtItsPlace && segment.get(streamId, base) !== undefined) continue;
      }
      yield leftOver(
        path,
        "no row of the catalogue names it; a crash left it, or it is none of ours",
      );
    }
  }
}

function leftOver(path: string, message: string): Note {
  return { kind: "left_over", path, position: 0, message };
}
