import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { compareNames } from "../../../../protocol/name_order.ts";
import type { SqlRow } from "../../catalog/schema.ts";

const PAGE_ROWS = 500;

/**
 * A table's rows in the order of their keys, a page at a time: Deno's `iterate` ends without an error at
 * a page that SQLite can't read. Integers are bigints, since a damaged one may be too big for a number.
 *
 * @param key the columns that identify a row
 * @throws the error of SQLite, once all rows before the damage have come
 * @throws {RowsOutOfOrder} where a damaged page leads back, which SQLite doesn't notice
 */
export function* rowPages(
  database: DatabaseSync,
  table: string,
  key: readonly string[],
  direction: "ASC" | "DESC" = "ASC",
): Generator<SqlRow> {
  const order = `ORDER BY ${key.map((column) => `${column} ${direction}`).join(", ")} LIMIT ?`;
  const after = `(${key.join(", ")}) ${direction === "ASC" ? ">" : "<"} ` +
    `(${key.map(() => "?").join(", ")})`;
  const start = database.prepare(`SELECT * FROM ${table} ${order}`);
  const next = database.prepare(`SELECT * FROM ${table} WHERE ${after} ${order}`);
  start.setReadBigInts(true);
  next.setReadBigInts(true);
  let last: SQLInputValue[] | undefined;
  let limit = PAGE_ROWS;
  while (true) {
    let rows: SqlRow[];
    try {
      rows = last === undefined ? start.all(limit) : next.all(...last, limit);
    } catch (error) {
      if (limit === 1) throw error;
      limit = 1;
      continue;
    }
    if (rows.length === 0) return;
    for (const row of rows) {
      const values = key.map((column) => row[column] ?? null);
      if (last !== undefined && !isAfter(values, last, direction)) throw new RowsOutOfOrder(table);
      last = values;
      yield row;
    }
  }
}

/** A table whose rows don't come in the order of their keys: reading it might never end. */
export class RowsOutOfOrder extends Error {
  override readonly name = "RowsOutOfOrder";

  constructor(table: string) {
    super(`the rows of ${table} are out of order`);
  }
}

function isAfter(
  values: readonly SQLInputValue[],
  last: readonly SQLInputValue[],
  direction: "ASC" | "DESC",
): boolean {
  const at = values.findIndex((value, i) => value !== last[i]);
  const order = at < 0 ? 0 : compareValues(values[at] ?? null, last[at] ?? null);
  return direction === "ASC" ? order > 0 : order < 0;
}

/** Keys are whole numbers and texts; other values, which damage makes of them, have no order. */
function compareValues(a: SQLInputValue, b: SQLInputValue): number {
  if (typeof a === "bigint" && typeof b === "bigint") return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "string" && typeof b === "string" ? compareNames(a, b) : 0;
}
