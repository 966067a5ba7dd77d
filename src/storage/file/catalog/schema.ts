import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { NO_BYTES } from "../../../protocol/bytes.ts";
import type { Lifetime } from "../../../protocol/lifetime.ts";
import { expiryMs } from "../../../protocol/lifetime.ts";
import type {
  IdentityColumns,
  ProducerRow,
  SegmentRow,
  StateColumns,
  StreamRow,
  StreamUpdate,
} from "./catalog.ts";
import { checksum } from "../directory/checksum.ts";
import { damagedRead } from "../directory/damage.ts";

/** The tables of subscriptions, which directories of version 2 lack. */
const SUBSCRIPTION_TABLES = `CREATE TABLE subscription (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  position INTEGER NOT NULL,
  body TEXT NOT NULL,
  crc32 INTEGER NOT NULL
) STRICT;
CREATE TABLE cursor (
  subscription_id INTEGER NOT NULL,
  stream_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  crc32 INTEGER NOT NULL,
  PRIMARY KEY (subscription_id, stream_id)
) STRICT, WITHOUT ROWID;
`;

/** Makes what a catalogue of version 2 lacks, as far as it isn't there. */
export const ADD_SUBSCRIPTION_TABLES = SUBSCRIPTION_TABLES
  .replaceAll("CREATE TABLE", "CREATE TABLE IF NOT EXISTS");

/** The table of streams. */
export const STREAM_TABLE = `CREATE TABLE stream (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  content_type TEXT NOT NULL,
  ttl_seconds INTEGER,
  expires_at_ms INTEGER,
  source_id INTEGER,
  source_name TEXT,
  fork_offset INTEGER,
  fork_sub_offset INTEGER,
  fork_point INTEGER,
  fork_messages INTEGER,
  soft_deleted INTEGER NOT NULL,
  touched_at_ms INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  closed_by_id TEXT,
  closed_by_epoch INTEGER,
  closed_by_seq INTEGER,
  seq TEXT,
  producers INTEGER NOT NULL,
  position INTEGER NOT NULL,
  tail INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  last_at_ms INTEGER NOT NULL,
  earliest INTEGER NOT NULL,
  earliest_messages INTEGER NOT NULL,
  policies TEXT,
  rest_messages INTEGER NOT NULL,
  rest BLOB NOT NULL,
  crc32 INTEGER NOT NULL,
  ends_at_ms INTEGER,
  trims_at_ms INTEGER
) STRICT;
`;

/** Its indexes. */
export const STREAM_INDEXES =
  `CREATE INDEX stream_source ON stream (source_id) WHERE source_id IS NOT NULL;
CREATE INDEX stream_end ON stream (ends_at_ms) WHERE ends_at_ms IS NOT NULL;
CREATE INDEX stream_trim ON stream (trims_at_ms) WHERE trims_at_ms IS NOT NULL;
`;

/** The table of their segments. */
export const SEGMENT_TABLE = `CREATE TABLE segment (
  stream_id INTEGER NOT NULL,
  base INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  crc32 INTEGER NOT NULL,
  PRIMARY KEY (stream_id, base)
) STRICT, WITHOUT ROWID;
`;

/** The table of the blocks of streams that have no segment. */
export const BLOCK_TABLE = `CREATE TABLE block (
  stream_id INTEGER NOT NULL,
  base INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  body BLOB NOT NULL,
  crc32 INTEGER NOT NULL,
  PRIMARY KEY (stream_id, base)
) STRICT, WITHOUT ROWID;
`;

/** Makes what a catalogue of version 5 lacks, where it isn't there. */
export const ADD_BLOCK_TABLE = BLOCK_TABLE
  .replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS");

/** The table of their snapshots. */
export const SNAPSHOT_TABLE = `CREATE TABLE snapshot (
  stream_id INTEGER PRIMARY KEY,
  position INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  number INTEGER NOT NULL,
  body_crc32 INTEGER NOT NULL,
  crc32 INTEGER NOT NULL
) STRICT;
`;

/**
 * The catalogue's tables and the values in their rows (FORMAT.md, "catalog.sqlite"). SQLite doesn't
 * notice a flipped bit in a value, so each row carries the CRC-32 of its columns.
 */
export const SCHEMA = `
CREATE TABLE state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  uuid TEXT NOT NULL,
  position INTEGER NOT NULL,
  next_id INTEGER NOT NULL,
  checkpoint_at_ms INTEGER NOT NULL,
  clean INTEGER NOT NULL,
  crc32 INTEGER NOT NULL
) STRICT;
${STREAM_TABLE}${STREAM_INDEXES}CREATE TABLE producer (
  stream_id INTEGER NOT NULL,
  producer_id TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  crc32 INTEGER NOT NULL,
  PRIMARY KEY (stream_id, producer_id)
) STRICT, WITHOUT ROWID;
${SEGMENT_TABLE}${BLOCK_TABLE}${SNAPSHOT_TABLE}${SUBSCRIPTION_TABLES}`;

/**
 * The connections of one process meet while SQLite's own log is set up or moved: the second one waits,
 * instead of failing.
 */
export const BUSY_TIMEOUT = "PRAGMA busy_timeout=10000;";

/** The columns of `stream` that never change. */
const IDENTITY_COLUMNS = [
  "id",
  "name",
  "content_type",
  "ttl_seconds",
  "expires_at_ms",
  "source_id",
  "source_name",
  "fork_offset",
  "fork_sub_offset",
  "fork_point",
  "fork_messages",
] as const;

/** The columns of `stream` that do, but for those that follow them. */
export const STATE_OF_STREAM_COLUMNS = [
  "soft_deleted",
  "touched_at_ms",
  "closed",
  "closed_by_id",
  "closed_by_epoch",
  "closed_by_seq",
  "seq",
  "producers",
  "position",
  "tail",
  "messages",
  "last_at_ms",
  "earliest",
  "earliest_messages",
  "policies",
  "rest_messages",
  "rest",
] as const;

/** The columns of `stream` that no checksum covers. */
export const UNCHECKED_STREAM_COLUMNS = ["crc32", "ends_at_ms", "trims_at_ms"] as const;

/** The columns of `stream` that the checksum covers, in its order; the others follow. */
export const STREAM_COLUMNS = [...IDENTITY_COLUMNS, ...STATE_OF_STREAM_COLUMNS] as const;

/** A row as `node:sqlite` gives it. */
export type SqlRow = Record<string, SQLOutputValue>;

/** The values of {@link STREAM_COLUMNS}, then the checksum, when the stream ends and when it is trimmed. */
export function streamValues(row: StreamRow): SQLInputValue[] {
  const values = [...identityValues(row), ...stateValues(row)];
  const endsAtMs = expiryMs(row.lifetime, row.accessedAtMs);
  return [...values, rowChecksum(values), timeValue(endsAtMs), timeValue(row.trimsAtMs)];
}

/** The values of {@link STATE_OF_STREAM_COLUMNS}, then those of {@link UNCHECKED_STREAM_COLUMNS}. */
export function updateValues(update: StreamUpdate): SQLInputValue[] {
  const values = stateValues(update);
  const checksum = rowChecksum(values, update.identityChecksum);
  values.push(checksum, timeValue(update.endsAtMs), timeValue(update.trimsAtMs));
  return values;
}

/** The CRC-32 of the columns that never change: that of the stream's row continues from it. */
export function identityChecksum(identity: IdentityColumns): number {
  return rowChecksum(identityValues(identity));
}

/** Bytes as they are bound: empty ones of another thread, or of SQLite, are NULL to Node 22. */
export function blobValue(bytes: Uint8Array): Uint8Array {
  return bytes.length === 0 ? NO_BYTES : bytes;
}

function timeValue(atMs: number): SQLInputValue {
  return atMs === Infinity ? null : atMs;
}

function identityValues(
  { id, name, contentType, lifetime, fork }: IdentityColumns,
): SQLInputValue[] {
  return [
    id,
    name,
    contentType,
    lifetime.kind === "ttl" ? lifetime.ttlSeconds : null,
    lifetime.kind === "until" ? lifetime.expiresAtMs : null,
    fork?.sourceId ?? null,
    fork?.sourceName ?? null,
    fork?.offset ?? null,
    fork?.subOffset ?? null,
    fork?.point ?? null,
    fork?.messages ?? null,
  ];
}

function stateValues(row: StateColumns): SQLInputValue[] {
  const { closedBy } = row;
  return [
    row.softDeleted ? 1 : 0,
    row.accessedAtMs,
    row.closed ? 1 : 0,
    closedBy?.id ?? null,
    closedBy?.epoch ?? null,
    closedBy?.seq ?? null,
    row.seq ?? null,
    row.producerCount,
    row.lsn,
    row.tail,
    row.messages,
    row.lastAtMs,
    row.earliest,
    row.earliestMessages,
    row.policies ?? null,
    row.restMessages,
    blobValue(row.rest),
  ];
}

/**
 * The stream in a row.
 *
 * @throws {StreamError} `damaged`
 */
export function toStreamRow(row: SqlRow, path: string): StreamRow {
  checkRow(row, STREAM_COLUMNS, path, "stream");
  const sourceId = optionalInteger(row.source_id);
  const closedById = optionalText(row.closed_by_id);
  return {
    id: integer(row.id),
    name: text(row.name),
    contentType: text(row.content_type),
    lifetime: toLifetime(optionalInteger(row.ttl_seconds), optionalInteger(row.expires_at_ms)),
    fork: sourceId === undefined ? undefined : {
      sourceId,
      sourceName: text(row.source_name),
      offset: optionalInteger(row.fork_offset),
      subOffset: integer(row.fork_sub_offset),
      point: integer(row.fork_point),
      messages: optionalInteger(row.fork_messages),
    },
    softDeleted: row.soft_deleted === 1,
    accessedAtMs: integer(row.touched_at_ms),
    closed: row.closed === 1,
    closedBy: closedById === undefined ? undefined : {
      id: closedById,
      epoch: integer(row.closed_by_epoch),
      seq: integer(row.closed_by_seq),
    },
    seq: optionalText(row.seq),
    producerCount: integer(row.producers),
    lsn: integer(row.position),
    tail: integer(row.tail),
    messages: integer(row.messages),
    lastAtMs: integer(row.last_at_ms),
    earliest: integer(row.earliest),
    earliestMessages: integer(row.earliest_messages),
    policies: optionalText(row.policies),
    trimsAtMs: optionalInteger(row.trims_at_ms) ?? Infinity,
    restMessages: integer(row.rest_messages),
    rest: row.rest instanceof Uint8Array ? new Uint8Array(row.rest) : new Uint8Array(0),
  };
}

function toLifetime(ttlSeconds: number | undefined, expiresAtMs: number | undefined): Lifetime {
  if (ttlSeconds !== undefined) return { kind: "ttl", ttlSeconds };
  return expiresAtMs === undefined ? { kind: "forever" } : { kind: "until", expiresAtMs };
}

/** The columns of `producer` that the checksum covers; `crc32` follows. */
export const PRODUCER_COLUMNS = ["stream_id", "producer_id", "epoch", "seq"] as const;

/** The values of {@link PRODUCER_COLUMNS}, then the checksum. */
export function producerValues(row: ProducerRow): SQLInputValue[] {
  const values = [row.streamId, row.producerId, row.epoch, row.seq];
  return [...values, rowChecksum(values)];
}

/**
 * The producer in a row.
 *
 * @throws {StreamError} `damaged`
 */
export function toProducerRow(row: SqlRow, path: string): ProducerRow {
  checkRow(row, PRODUCER_COLUMNS, path, "producer");
  return {
    streamId: integer(row.stream_id),
    producerId: text(row.producer_id),
    epoch: integer(row.epoch),
    seq: integer(row.seq),
  };
}

/** The columns of `segment` that the checksum covers; `crc32` follows. */
export const SEGMENT_COLUMNS = [
  "stream_id",
  "base",
  "bytes",
  "blocks",
  "end",
  "generation",
] as const;

/** The values of {@link SEGMENT_COLUMNS}, then the checksum. */
export function segmentValues(row: SegmentRow): SQLInputValue[] {
  const values = [row.streamId, row.base, row.bytes, row.blocks, row.end, row.generation];
  return [...values, rowChecksum(values)];
}

/**
 * The segment in a row.
 *
 * @throws {StreamError} `damaged`
 */
export function toSegmentRow(row: SqlRow, path: string): SegmentRow {
  checkRow(row, SEGMENT_COLUMNS, path, "segment");
  return {
    streamId: integer(row.stream_id),
    base: integer(row.base),
    bytes: integer(row.bytes),
    blocks: integer(row.blocks),
    end: integer(row.end),
    generation: integer(row.generation),
  };
}

/** The columns of `state` that the checksum covers; `crc32` follows. */
export const STATE_COLUMNS = ["uuid", "position", "next_id", "checkpoint_at_ms", "clean"] as const;

/** Changes the row of `state`: takes the values of {@link STATE_COLUMNS}, then the checksum. */
export const UPDATE_STATE = `UPDATE state SET ${
  [...STATE_COLUMNS, "crc32"].map((column) => `${column} = ?`).join(", ")
}`;

/**
 * The CRC-32 of a row: its values one a line, `~` for a null, `=` before a text (no text in a row holds
 * a line break), bytes as they are.
 *
 * @param seed the checksum of the values before these
 */
export function rowChecksum(values: readonly (SQLInputValue | undefined)[], seed = 0): number {
  let crc = seed;
  let lines = "";
  for (const value of values) {
    if (value instanceof Uint8Array) {
      crc = checksum(value, checksum(lines, crc));
      lines = "\n";
    } else {
      lines += typeof value === "string" ? `=${value}\n` : `${value ?? "~"}\n`;
    }
  }
  return checksum(lines, crc);
}

/** Whether a row has its checksum. */
export function rowChecks(row: SqlRow, columns: readonly string[]): boolean {
  return row.crc32 === rowChecksum(columns.map((column) => row[column]));
}

/** @throws {StreamError} `damaged` where the row fails its checksum */
export function checkRow(
  row: SqlRow,
  columns: readonly string[],
  path: string,
  table: string,
): void {
  const expected = row.crc32;
  const found = rowChecksum(columns.map((column) => row[column]));
  if (expected === found) return;
  throw damagedRead({
    path,
    filePosition: 0,
    expected: `a row of ${table} with the CRC-32 ${String(expected)}`,
    found: `${found} (${columns[0]} ${String(row[columns[0] ?? ""])})`,
  });
}

/** A column of a row that was checked, as a number. */
export function integer(value: SQLOutputValue | undefined): number {
  return typeof value === "number" ? value : Number(value ?? 0);
}

function optionalInteger(value: SQLOutputValue | undefined): number | undefined {
  return value === null || value === undefined ? undefined : integer(value);
}

/** The same as text. */
export function text(value: SQLOutputValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function optionalText(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
