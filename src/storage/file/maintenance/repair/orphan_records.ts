import type { FileSystem } from "../../../../env/file_system.ts";
import { withWindow } from "../../directory/file_window.ts";
import { type WalkedBatch, walkRecords } from "../../wal/log_walk.ts";
import type { CatalogView } from "./catalog_view.ts";
import type { RepairedLogFile } from "./log_files.ts";

/** Ids of which the log has records, but which neither a row nor a record of it creates, nor deletes. */
export interface OrphanIds {
  readonly streams: readonly number[];
  readonly subscriptions: readonly number[];
}

/** The orphans among the records of the batches that stay. */
export function orphansOf(
  fileSystem: FileSystem,
  view: CatalogView,
  kept: readonly { file: RepairedLogFile; batch: WalkedBatch }[],
): OrphanIds {
  const streams = new Orphans((id) => view.rowOf(id) !== undefined);
  const subscriptions = new Orphans((id) => view.subscriptionOf(id) !== undefined);
  for (const file of new Set(kept.map(({ file }) => file))) {
    const batches = kept.filter((each) => each.file === file).map(({ batch }) => batch);
    withWindow(fileSystem, file.path, (window) => {
      for (const batch of batches) {
        for (const { lsn, record } of walkRecords(window, batch)) {
          if (record === undefined || lsn <= view.lsn) continue;
          if (record.kind === "create") streams.create(record.id);
          else if (record.kind === "delete") {
            for (const id of record.ids) record.soft ? streams.see(id) : streams.delete(id);
          } else if (record.kind !== "subscription") streams.see(record.id);
          else if (record.change.kind === "create") subscriptions.create(record.id);
          else if (record.change.kind === "delete") subscriptions.delete(record.id);
          else subscriptions.see(record.id);
        }
      }
    });
  }
  return { streams: streams.ids, subscriptions: subscriptions.ids };
}

/** Ids that were seen without a row and a creation before. */
class Orphans {
  readonly #hasRow: (id: number) => boolean;
  readonly #created = new Set<number>();
  readonly #ids = new Set<number>();

  constructor(hasRow: (id: number) => boolean) {
    this.#hasRow = hasRow;
  }

  get ids(): number[] {
    return [...this.#ids].sort((a, b) => a - b);
  }

  create(id: number): void {
    this.#created.add(id);
  }

  see(id: number): void {
    if (!this.#created.has(id) && !this.#hasRow(id)) this.#ids.add(id);
  }

  delete(id: number): void {
    this.#ids.delete(id);
  }
}
