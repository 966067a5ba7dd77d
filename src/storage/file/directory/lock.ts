import type { DatabaseSync } from "node:sqlite";
import { pid } from "node:process";
import { FileSystemError } from "../../../env/file_system.ts";
import { DirectoryError } from "./damage.ts";
import { openDatabase } from "./sqlite.ts";
import { sqliteErrorKind } from "./sqlite_error.ts";

/** A directory's lock; `release` frees it, and so does the end of the process, however it comes. */
export interface DirectoryLock {
  release(): void;
}

/** How a lock is taken. */
export interface LockOptions {
  /** How long to wait for whoever holds it. */
  readonly waitMs: number;
  /** The error where it is held, by a process of this number. */
  readonly inUse?: (holder: number | undefined, cause: unknown) => DirectoryError;
}

/**
 * Takes a directory's lock: a SQLite file with a write transaction that stays open. The operating system
 * frees it when the process is killed. The number of the process that holds it is in the file.
 *
 * @throws {DirectoryError} `in_use`, or `damaged` where it can't be used at all
 * @throws {FileSystemError} `no_space`
 */
export function lockDirectory(path: string): DirectoryLock {
  return takeLock(path, { waitMs: 0 });
}

/** As {@link lockDirectory}, of any such file. */
export function takeLock(path: string, options: LockOptions): DirectoryLock {
  const database = openDatabase(path);
  try {
    // First of all: the mode of the journal is looked up in the file.
    if (options.waitMs > 0) database.exec(`PRAGMA busy_timeout=${options.waitMs};`);
    // Neither a sync nor a file beside it: nothing here outlives the process.
    database.exec("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY;");
    database.exec("BEGIN IMMEDIATE");
    database.exec("CREATE TABLE IF NOT EXISTS holder (pid INTEGER NOT NULL) STRICT");
    database.exec("DELETE FROM holder");
    database.prepare("INSERT INTO holder VALUES (?)").run(pid);
    database.exec("COMMIT; BEGIN IMMEDIATE");
  } catch (error) {
    const holder = readHolder(database);
    database.close();
    const kind = sqliteErrorKind(error);
    if (kind === "full") throw new FileSystemError("no_space", "lock", path, error);
    if (kind === "cannot_open") {
      throw new FileSystemError("too_many_open_files", "lock", path, error);
    }
    if (kind === "busy") throw (options.inUse ?? inUse(path))(holder, error);
    const found = error instanceof Error ? error.message : String(error);
    const advice = "Remove it while no server runs: it holds nothing that is needed.";
    throw new DirectoryError("damaged", path, `can't be used as a lock (${found}). ${advice}`);
  }
  return { release: () => database.close() };
}

function inUse(path: string): NonNullable<LockOptions["inUse"]> {
  return (holder, cause) =>
    new DirectoryError(
      "in_use",
      path,
      `another server${holder === undefined ? "" : `, process ${holder},`} holds the directory. ` +
        "Stop it, or use another directory.",
      { cause },
    );
}

function readHolder(database: DatabaseSync): number | undefined {
  try {
    const row = database.prepare("SELECT pid FROM holder").get();
    return typeof row?.pid === "number" ? row.pid : undefined;
  } catch {
    return undefined;
  }
}
