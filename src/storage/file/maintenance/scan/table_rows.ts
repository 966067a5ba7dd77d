import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import {
  PRODUCER_COLUMNS,
  rowChecksum,
  SEGMENT_COLUMNS,
  type SqlRow,
  STATE_COLUMNS,
  STREAM_COLUMNS,
} from "../../catalog/schema.ts";
import { BLOCK_COLUMNS } from "../../catalog/block_rows.ts";
import { SNAPSHOT_COLUMNS } from "../../catalog/snapshot_rows.ts";
import { CURSOR_COLUMNS, SUBSCRIPTION_COLUMNS } from "../../catalog/subscription_rows.ts";
import { rowPages, RowsOutOfOrder } from "./row_pages.ts";

/** A table of the catalogue: its columns that the checksum covers, and those that identify a row. */
export interface CatalogTable {
  readonly name:
    | "state"
    | "stream"
    | "producer"
    | "segment"
    | "block"
    | "snapshot"
    | "subscription"
    | "cursor";
  readonly columns: readonly string[];
  readonly key: readonly string[];
}

/** The catalogue's tables. */
export const CATALOG_TABLES = {
  state: { name: "state", columns: STATE_COLUMNS, key: ["one"] },
  stream: { name: "stream", columns: STREAM_COLUMNS, key: ["id"] },
  producer: { name: "producer", columns: PRODUCER_COLUMNS, key: ["stream_id", "producer_id"] },
  segment: { name: "segment", columns: SEGMENT_COLUMNS, key: ["stream_id", "base"] },
  block: { name: "block", columns: BLOCK_COLUMNS, key: ["stream_id", "base"] },
  snapshot: { name: "snapshot", columns: SNAPSHOT_COLUMNS, key: ["stream_id"] },
  subscription: { name: "subscription", columns: SUBSCRIPTION_COLUMNS, key: ["id"] },
  cursor: { name: "cursor", columns: CURSOR_COLUMNS, key: ["subscription_id", "stream_id"] },
} as const satisfies Record<string, CatalogTable>;

/** A row as it could be read, and whether it has its checksum. */
export interface FoundRow {
  readonly row: SqlRow;
  readonly checks: boolean;
}

/**
 * The rows of a table that can be read, in the order of their keys. Where SQLite stops at a damaged page,
 * those after it are read from the other end.
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

/** The two checksums of a row that fails its checksum, `undefined` where it is whole. */
export function wrongChecksum(
  row: SqlRow,
  columns: readonly string[],
): { expected: string; found: string } | undefined {
  const expected = Number(row.crc32);
  const found = rowChecksum(columns.map((column) => row[column]));
  if (expected === found) return undefined;
  return { expected: `the CRC-32 ${expected}`, found: `${found}` };
}

/** Whether no further rows can be read because of damage. */
export function isSqliteError(error: unknown): error is Error {
  return error instanceof RowsOutOfOrder ||
    error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

/** The whole number in a column, 0 where there is none. */
export function integerOf(value: SQLOutputValue | undefined): number {
  return typeof value === "bigint" || typeof value === "number" ? Number(value) : 0;
}

/** The text in a column, `undefined` where there is none. */
export function textOf(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A row's numbers as such: its checksum is right, so that none is too big. */
export function asNumbers(row: SqlRow): SqlRow {
  return Object.fromEntries(
    Object.entries(row).map((
      [column, value],
    ) => [column, typeof value === "bigint" ? Number(value) : value]),
  );
}
