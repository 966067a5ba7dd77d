import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { isLookUpFailure } from "../catalog/catalog.ts";
import { parseSnapshotName } from "../directory/paths.ts";
import type { FileSnapshots } from "./file_snapshots.ts";
import type { OrphanSweepParts } from "./orphan_sweep.ts";
import type { StreamCache } from "./stream_cache.ts";
import type { Catalog } from "../catalog/catalog.ts";

const logger = getLogger(["durable-streams", "storage", "sweep"]);

/** So many files are looked at before others run. */
const SLICE_FILES = 256;
/** Of the log between two slices. */
const BATCHES_BETWEEN_SLICES = 2;

/** What a sweep of snapshots works on. */
export interface SnapshotSweepParts extends Omit<OrphanSweepParts, "catalog" | "cache"> {
  catalog: Pick<Catalog, "snapshot">;
  cache: Pick<StreamCache, "loadedStream">;
  snapshots: Pick<FileSnapshots, "isWaiting">;
}

/**
 * Removes bodies of snapshots that neither a row nor a stream in memory names: what a crash left of those
 * whose record was never written, and what couldn't be removed before. As the sweep of segments.
 */
export async function sweepSnapshots(parts: SnapshotSweepParts): Promise<void> {
  const { fileSystem, folder, throttle } = parts;
  let removed = 0;
  for (const name of fileSystem.list(folder) ?? []) {
    const files = fileSystem.list(join(folder, name)) ?? [];
    for (let at = 0; at < files.length; at += SLICE_FILES) {
      for (const file of files.slice(at, at + SLICE_FILES)) {
        if (!isOrphan(parts, file)) continue;
        fileSystem.remove(join(folder, name, file));
        removed++;
      }
      await throttle.yieldFor(BATCHES_BETWEEN_SLICES);
      if (parts.isStopped()) return;
    }
  }
  if (removed > 0) logger.info("Removed {removed} files of snapshots.", { removed });
}

function isOrphan(parts: SnapshotSweepParts, file: string): boolean {
  const { nextId, catalog, cache, snapshots, pins } = parts;
  const found = parseSnapshotName(file);
  if (found === undefined || found.number >= nextId) return false;
  const { streamId, number } = found;
  if (cache.loadedStream(streamId)?.keptSnapshot?.number === number) return false;
  if (snapshots.isWaiting(streamId, number)) return false;
  try {
    return catalog.snapshot(streamId)?.number !== number && !pins.isHeld("segments");
  } catch (error) {
    // The row is damaged, and says so to whoever asks for the snapshot.
    if (isLookUpFailure(error)) return false;
    throw error;
  }
}
