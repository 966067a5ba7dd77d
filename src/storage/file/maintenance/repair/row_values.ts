import { Buffer } from "node:buffer";
import type { SQLInputValue } from "node:sqlite";
import { blobValue, rowChecksum, type SqlRow } from "../../catalog/schema.ts";

/** The columns of a row and their checksum, as they go into the catalogue. */
export function checkedValues(
  row: Readonly<Record<string, SQLInputValue | undefined>>,
  columns: readonly string[],
): SQLInputValue[] {
  const values = columns.map((column) => {
    const value = row[column] ?? null;
    return value instanceof Uint8Array ? blobValue(value) : value;
  });
  return [...values, rowChecksum(values)];
}

/** A row as JSON for people. */
export function rowText(row: SqlRow): string {
  const readable = Object.entries(row).map(([column, value]) => [
    column,
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value,
  ]);
  const integers = (_: string, value: unknown) => typeof value === "bigint" ? Number(value) : value;
  return JSON.stringify(Object.fromEntries(readable), integers);
}
