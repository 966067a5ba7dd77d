import { orphanFiles, segmentFiles } from "../scan/segment_files.ts";
import { snapshotFiles } from "../scan/snapshot_files.ts";
import type { RepairCatalog } from "./catalog.ts";
import type { RepairScope } from "./scope.ts";

/**
 * Moves away the segment files that no row names. Those of compactions stay where the stream is there: a
 * record of the log may name them, and a start removes those that none names.
 */
export async function moveOrphans(scope: RepairScope, catalog: RepairCatalog): Promise<void> {
  const { fileSystem, paths, quarantine, report } = scope;
  for (const { path, segment } of orphanFiles(fileSystem, paths.segments, catalog.database)) {
    if (segment === undefined) continue;
    const { streamId: id, generation } = segment;
    if (generation > 0 && catalog.rowOf(id) !== undefined) continue;
    await quarantine.moveAside(path);
    report({
      outcome: "repaired",
      path,
      message: "moved away: no row of the catalogue names it",
      stream: { id, name: catalog.rowOf(id)?.name },
    });
  }
}

/** An id greater than that of any segment's or snapshot's file, and than any snapshot's number. */
export function nextFileId({ fileSystem, paths }: RepairScope): number {
  let next = 1;
  for (const { segment } of segmentFiles(fileSystem, paths.segments)) {
    const id = segment?.streamId ?? 0;
    if (Number.isSafeInteger(id)) next = Math.max(next, id + 1);
  }
  for (const { snapshot } of snapshotFiles(fileSystem, paths.snapshots)) {
    const greatest = Math.max(snapshot?.streamId ?? 0, snapshot?.number ?? 0);
    if (Number.isSafeInteger(greatest)) next = Math.max(next, greatest + 1);
  }
  return next;
}
