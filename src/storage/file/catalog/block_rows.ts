import type { SQLInputValue } from "node:sqlite";
import type { BlockRow } from "./catalog.ts";
import { blobValue, checkRow, integer, rowChecksum, type SqlRow } from "./schema.ts";

/** The columns of `block` that the checksum covers; `crc32` follows. */
export const BLOCK_COLUMNS = ["stream_id", "base", "end", "at_ms", "messages", "body"] as const;

/** The values of {@link BLOCK_COLUMNS}, then the checksum. */
export function blockValues(row: BlockRow): SQLInputValue[] {
  const { streamId, base, end, atMs, messages, body } = row;
  const values = [streamId, base, end, atMs, messages, blobValue(body)];
  return [...values, rowChecksum(values)];
}

/**
 * The block in a row.
 *
 * @throws {StreamError} `damaged`
 */
export function toBlockRow(row: SqlRow, path: string): BlockRow {
  checkRow(row, BLOCK_COLUMNS, path, "block");
  return {
    streamId: integer(row.stream_id),
    base: integer(row.base),
    end: integer(row.end),
    atMs: integer(row.at_ms),
    messages: integer(row.messages),
    body: row.body instanceof Uint8Array ? new Uint8Array(row.body) : new Uint8Array(0),
  };
}
