import { lockDirectory } from "./directory/lock.ts";
import { isPinTaken, takePin } from "./directory/pins.ts";
import {
  adoptSqliteCopy,
  openSqliteCopy,
  snapshotSqliteCatalog,
} from "./catalog/sqlite_snapshot.ts";
import {
  convertSqliteCatalog,
  createSqliteCatalog,
  isSqliteCatalogUsed,
  openSqliteCatalog,
} from "./catalog/sqlite_catalog.ts";
import type { CatalogDriver } from "./options.ts";

/** The catalogue and the locks of real directories. */
export const sqliteDriver: CatalogDriver = {
  lock: lockDirectory,
  create: createSqliteCatalog,
  convert: convertSqliteCatalog,
  isUsed: isSqliteCatalogUsed,
  open: openSqliteCatalog,
  pin: takePin,
  isPinned: isPinTaken,
  snapshot: snapshotSqliteCatalog,
  openCopy: openSqliteCopy,
  adopt: adoptSqliteCopy,
};
