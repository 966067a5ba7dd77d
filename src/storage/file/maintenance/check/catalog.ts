import type { DatabaseSync } from "node:sqlite";
import { viewOf } from "../../../little_endian.ts";
import { SCHEMA, type SqlRow, STATE_COLUMNS } from "../../catalog/schema.ts";
import type { FileWindow } from "../../directory/file_window.ts";
import {
  CATALOG_HEADER_FIELDS,
  CATALOG_MAGIC,
  CATALOG_PAGE_BYTES,
} from "../scan/catalog_header.ts";
import { wrongChecksum } from "../scan/table_rows.ts";
import type { Finding, FindingKind } from "./finding.ts";
import { openDatabase } from "../../directory/sqlite.ts";

const HEADER_BYTES = 100;
const MAX_MESSAGES = 100;

/**
 * Checks the first bytes of the catalogue's file: SQLite looks at some of them only when it writes, and
 * may then fail.
 */
export function* checkCatalogHeader(window: FileWindow, path: string): Generator<Finding> {
  const bytes = window.bytes(0, HEADER_BYTES);
  const magic = new TextDecoder("latin1").decode(bytes.subarray(0, 16));
  if (bytes.length < HEADER_BYTES || magic !== CATALOG_MAGIC) {
    yield unreadable(path, 0, "the catalogue isn't a SQLite file", {
      expected: "the magic SQLite format 3",
      found: bytes.length < HEADER_BYTES ? `${bytes.length} bytes` : JSON.stringify(magic),
    });
    return;
  }
  const view = viewOf(bytes);
  for (const { name, position, bytes, value } of CATALOG_HEADER_FIELDS) {
    const found = bytes === 1 ? view.getUint8(position) : view.getUint32(position);
    if (found === value) continue;
    yield unreadable(path, position, `the header of the catalogue has another ${name}`, {
      expected: `${value}`,
      found: `${found}`,
    });
  }
}

/** Whether SQLite finds the pages of the catalogue to fit together; its message names the page. */
export function* checkPages(database: DatabaseSync, path: string): Generator<Finding> {
  const rows = database.prepare(`PRAGMA integrity_check(${MAX_MESSAGES})`).all();
  for (const row of rows) {
    const message = String(row.integrity_check).replaceAll(/\s*\n\s*/g, "; ");
    if (message === "ok") continue;
    const page = Number(/\bpage (\d+)/.exec(message)?.[1] ?? 1);
    yield unreadable(path, (page - 1) * CATALOG_PAGE_BYTES, "SQLite's integrity check fails", {
      expected: "ok",
      found: message,
    });
  }
}

/** Whether the catalogue has our tables and indexes and no others. */
export function* checkSchema(database: DatabaseSync, path: string): Generator<Finding> {
  const expected = expectedSchema();
  const found = schemaOf(database);
  for (const [name, sql] of expected) {
    if (found.get(name) === sql) continue;
    yield otherSchema(path, `${name} of the catalogue is another`, sql, found.get(name));
  }
  for (const [name, sql] of found) {
    if (expected.has(name)) continue;
    yield otherSchema(path, `${name} of the catalogue is none of ours`, "nothing", sql);
  }
}

function otherSchema(
  path: string,
  message: string,
  expected: string,
  found = "nothing",
): Finding {
  const oneLine = (sql: string) => sql.replaceAll(/\s+/g, " ");
  return {
    kind: "catalog_schema",
    path,
    position: 0,
    message,
    expected: oneLine(expected),
    found: oneLine(found),
  };
}

function expectedSchema(): Map<string, string> {
  const model = openDatabase(":memory:");
  try {
    model.exec(SCHEMA);
    return schemaOf(model);
  } finally {
    model.close();
  }
}

function schemaOf(database: DatabaseSync): Map<string, string> {
  const rows = database.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema").all();
  return new Map(rows.map(({ type, name, tbl_name: table, sql }) => [
    `${String(type)} ${String(name)}`,
    `${String(table)}: ${String(sql)}`,
  ]));
}

/** The catalogue's state, where its row is whole. */
export interface CheckedState {
  readonly uuid: string;
  readonly lsn: number;
  readonly nextId: number;
}

/**
 * Reads the one row of `state`.
 *
 * @param uuid FORMAT's, where that can be read
 */
export function* checkState(
  database: DatabaseSync,
  path: string,
  uuid: string | undefined,
): Generator<Finding, CheckedState | undefined> {
  const statement = database.prepare("SELECT * FROM state");
  statement.setReadBigInts(true);
  const rows: SqlRow[] = statement.all();
  const [row] = rows;
  if (row === undefined || rows.length > 1) {
    yield rowFinding("state_row", path, "the catalogue's table state has not one row", {
      expected: "1 row",
      found: `${rows.length} rows`,
    });
    return undefined;
  }
  const wrong = wrongChecksum(row, STATE_COLUMNS);
  if (wrong !== undefined) {
    yield rowFinding("state_row", path, "the row of state fails its checksum", wrong);
    return undefined;
  }
  const state = {
    uuid: String(row.uuid),
    lsn: Number(row.position),
    nextId: Number(row.next_id),
  };
  if (uuid !== undefined && state.uuid !== uuid) {
    yield rowFinding("catalog_state", path, "the catalogue belongs to another directory", {
      expected: `the UUID ${uuid}`,
      found: state.uuid,
    });
  }
  // A checkpoint that was cut short leaves later rows, and they hold later records.
  const { greatest } = database.prepare(
    "SELECT max(id) AS greatest FROM (SELECT id, position FROM stream " +
      "UNION ALL SELECT id, position FROM subscription) WHERE id >= ? AND position <= ?",
  ).get(state.nextId, state.lsn) ?? {};
  if (typeof greatest === "number") {
    yield rowFinding("catalog_state", path, "the next id was used already", {
      expected: `a next id greater than ${greatest}`,
      found: `${state.nextId}`,
    });
  }
  return state;
}

/** A finding about a row of the catalogue. */
export function rowFinding(
  kind: FindingKind,
  path: string,
  message: string,
  { expected, found }: { expected: string; found: string },
): Finding {
  return { kind, path, position: 0, message, expected, found };
}

/** The finding for a file that SQLite can't read. */
export function sqliteFailure(path: string, error: unknown): Finding {
  return unreadable(path, 0, "SQLite can't read the catalogue", {
    expected: "our catalogue",
    found: error instanceof Error ? error.message : String(error),
  });
}

function unreadable(
  path: string,
  position: number,
  message: string,
  { expected, found }: { expected: string; found: string },
): Finding {
  return { kind: "catalog_unreadable", path, position, message, expected, found };
}
