import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import {
  PRODUCER_COLUMNS,
  rowChecksum,
  SEGMENT_COLUMNS,
  type SqlRow,
  STATE_COLUMNS,
  STREAM_COLUMNS,
} from "../../catalog/schema.ts";
import { rowPages, RowsOutOfOrder } from "./row_pages.ts";

/** A table of the catalogue: its columns under the checksum and those its rows are told apart by. */
export interface CatalogTable {
  readonly name: "state" | "stream" | "producer" | "segment";
  readonly columns: readonly string[];
  readonly key: readonly string[];
}

/** The catalogue's tables. */
export const CATALOG_TABLES = {
  state: { name: "state", columns: STATE_COLUMNS, key: ["one"] },
  stream: { name: "stream", columns: STREAM_COLUMNS, key: ["id"] },
  producer: { name: "producer", columns: PRODUCER_COLUMNS, key: ["stream_id", "producer_id"] },
  segment: { name: "segment", columns: SEGMENT_COLUMNS, key: ["stream_id", "base"] },
} as const satisfies Record<string, CatalogTable>;

/** A row as it could be read, and whether it is what was written. */
export interface FoundRow {
  readonly row: SqlRow;
  readonly checks: boolean;
}

/**
 * The rows of a table that can be read, in the order of their keys. Where SQLite stops at a damaged page,
 * those behind it are read from the other end.
 *
 * @returns whether all could be read
 */
export function* foundRows(
  database: DatabaseSync,
  { name, columns, key }: CatalogTable,
): Generator<FoundRow, boolean> {
  let last: string | undefined;
  const keyOf = (row: SqlRow) => JSON.stringify(key.map((column) => String(row[column])));
  const checked = (row: SqlRow): FoundRow => ({
    row,
    checks: wrongChecksum(row, columns) === undefined,
  });
  try {
    for (const row of rowPages(database, name, key)) {
      last = keyOf(row);
      yield checked(row);
    }
    return true;
  } catch (error) {
    if (!isSqliteError(error)) throw error;
  }
  try {
    for (const row of rowPages(database, name, key, "DESC")) {
      if (keyOf(row) === last) return true;
      yield checked(row);
    }
  } catch (error) {
    if (!isSqliteError(error)) throw error;
  }
  return false;
}

/** The two checksums of a row that isn't what was written, `undefined` where it is. */
export function wrongChecksum(
  row: SqlRow,
  columns: readonly string[],
): { expected: string; found: string } | undefined {
  const expected = Number(row.crc32);
  const found = rowChecksum(columns.map((column) => row[column]));
  if (expected === found) return undefined;
  return { expected: `the CRC-32 ${expected}`, found: `${found}` };
}

/** Whether rows can't be read on because of damage. */
export function isSqliteError(error: unknown): error is Error {
  return error instanceof RowsOutOfOrder ||
    error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

/** A whole number of a row, 0 where it is none. */
export function integerOf(value: SQLOutputValue | undefined): number {
  return typeof value === "bigint" || typeof value === "number" ? Number(value) : 0;
}

/** A text of a row, undefined where it is none. */
export function textOf(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
