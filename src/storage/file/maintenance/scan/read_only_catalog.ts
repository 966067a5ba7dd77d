import type { DatabaseSync } from "node:sqlite";
import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import type { FileSystem } from "../../../../env/file_system.ts";
import { openDatabase } from "../../directory/sqlite.ts";

/** A catalogue that is open for reading. */
export interface ReadOnlyCatalog {
  readonly database: DatabaseSync;
  close(): void;
}

/**
 * Opens a catalogue that nothing else uses so that none of its files is changed. The commits that a killed
 * server left in SQLite's own log are read with it; the `-shm` file that SQLite needs for that is removed at the end,
 * unless it was there.
 */
export function openReadOnlyCatalog(fileSystem: FileSystem, path: string): ReadOnlyCatalog {
  const names = fileSystem.list(dirname(path)) ?? [];
  const hasLog = names.includes(`${basename(path)}-wal`);
  const hadShared = names.includes(`${basename(path)}-shm`);
  // Without a log of its own SQLite would begin one.
  const mode = hasLog ? "mode=ro" : "mode=ro&immutable=1";
  const database = openDatabase(`${pathToFileURL(path)}?${mode}`);
  return {
    database,
    close() {
      database.close();
      if (!hadShared) fileSystem.remove(`${path}-shm`);
    },
  };
}
