import type { FileSystem } from "../../../../env/file_system.ts";
import { withWindow } from "../../directory/file_window.ts";
import { type WalkedBatch, walkRecords } from "../../wal/log_walk.ts";
import type { CatalogView } from "./catalog_view.ts";
import type { RepairedLogFile } from "./log_files.ts";

/** Ids of which the log has records, but which neither a row nor a record of it creates, nor deletes. */
export function orphansOf(
  fileSystem: FileSystem,
  view: CatalogView,
  kept: readonly { file: RepairedLogFile; batch: WalkedBatch }[],
): number[] {
  const created = new Set<number>();
  const orphans = new Set<number>();
  const seen = (id: number) => {
    if (!created.has(id) && view.rowOf(id) === undefined) orphans.add(id);
  };
  for (const file of new Set(kept.map(({ file }) => file))) {
    const batches = kept.filter((each) => each.file === file).map(({ batch }) => batch);
    withWindow(fileSystem, file.path, (window) => {
      for (const batch of batches) {
        for (const { lsn, record } of walkRecords(window, batch)) {
          if (record === undefined || lsn <= view.lsn) continue;
          if (record.kind === "create") created.add(record.id);
          else if (record.kind === "append" || record.soft) {
            for (const id of record.kind === "append" ? [record.id] : record.ids) seen(id);
          } else for (const id of record.ids) orphans.delete(id);
        }
      }
    });
  }
  return [...orphans].sort((a, b) => a - b);
}
