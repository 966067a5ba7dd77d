import type { DatabaseSync } from "node:sqlite";
import { basename, dirname, join } from "node:path";
import { encodeUtf8 } from "../../../../protocol/bytes.ts";
import { viewOf } from "../../../little_endian.ts";
import {
  CATALOG_HEADER_FIELDS,
  CATALOG_MAGIC,
  CATALOG_PAGE_BYTES,
} from "../scan/catalog_header.ts";
import { createSqliteCatalog } from "../../catalog/sqlite_catalog.ts";
import { SCHEMA, UPDATE_STATE } from "../../catalog/schema.ts";
import { openReadOnlyCatalog, type ReadOnlyCatalog } from "../scan/read_only_catalog.ts";
import { repairBlockRows } from "./block_rows.ts";
import { copyCatalog, newestRow, type StateFallback } from "./catalog_copy.ts";
import { CATALOG_TABLES, foundRows, integerOf, isSqliteError, textOf } from "../scan/table_rows.ts";
import type { CatalogView, RowView } from "./catalog_view.ts";
import { isThere } from "../scan/format.ts";
import { QUARANTINE_PREFIX } from "../../directory/quarantine.ts";
import { checkedValues } from "./row_values.ts";
import type { RepairScope } from "./scope.ts";
import { repairSegmentRows } from "./segment_rows.ts";
import { openDatabase } from "../../directory/sqlite.ts";

/** A new catalogue that is complete, but not in its place. */
const READY_NAME = "catalog-ready.sqlite";

/** A catalogue that a repair reads and changes. Nothing else has it open. */
export class RepairCatalog implements CatalogView {
  readonly #scope: RepairScope;
  #open: ReadOnlyCatalog;

  constructor(scope: RepairScope, open: ReadOnlyCatalog) {
    this.#scope = scope;
    this.#open = open;
  }

  /** For look-ups. */
  get database(): DatabaseSync {
    return this.#open.database;
  }

  get uuid(): string {
    return textOf(this.#state.uuid) ?? "";
  }

  get lsn(): number {
    return integerOf(this.#state.position);
  }

  get newestLsn(): number {
    return newestRow(this.database).position;
  }

  rowOf(id: number): RowView | undefined {
    return this.#rowOf("stream", id);
  }

  subscriptionOf(id: number): RowView | undefined {
    return this.#rowOf("subscription", id);
  }

  /** Changes rows, all or none, after the files were copied. On a dry run nothing is changed. */
  async edit(change: (database: DatabaseSync) => void): Promise<void> {
    const { quarantine, fileSystem, paths } = this.#scope;
    if (quarantine.isDryRun) return;
    this.#open.close();
    await quarantineCatalog(this.#scope);
    const database = openDatabase(paths.catalog);
    try {
      database.exec("PRAGMA synchronous=FULL; BEGIN");
      change(database);
      database.exec("COMMIT");
    } finally {
      database.close();
      this.#open = openReadOnlyCatalog(fileSystem, paths.catalog);
    }
  }

  /** Makes sure that no id up to `lostId` is given again, and that the log may begin after `lsn`. */
  async raiseState(lostId: number, lsn: number): Promise<void> {
    const state = this.#state;
    const nextId = Math.max(integerOf(state.next_id), lostId + 1);
    if (nextId === integerOf(state.next_id) && lsn <= this.lsn) return;
    const { columns } = CATALOG_TABLES.state;
    const raised = {
      ...state,
      next_id: nextId,
      position: Math.max(this.lsn, lsn),
      clean: 0,
    };
    await this.edit((database) => {
      database.prepare(UPDATE_STATE).run(...checkedValues(raised, columns));
    });
  }

  close(): void {
    this.#open.close();
  }

  #rowOf(table: "stream" | "subscription", id: number): RowView | undefined {
    const row = this.database.prepare(`SELECT name, position FROM ${table} WHERE id = ?`).get(id);
    return row && { name: textOf(row.name) ?? "", lsn: integerOf(row.position) };
  }

  get #state() {
    return this.database.prepare("SELECT * FROM state").get() ?? {};
  }
}

/**
 * The UUID in the catalogue's state, `undefined` where that row can't be read or fails its checksum.
 */
export function catalogUuid({ fileSystem, paths }: RepairScope): string | undefined {
  try {
    const { database, close } = openReadOnlyCatalog(fileSystem, paths.catalog);
    try {
      const [found] = foundRows(database, CATALOG_TABLES.state);
      return found?.checks ? textOf(found.row.uuid) : undefined;
    } finally {
      close();
    }
  } catch (error) {
    if (isSqliteError(error)) return undefined;
    throw error;
  }
}

/** Opens the catalogue as it is. */
export function openCatalog(scope: RepairScope): RepairCatalog {
  return new RepairCatalog(scope, openReadOnlyCatalog(scope.fileSystem, scope.paths.catalog));
}

/**
 * Makes a new catalogue of the whole rows of the damaged one, and puts it in its place.
 *
 * @returns undefined where nothing can be read: then nothing was changed
 */
export async function rebuildCatalog(
  scope: RepairScope,
  fallback: StateFallback,
): Promise<RepairCatalog | undefined> {
  const { quarantine } = scope;
  return quarantine.isDryRun ? await tryRebuild(scope, fallback) : await rebuild(scope, fallback);
}

/** Rebuilds into a database that SQLite keeps in a file of its own and removes. */
async function tryRebuild(
  scope: RepairScope,
  fallback: StateFallback,
): Promise<RepairCatalog | undefined> {
  const sink = openDatabase("");
  sink.exec(`${SCHEMA} INSERT INTO state VALUES (1, '', 0, 1, 0, 0, 0)`);
  const source = openReadOnlyCatalog(scope.fileSystem, scope.paths.catalog);
  try {
    if (!hasRows(source.database)) return undefined;
    await copyCatalog(scope, source.database, sink, fallback);
    repairSegmentRows(scope, sink);
    await repairBlockRows(scope, sink, fallback.uuid);
    return new RepairCatalog(scope, { database: sink, close: () => sink.close() });
  } finally {
    source.close();
  }
}

async function rebuild(
  scope: RepairScope,
  fallback: StateFallback,
): Promise<RepairCatalog | undefined> {
  const { quarantine, fileSystem, paths, report } = scope;
  await quarantineCatalog(scope);
  const scratch = await scratchCopy(scope);
  const made = await quarantine.newPath();
  try {
    const source = openDatabase(scratch);
    try {
      if (!hasRows(source)) return undefined;
      createSqliteCatalog(made, fallback.uuid);
      const sink = openDatabase(made);
      try {
        await copyCatalog(scope, source, sink, fallback);
        repairSegmentRows(scope, sink);
        await repairBlockRows(scope, sink, fallback.uuid);
      } finally {
        sink.close();
      }
    } finally {
      source.close();
    }
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) fileSystem.remove(`${scratch}${suffix}`);
  }
  // Without FORMAT no server starts, until the repair has come to its end.
  if (isThere(fileSystem, paths.format)) await quarantine.moveAside(paths.format);
  const ready = join(dirname(made), READY_NAME);
  await quarantine.rename(made, ready);
  await putInPlace(scope, ready);
  const message = "a new catalogue was made of the rows whose checksums are right";
  report({ outcome: "repaired", path: paths.catalog, message });
  return openCatalog(scope);
}

/** Continues a repair that was cut short between making the new catalogue and putting it in its place. */
export async function finishRebuild(scope: RepairScope): Promise<void> {
  const { fileSystem, paths, quarantine } = scope;
  if (quarantine.isDryRun) return;
  for (const name of fileSystem.list(paths.root) ?? []) {
    const ready = join(paths.root, name, READY_NAME);
    if (name.startsWith(QUARANTINE_PREFIX) && isThere(fileSystem, ready)) {
      await putInPlace(scope, ready);
    }
  }
}

/** SQLite's log is removed before: it would be taken for the new catalogue's. */
async function putInPlace({ fileSystem, paths, quarantine }: RepairScope, ready: string) {
  for (const suffix of ["-wal", "-shm"]) fileSystem.remove(`${paths.catalog}${suffix}`);
  await fileSystem.syncDirectory(paths.root);
  await quarantine.rename(ready, paths.catalog);
}

/** Whether anything can be read at all. */
function hasRows(database: DatabaseSync): boolean {
  const { stream, state } = CATALOG_TABLES;
  return [stream, state].some((table) => !(foundRows(database, table).next().done ?? true));
}

async function quarantineCatalog(scope: RepairScope): Promise<void> {
  const { quarantine, fileSystem, paths } = scope;
  for (const suffix of ["", "-wal"]) {
    const path = `${paths.catalog}${suffix}`;
    if (isThere(fileSystem, path)) await quarantine.addCopy(path);
  }
}

/** A copy that SQLite may change, with a header that it accepts. */
async function scratchCopy({ quarantine, fileSystem, paths }: RepairScope): Promise<string> {
  const scratch = await quarantine.newPath();
  quarantine.copy(paths.catalog, scratch);
  const names = fileSystem.list(dirname(paths.catalog)) ?? [];
  const log = `${basename(paths.catalog)}-wal`;
  if (names.includes(log)) quarantine.copy(join(dirname(paths.catalog), log), `${scratch}-wal`);
  const file = fileSystem.open(scratch, "write");
  try {
    file.writeSync(encodeUtf8(CATALOG_MAGIC), 0);
    file.writeSync(Uint8Array.of(CATALOG_PAGE_BYTES >> 8, CATALOG_PAGE_BYTES & 0xff), 16);
    for (const { position, bytes, value } of CATALOG_HEADER_FIELDS) {
      const field = new Uint8Array(4);
      viewOf(field).setUint32(0, value);
      file.writeSync(field.subarray(4 - bytes), position);
    }
  } finally {
    file.close();
  }
  return scratch;
}
