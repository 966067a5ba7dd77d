import type { SQLInputValue } from "node:sqlite";
import type { SnapshotRow } from "./catalog.ts";
import { checkRow, integer, rowChecksum, type SqlRow, text } from "./schema.ts";

/** The columns of `snapshot` that the checksum covers; `crc32` follows. */
export const SNAPSHOT_COLUMNS = [
  "stream_id",
  "position",
  "at_ms",
  "content_type",
  "bytes",
  "number",
  "body_crc32",
] as const;

/** The values of {@link SNAPSHOT_COLUMNS}, then the checksum. */
export function snapshotValues(row: SnapshotRow): SQLInputValue[] {
  const { streamId, position, atMs, contentType, bytes, number, crc32 } = row;
  const values = [streamId, position, atMs, contentType, bytes, number, crc32];
  return [...values, rowChecksum(values)];
}

/**
 * The snapshot in a row.
 *
 * @throws {StreamError} `damaged`
 */
export function toSnapshotRow(row: SqlRow, path: string): SnapshotRow {
  checkRow(row, SNAPSHOT_COLUMNS, path, "snapshot");
  return {
    streamId: integer(row.stream_id),
    position: integer(row.position),
    atMs: integer(row.at_ms),
    contentType: text(row.content_type),
    bytes: integer(row.bytes),
    number: integer(row.number),
    crc32: integer(row.body_crc32),
  };
}
