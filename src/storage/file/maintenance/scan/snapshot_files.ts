import { join } from "node:path";
import type { FileSystem } from "../../../../env/file_system.ts";
import { parseSnapshotName } from "../../directory/paths.ts";

/** A file under `snapshots/`. */
export interface SnapshotFile {
  readonly path: string;
  /** By its name; undefined where that is no snapshot's. */
  readonly snapshot: { readonly streamId: number; readonly number: number } | undefined;
}

/** The files under `snapshots/`, in the order of their paths. */
export function* snapshotFiles(fileSystem: FileSystem, snapshots: string): Generator<SnapshotFile> {
  for (const folder of (fileSystem.list(snapshots) ?? []).sort()) {
    for (const name of (fileSystem.list(join(snapshots, folder)) ?? []).sort()) {
      yield { path: join(snapshots, folder, name), snapshot: parseSnapshotName(name) };
    }
  }
}
