import type { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { PREALLOCATING_NAME } from "../../wal/files.ts";
import { orphanFiles } from "../scan/segment_files.ts";
import type { CheckScope } from "./scope.ts";
import type { Note } from "./finding.ts";
import type { LoggedStreams } from "./logged_streams.ts";

/** Files that belong to nothing: a crash left them, or somebody put them there. */
export function* leftOverFiles(
  scope: CheckScope,
  database: DatabaseSync,
  logged: LoggedStreams,
): Generator<Note> {
  const { fileSystem, paths } = scope;
  if (fileSystem.list(paths.log)?.includes(PREALLOCATING_NAME)) {
    yield leftOver(
      join(paths.log, PREALLOCATING_NAME),
      "a log file that was being made; the next start removes it",
    );
  }
  for (const { path, segment } of orphanFiles(fileSystem, paths.segments, database)) {
    if (segment !== undefined && logged.names(segment)) continue;
    yield leftOver(
      path,
      "no row of the catalogue names it; a crash left it, or it is none of ours",
    );
  }
}

function leftOver(path: string, message: string): Note {
  return { kind: "left_over", path, position: 0, message };
}
