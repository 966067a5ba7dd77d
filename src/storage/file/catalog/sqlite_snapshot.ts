import type { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { FileSystemError } from "../../../env/file_system.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { damagedRead, DirectoryError } from "../directory/damage.ts";
import { openDatabase } from "../directory/sqlite.ts";
import { sqliteErrorKind } from "../directory/sqlite_error.ts";
import type { CatalogCopy, CatalogSnapshot, CatalogState } from "./catalog.ts";
import { openExistingCatalog } from "./sqlite_catalog.ts";
import { SqliteLookups } from "./lookups.ts";
import { BUSY_TIMEOUT } from "./schema.ts";

/** As many problems as SQLite lists at most. */
const MAX_PROBLEMS = 100;

/**
 * Holds on to a catalogue's rows as they are now: a read transaction of SQLite's, beside which a server
 * goes on to commit.
 *
 * @param target the file that is made by `copy`
 * @throws {DirectoryError} `incomplete`
 * @throws {StreamError} `damaged`
 */
export function snapshotSqliteCatalog(path: string, target: string): CatalogSnapshot {
  const database = openExistingCatalog(path);
  try {
    return new SqliteSnapshot(path, target, database);
  } catch (error) {
    database.close();
    throw readFailure(path, error);
  }
}

class SqliteSnapshot implements CatalogSnapshot {
  readonly state: CatalogState;
  readonly #path: string;
  readonly #target: string;
  readonly #database: DatabaseSync;
  #isClosed = false;

  constructor(path: string, target: string, database: DatabaseSync) {
    this.#path = path;
    this.#target = target;
    this.#database = database;
    database.exec(BUSY_TIMEOUT);
    database.prepare("ATTACH ? AS copy").run(target);
    // What a kill leaves of it is begun anew.
    database.exec("PRAGMA copy.journal_mode=OFF; PRAGMA copy.synchronous=OFF;");
    database.exec("BEGIN");
    const lookups = new SqliteLookups(path, database);
    // The first read: from here on nobody's commits are seen.
    this.state = lookups.readState();
    database.exec("PRAGMA query_only=0;");
  }

  copy(): void {
    const database = this.#database;
    try {
      const made = database.prepare(
        "SELECT type, name, sql FROM main.sqlite_master WHERE sql IS NOT NULL",
      ).all();
      const named = (type: string) => made.filter((each) => each.type === type);
      for (const { sql, name } of named("table")) {
        database.exec(inCopy(String(sql)));
        database.exec(`INSERT INTO copy.${name} SELECT * FROM main.${name}`);
      }
      for (const { sql } of named("index")) database.exec(inCopy(String(sql)));
      database.exec("COMMIT");
    } catch (error) {
      const isFull = error instanceof Error && sqliteErrorKind(error) === "full";
      throw readFailure(isFull ? this.#target : this.#path, error);
    } finally {
      this.close();
    }
  }

  close(): void {
    if (!this.#isClosed) this.#database.close();
    this.#isClosed = true;
  }
}

/** The same table or index, in the copy. */
function inCopy(sql: string): string {
  return sql.replace(/^CREATE (TABLE|INDEX) /, "CREATE $1 copy.");
}

/**
 * Opens a copy for reading, so that no file is made beside it.
 *
 * @throws {StreamError} `damaged`
 */
export function openSqliteCopy(path: string): CatalogCopy {
  const database = openDatabase(`${pathToFileURL(path)}?mode=ro&immutable=1`);
  try {
    return new SqliteCopy(path, database);
  } catch (error) {
    database.close();
    throw readFailure(path, error);
  }
}

class SqliteCopy extends SqliteLookups implements CatalogCopy {
  readonly state: CatalogState;
  readonly #database: DatabaseSync;

  constructor(path: string, database: DatabaseSync) {
    super(path, database);
    this.#database = database;
    this.state = this.readState();
  }

  problems(): string[] {
    try {
      return this.#database.prepare(`PRAGMA integrity_check(${MAX_PROBLEMS})`).all()
        .map((row) => String(row.integrity_check)).filter((text) => text !== "ok");
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  }
}

/**
 * SQLite's own log beside the database, as every catalogue has it that a server changes.
 *
 * @throws {FileSystemError} `no_space`, `too_many_open_files`
 * @throws {StreamError} `damaged`
 */
export function adoptSqliteCopy(path: string): void {
  const database = openDatabase(path);
  try {
    database.exec("PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL;");
    database.exec("PRAGMA wal_checkpoint(TRUNCATE);");
  } catch (error) {
    throw readFailure(path, error);
  } finally {
    database.close();
  }
}

/** An error of SQLite's as one of ours; others stay as they are. */
function readFailure(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || isOurs(error)) return error;
  const kind = sqliteErrorKind(error);
  if (kind === "full") return new FileSystemError("no_space", "copy", path, error);
  if (kind === "cannot_open") {
    return new FileSystemError("too_many_open_files", "open", path, error);
  }
  if (kind !== "other") return new FileSystemError("other", "read", path, error);
  const expected = "our catalogue";
  return damagedRead({ path, filePosition: 0, expected, found: error.message });
}

function isOurs(error: Error): boolean {
  return error instanceof StreamError || error instanceof DirectoryError ||
    error instanceof FileSystemError;
}
