import process from "node:process";
import type { DatabaseSync } from "node:sqlite";

type Sqlite = typeof import("node:sqlite");

let loaded: Sqlite | undefined;

/**
 * Opens a database. The runtime's SQLite is loaded with the first one and not before, so that whoever
 * keeps streams in memory needs none.
 *
 * @throws {Error} where the runtime has none
 */
export function openDatabase(location: string): DatabaseSync {
  loaded ??= load();
  return new loaded.DatabaseSync(location);
}

function load(): Sqlite {
  const { emitWarning } = process;
  // Node warns whoever loads it that it may change, which is our concern and not the user's.
  process.emitWarning = () => {};
  try {
    const sqlite: Sqlite | undefined = process.getBuiltinModule("node:sqlite");
    if (sqlite !== undefined) return sqlite;
  } finally {
    process.emitWarning = emitWarning;
  }
  throw new Error(
    `Keeping streams on disk needs node:sqlite, which Node ${process.versions.node} doesn't have; ` +
      "Node 22.13 and later do, and Deno and Bun. Streams in memory need none.",
  );
}
