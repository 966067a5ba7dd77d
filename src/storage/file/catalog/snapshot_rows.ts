import type { SQLInputValue } from "node:sqlite";
import type { SnapshotRow } from "./catalog.ts";
import { checkRow, rowChecksum, type SqlRow } from "./schema.ts";

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
    streamId: Number(row.stream_id),
    position: Number(row.position),
    atMs: Number(row.at_ms),
    contentType: String(row.content_type),
    bytes: Number(row.bytes),
    number: Number(row.number),
    crc32: Number(row.body_crc32),
  };
}
