import type { DatabaseSync } from "node:sqlite";
import { dirname, join } from "node:path";
import type { FileSystem } from "../../../../env/file_system.ts";
import type { SqlRow } from "../../catalog/schema.ts";
import { lockDirectory } from "../../directory/lock.ts";
import { bytesText, type Item, type ItemFields, timeText } from "./item.ts";
import { openReadOnlyCatalog } from "../scan/read_only_catalog.ts";
import { rowPages } from "../scan/row_pages.ts";
import { CATALOG_TABLES, type CatalogTable, wrongChecksum } from "../scan/table_rows.ts";

/** In the order in which they are shown. */
const TABLES: readonly CatalogTable[] = [
  CATALOG_TABLES.state,
  CATALOG_TABLES.stream,
  CATALOG_TABLES.segment,
  CATALOG_TABLES.block,
  CATALOG_TABLES.producer,
  CATALOG_TABLES.snapshot,
  CATALOG_TABLES.subscription,
  CATALOG_TABLES.cursor,
];

/**
 * The catalogue's rows, table by table; one that fails its checksum is damaged. The lock of its directory
 * is held meanwhile, where there is one: a copy of the file alone has none.
 *
 * @throws {DirectoryError} `in_use`
 */
export function* inspectCatalog(fileSystem: FileSystem, path: string): Generator<Item> {
  const folder = dirname(path);
  const isLocked = fileSystem.list(folder)?.includes("LOCK") ?? false;
  const lock = isLocked ? lockDirectory(join(folder, "LOCK")) : undefined;
  try {
    const { database, close } = openReadOnlyCatalog(fileSystem, path);
    try {
      yield* tablesOf(database);
    } finally {
      close();
    }
  } finally {
    lock?.release();
  }
}

function* tablesOf(database: DatabaseSync): Generator<Item> {
  for (const table of TABLES) yield* rowsOf(database, table);
}

/** A page that SQLite can't read ends its table; the next table follows. */
function* rowsOf(database: DatabaseSync, { name, columns, key }: CatalogTable): Generator<Item> {
  try {
    for (const row of rowPages(database, name, key)) yield rowItem(name, columns, row);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    const damage = { expected: "rows that SQLite can read", found };
    yield { kind: name, position: undefined, fields: {}, damage };
  }
}

function rowItem(kind: string, columns: readonly string[], row: SqlRow): Item {
  const fields: Record<string, ItemFields[string]> = {};
  for (const column of columns) fields[column] = fieldOf(column, row[column]);
  return { kind, position: undefined, fields, damage: wrongChecksum(row, columns) };
}

function fieldOf(column: string, value: SqlRow[string] | undefined): ItemFields[string] {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Uint8Array) return `${value.length} bytes: ${bytesText(value)}`;
  if (/(?:^|_)at_ms$/.test(column)) return timeText(Number(value));
  return typeof value === "bigint" ? Number(value) : value;
}
