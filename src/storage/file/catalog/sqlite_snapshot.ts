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
/** Rows that are copied before others have their turn: about 1 MiB at most of streams, 2 of their blocks. */
const SLICE_ROWS = 250;
/** As SQLite has them unless it is told otherwise. */
const PAGE_BYTES = 4096;
/** A copy's pages that wait in memory: names come in no order, and each goes to a page of their index. */
const COPY_CACHE_KIBIBYTES = 16 * 1024;

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
    database.exec(
      "PRAGMA copy.journal_mode=OFF; PRAGMA copy.synchronous=OFF; " +
        `PRAGMA copy.cache_size=-${COPY_CACHE_KIBIBYTES};`,
    );
    database.exec("BEGIN");
    const lookups = new SqliteLookups(path, database);
    // The first read: from here on nobody's commits are seen.
    this.state = lookups.readState();
    database.exec("PRAGMA query_only=0;");
  }

  async copy(onCopied: (bytes: number) => Promise<void>): Promise<void> {
    const database = this.#database;
    try {
      const made = database.prepare(
        "SELECT type, name, sql FROM main.sqlite_master WHERE sql IS NOT NULL",
      ).all();
      const named = (type: string) => made.filter((each) => each.type === type);
      for (const { sql, name } of named("table")) {
        database.exec(inCopy(String(sql)));
        await this.#copyTable(String(name), onCopied);
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

  /** In slices by the first column of its key, so that what is written can be made durable in between. */
  async #copyTable(name: string, onCopied: (bytes: number) => Promise<void>): Promise<void> {
    const database = this.#database;
    const { name: key } = database.prepare(
      "SELECT name FROM pragma_table_info(?, 'main') WHERE pk = 1",
    ).get(name) ?? {};
    const from = `FROM main.${name} WHERE ${key} >`;
    const next = database.prepare(
      `SELECT ${key} AS last ${from} ? ORDER BY ${key} LIMIT 1 OFFSET ${SLICE_ROWS - 1}`,
    );
    const copyUpTo = database.prepare(
      `INSERT INTO copy.${name} SELECT * ${from} ? AND ${key} <= ?`,
    );
    let after = Number.MIN_SAFE_INTEGER;
    let pages = this.#copiedPages();
    for (let upTo = after; upTo < Number.MAX_SAFE_INTEGER; after = upTo) {
      upTo = Number(next.get(after)?.last ?? Number.MAX_SAFE_INTEGER);
      copyUpTo.run(after, upTo);
      const copied = this.#copiedPages();
      await onCopied((copied - pages) * PAGE_BYTES);
      pages = copied;
    }
    if (this.#countRows("copy", name) === this.#countRows("main", name)) return;
    // Keys that a damaged page has out of their order: all of it at once is the same rows.
    database.exec(`DELETE FROM copy.${name}; INSERT INTO copy.${name} SELECT * FROM main.${name}`);
  }

  #copiedPages(): number {
    return Number(this.#database.prepare("PRAGMA copy.page_count").get()?.page_count);
  }

  #countRows(schema: string, table: string): number {
    const { rows } =
      this.#database.prepare(`SELECT count(*) AS rows FROM ${schema}.${table} NOT INDEXED`).get() ??
        {};
    return Number(rows);
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
