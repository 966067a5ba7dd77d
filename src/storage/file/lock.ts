import { DatabaseSync } from "node:sqlite";
import { pid } from "node:process";
import { DirectoryError } from "./damage.ts";

/** A directory's lock; `release` gives it back, and so does the end of the process, however it comes. */
export interface DirectoryLock {
  release(): void;
}

/**
 * Takes a directory's lock: a SQLite file with a write transaction that stays open. The operating system
 * frees it when the process is killed. Who holds it can be read by those who come too late.
 *
 * @throws {DirectoryError} `in_use`
 */
export function lockDirectory(path: string): DirectoryLock {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA synchronous=OFF;");
    database.exec("BEGIN IMMEDIATE");
    database.exec("CREATE TABLE IF NOT EXISTS holder (pid INTEGER NOT NULL) STRICT");
    database.exec("DELETE FROM holder");
    database.prepare("INSERT INTO holder VALUES (?)").run(pid);
    database.exec("COMMIT; BEGIN IMMEDIATE");
  } catch (error) {
    const holder = readHolder(database);
    database.close();
    throw new DirectoryError(
      "in_use",
      path,
      `another server${holder === undefined ? "" : `, process ${holder},`} holds the directory. ` +
        "Stop it, or use another directory.",
      { cause: error },
    );
  }
  return { release: () => database.close() };
}

function readHolder(database: DatabaseSync): number | undefined {
  try {
    const row = database.prepare("SELECT pid FROM holder").get();
    return typeof row?.pid === "number" ? row.pid : undefined;
  } catch {
    return undefined;
  }
}
