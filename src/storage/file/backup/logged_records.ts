import { join } from "node:path";
import type { FileSystem } from "../../../env/file_system.ts";
import type { LogRecord } from "../../records.ts";
import { type CatalogCopy, isLookUpFailure } from "../catalog/catalog.ts";
import { withWindow } from "../directory/file_window.ts";
import { LOG_HEADER_BYTES, logSeed } from "../wal/format.ts";
import { findLogEnd } from "../wal/log_end.ts";
import { walkLog, walkRecords } from "../wal/log_walk.ts";
import { LOG_WINDOW_BYTES, readLogHeader } from "../wal/reader.ts";

/** A log that was copied with a catalogue. */
export interface CopiedRecords {
  readonly fileSystem: FileSystem;
  /** Where the log is. */
  readonly folder: string;
  /** Its files, in their order. */
  readonly names: readonly string[];
  readonly catalog: CatalogCopy;
}

/** Goes over the log's records that came after the catalogue's last checkpoint, in their order. */
export function forEachRecord(
  { fileSystem, folder, names, catalog }: CopiedRecords,
  onRecord: (record: LogRecord, lsn: number) => void,
): void {
  for (const name of names) {
    const { path, header } = readLogHeader(fileSystem, join(folder, name));
    withWindow(fileSystem, path, (window) => {
      const parts = walkLog(window, logSeed(header), LOG_HEADER_BYTES);
      const start = { filePosition: LOG_HEADER_BYTES, lsn: header.firstLsn };
      for (const batch of findLogEnd(parts, start)) {
        for (const { lsn, record } of walkRecords(window, batch)) {
          if (record !== undefined && lsn > catalog.state.lsn) onRecord(record, lsn);
        }
      }
    }, LOG_WINDOW_BYTES);
  }
}

/** Whether a stream's row doesn't include a record. */
export function isNew(catalog: CatalogCopy, id: number, lsn: number): boolean {
  try {
    return lsn > (catalog.byId(id)?.lsn ?? 0);
  } catch (error) {
    if (isLookUpFailure(error)) return true;
    throw error;
  }
}
