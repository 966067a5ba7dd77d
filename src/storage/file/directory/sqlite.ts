import process from "node:process";
import type { DatabaseSync } from "node:sqlite";
import { NEEDED_NODE, oldNode } from "../../../env/node_version.ts";

type Sqlite = typeof import("node:sqlite");

let loaded: Sqlite | undefined;

/**
 * Opens a database. The runtime's SQLite is loaded with the first one and not before, so that streams in
 * memory need none.
 *
 * @throws {Error} where the runtime has no SQLite that is new enough
 */
export function openDatabase(location: string): DatabaseSync {
  loaded ??= load();
  return new loaded.DatabaseSync(location);
}

function load(): Sqlite {
  const node = oldNode(process.versions);
  if (node !== undefined) {
    throw new Error(
      `Keeping streams on disk needs the SQLite of Node ${NEEDED_NODE} or later, and this is Node ` +
        `${node}; Deno and Bun have one, too. Streams in memory need none.`,
    );
  }
  const { emitWarning } = process;
  // Node warns on loading it that it may change, which is our concern and not the user's.
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}
