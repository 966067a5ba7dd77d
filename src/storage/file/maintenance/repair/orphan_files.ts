import { join } from "node:path";
import { parseSegmentName, segmentPaths } from "../../directory/paths.ts";
import type { RepairCatalog } from "./catalog.ts";
import type { RepairScope } from "./scope.ts";

/** Moves away the segment files that no row names, and so are nobody's. */
export async function moveOrphans(scope: RepairScope, catalog: RepairCatalog): Promise<void> {
  const { fileSystem, paths, quarantine, report } = scope;
  const segment = catalog.database.prepare(
    "SELECT 1 AS found FROM segment WHERE stream_id = ? AND base = ?",
  );
  for (const folder of (fileSystem.list(paths.segments) ?? []).sort()) {
    for (const name of (fileSystem.list(join(paths.segments, folder)) ?? []).sort()) {
      const parsed = parseSegmentName(name);
      const path = join(paths.segments, folder, name);
      if (parsed === undefined) continue;
      const { streamId, base } = parsed;
      const right = Object.values(segmentPaths(paths.segments, streamId, base)).includes(path);
      if (right && segment.get(streamId, base) !== undefined) continue;
      await quarantine.moveAside(path);
      report({
        outcome: "repaired",
        path,
        message: "moved away: no row of the catalogue names it",
        stream: { id: streamId, name: catalog.rowOf(streamId)?.name },
      });
    }
  }
}

/** An id greater than that of any segment's file. */
export function nextFileId({ fileSystem, paths }: RepairScope): number {
  let next = 1;
  for (const folder of fileSystem.list(paths.segments) ?? []) {
    for (const name of fileSystem.list(join(paths.segments, folder)) ?? []) {
      const id = parseSegmentName(name)?.streamId ?? 0;
      if (Number.isSafeInteger(id)) next = Math.max(next, id + 1);
    }
  }
  return next;
}
