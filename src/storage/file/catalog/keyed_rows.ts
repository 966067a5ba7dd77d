import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { isDamage } from "../directory/damage.ts";
import type { SqlRow } from "./schema.ts";

const PAGE_ROWS = 1000;

/** A table that is read row by row. */
export interface KeyedTable {
  readonly name: string;
  /** Columns of whole numbers that identify a row. */
  readonly key: readonly string[];
}

/** What comes of a row, or of those that can't be read. */
export interface KeyedRowsParts {
  readonly database: DatabaseSync;
  /** Calls SQLite; throws a `StreamError` `damaged` where that finds damage. */
  read<T>(get: () => T): T;
  /** Told of rows that can't be read. */
  onUnreadable(reason: string): void;
}

/**
 * The rows of a table in the order of their key, a page at a time, whole numbers as bigints. A row that
 * SQLite can't read is passed over where its key can be; else the reading ends there.
 */
export function* keyedRows(
  { name, key }: KeyedTable,
  { database, read, onUnreadable }: KeyedRowsParts,
): Generator<SqlRow> {
  const after = `(${key.join(", ")}) > (${key.map(() => "?").join(", ")})`;
  const page = (columns: string, last: readonly SQLInputValue[], limit: number) => {
    const statement = database.prepare(
      `SELECT ${columns} FROM ${name} WHERE ${after} ORDER BY ${key.join(", ")} LIMIT ?`,
    );
    statement.setReadBigInts(true);
    return statement.all(...last, limit);
  };
  const keyOf = (row: SqlRow) => key.map((column) => row[column] ?? null);
  let last: SQLInputValue[] = key.map(() => -1n);
  for (let limit = PAGE_ROWS;;) {
    let rows: SqlRow[];
    try {
      rows = read(() => page("*", last, limit));
    } catch (error) {
      if (!isDamage(error)) throw error;
      if (limit > 1) {
        limit = 1;
        continue;
      }
      onUnreadable(error.message);
      const next = tryRead(read, () => page(key.join(", "), last, 1))?.[0];
      if (next === undefined || !isAfter(keyOf(next), last)) return;
      last = keyOf(next);
      continue;
    }
    for (const row of rows) {
      // A damaged page may lead back, and a reading that continued from there would have no end.
      if (!isAfter(keyOf(row), last)) return onUnreadable(`the rows of ${name} are out of order`);
      last = keyOf(row);
      yield row;
    }
    if (rows.length < limit) return;
  }
}

function tryRead<T>(read: KeyedRowsParts["read"], get: () => T): T | undefined {
  try {
    return read(get);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

function isAfter(values: readonly SQLInputValue[], last: readonly SQLInputValue[]): boolean {
  for (const [i, value] of values.entries()) {
    const before = last[i];
    if (typeof value !== "bigint" || typeof before !== "bigint") return false;
    if (value !== before) return value > before;
  }
  return false;
}
