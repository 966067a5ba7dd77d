import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { SqlRow } from "../catalog_rows.ts";

const PAGE_ROWS = 500;

/**
 * A table's rows in the order of their keys, a page at a time: Deno's `iterate` ends without a word at
 * what SQLite can't read. Integers are bigints, since a damaged one may be too big for a number.
 *
 * @param key the columns that rows are told apart by
 * @throws the error of SQLite, once all rows before the damage have come
 */
export function* rowPages(
  database: DatabaseSync,
  table: string,
  key: readonly string[],
  direction: "ASC" | "DESC" = "ASC",
): Generator<SqlRow> {
  const order = `ORDER BY ${key.map((column) => `${column} ${direction}`).join(", ")} LIMIT ?`;
  const behind = `(${key.join(", ")}) ${direction === "ASC" ? ">" : "<"} ` +
    `(${key.map(() => "?").join(", ")})`;
  const start = database.prepare(`SELECT * FROM ${table} ${order}`);
  const next = database.prepare(`SELECT * FROM ${table} WHERE ${behind} ${order}`);
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
    yield* rows;
    const row = rows.at(-1);
    if (row === undefined) return;
    last = key.map((column) => row[column] ?? null);
  }
}
