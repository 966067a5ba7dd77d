import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { FileSystem } from "../../env/file_system.ts";
import type { Catalog } from "./catalog.ts";
import { nextTurn } from "../next_turn.ts";
import { parseSegmentName } from "./paths.ts";
import type { StreamTable } from "./stream_table.ts";

const logger = getLogger(["durable-streams", "storage", "sweep"]);

/**
 * Removes segment files that no row knows: what a crash left between a deletion's commit and the removal
 * of its files. Goes folder by folder, and lets others run in between.
 *
 * @param nextId as recovered at the start; later streams are none of this sweep's business
 */
export async function sweepSegments(
  fileSystem: FileSystem,
  folder: string,
  catalog: Catalog,
  table: StreamTable,
  nextId: number,
  isStopped: () => boolean,
): Promise<void> {
  let removed = 0;
  for (const name of fileSystem.list(folder) ?? []) {
    for (const file of fileSystem.list(join(folder, name)) ?? []) {
      const segment = parseSegmentName(file);
      if (segment === undefined || segment.streamId >= nextId) continue;
      // Looked up right before the removal: nothing can come between.
      if (table.isKnown(segment.streamId) || catalog.byId(segment.streamId) !== undefined) continue;
      fileSystem.remove(join(folder, name, file));
      removed++;
    }
    await nextTurn();
    if (isStopped()) return;
  }
  if (removed > 0) logger.info("Removed {removed} files of deleted streams.", { removed });
}
