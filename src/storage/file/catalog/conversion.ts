import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite";
import { isJsonType } from "../../../protocol/content_type.ts";
import { messageEnds } from "../../../protocol/json.ts";
import type { SegmentRow } from "./catalog.ts";
import {
  ADD_BLOCK_TABLE,
  ADD_SUBSCRIPTION_TABLES,
  blobValue,
  rowChecksum,
  SEGMENT_TABLE,
  SNAPSHOT_TABLE,
  type SqlRow,
  STREAM_COLUMNS,
  STREAM_INDEXES,
  STREAM_TABLE,
  UNCHECKED_STREAM_COLUMNS,
} from "./schema.ts";

/** The columns of `stream` that came with version 5. */
const COLUMNS_OF_5: readonly string[] = ["earliest", "earliest_messages", "policies"];
const COLUMNS_4 = STREAM_COLUMNS.filter((column) => !COLUMNS_OF_5.includes(column));
/** Those that came with version 4. */
const COLUMNS_OF_4: readonly string[] = ["fork_messages", "messages", "rest_messages"];
const COLUMNS_3 = COLUMNS_4.filter((column) => !COLUMNS_OF_4.includes(column));
/** Those of `segment` before version 5. */
const SEGMENT_COLUMNS_4 = ["stream_id", "base", "bytes", "blocks"] as const;
const PAGE_ROWS = 500;
const MARKS = [...STREAM_COLUMNS, ...UNCHECKED_STREAM_COLUMNS].map(() => "?").join(", ");

/** A stream as the conversion of its segments has to know it. */
export interface ConvertedStream {
  readonly id: number;
  readonly isJson: boolean;
}

/** Converts what lies beside the catalogue. */
export interface SegmentConverter {
  /**
   * Makes a stream's indexes those of this version.
   *
   * @param segments by their bases; of one whose row is damaged all that its index has, `blocks` is Infinity
   * @returns how many messages the stream has in its segments
   */
  convert(stream: ConvertedStream, segments: readonly SegmentRow[]): Promise<number>;
  /** Makes all of it durable: the catalogue is committed next. */
  finish(): Promise<void>;
}

/**
 * Makes the tables of a catalogue of version 2 to 5 those of version 6, in one transaction; tables that
 * are those of version 6 already stay.
 */
export async function convertTables(
  database: DatabaseSync,
  segments: SegmentConverter,
): Promise<void> {
  database.exec(`PRAGMA synchronous=FULL; BEGIN IMMEDIATE; ${ADD_SUBSCRIPTION_TABLES}`);
  if (!hasColumn(database, "earliest")) {
    const isCounted = hasColumn(database, "messages");
    database.exec(`
      DROP INDEX stream_source;
      DROP INDEX stream_end;
      ALTER TABLE stream RENAME TO old_stream;
      ${STREAM_TABLE}`);
    if (isCounted) await convertRows(database, COLUMNS_4, () => Promise.resolve(undefined));
    else await countRows(database, segments);
    database.exec(`DROP TABLE old_stream; ${STREAM_INDEXES}`);
    convertSegments(database);
    database.exec(SNAPSHOT_TABLE);
    await segments.finish();
  }
  database.exec(ADD_BLOCK_TABLE);
  database.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);");
}

function hasColumn(database: DatabaseSync, name: string): boolean {
  const columns = database.prepare("PRAGMA table_info(stream)").all();
  return columns.some((column) => column.name === name);
}

/** Rows of version 2 or 3, whose messages are counted in their segments. */
async function countRows(database: DatabaseSync, segments: SegmentConverter): Promise<void> {
  const segmentsOf = database.prepare("SELECT * FROM segment WHERE stream_id = ? ORDER BY base");
  segmentsOf.setReadBigInts(true);
  await convertRows(database, COLUMNS_3, async (row) => {
    const id = Number(row.id);
    const found: SqlRow[] = segmentsOf.all(id);
    const stream = { id, isJson: isJsonType(String(row.content_type)) };
    return await segments.convert(stream, found.map(toSegment));
  });
}

/**
 * Makes all rows of streams those of this version.
 *
 * @param columns those that an old row's checksum covers
 * @param count how many messages a stream has in its segments; `undefined` where its row says how many it has
 */
async function convertRows(
  database: DatabaseSync,
  columns: readonly string[],
  count: (row: SqlRow) => Promise<number | undefined>,
): Promise<void> {
  const select = database.prepare(
    `SELECT * FROM old_stream WHERE id > ? ORDER BY id LIMIT ${PAGE_ROWS}`,
  );
  // A damaged row may hold any number.
  select.setReadBigInts(true);
  const insert = database.prepare(`INSERT INTO stream VALUES (${MARKS})`);
  /** How many messages the streams of damaged rows have in segments, by their ids. */
  const damaged = new Map<number, number | undefined>();
  for (let after: SQLInputValue = -1;;) {
    const rows: SqlRow[] = select.all(after);
    for (const row of rows) {
      const stored = await count(row);
      if (isWhole(row, columns)) insert.run(...convertedValues(row, stored, 0));
      else damaged.set(Number(row.id), stored);
      after = row.id ?? null;
    }
    if (rows.length < PAGE_ROWS) break;
  }
  if (damaged.size > 0) insertDamaged(database, damaged);
}

/**
 * Adds the rows that don't check. They may hold what no table takes: a name that another row has, or no
 * value where there has to be one. The names are those of the old table's index, so that whoever asks for
 * such a stream is told that it is damaged, as before.
 */
function insertDamaged(
  database: DatabaseSync,
  damaged: ReadonlyMap<number, number | undefined>,
): void {
  const names = indexedNames(database, damaged);
  const columns = database.prepare("PRAGMA table_info(stream)").all();
  const select = database.prepare("SELECT * FROM old_stream WHERE id = ?");
  select.setReadBigInts(true);
  const insert = database.prepare(`INSERT INTO stream VALUES (${MARKS})`);
  for (const [id, stored] of damaged) {
    const row: SqlRow = { ...select.get(id), name: names.get(id) ?? `lost-${id}` };
    for (const { name, type, notnull } of columns) {
      row[String(name)] = storable(row[String(name)] ?? null, String(type), notnull === 1);
    }
    insert.run(...convertedValues(row, stored, 1));
  }
}

/** The names of streams by the index of them, which may say otherwise than a damaged row. */
function indexedNames(
  database: DatabaseSync,
  ids: ReadonlyMap<number, number | undefined>,
): Map<number, string> {
  const find = "SELECT name FROM pragma_index_list('old_stream') WHERE origin = 'u'";
  const index = database.prepare(find).get();
  const rows = database.prepare(
    `SELECT id, name FROM old_stream INDEXED BY "${String(index?.name)}" WHERE name > ''`,
  );
  const names = new Map<number, string>();
  for (const { id, name } of rows.iterate()) {
    if (ids.has(Number(id))) names.set(Number(id), String(name));
  }
  return names;
}

/** A damaged row's value, or one in its place where a column can't have it. */
function storable(value: SQLOutputValue, type: string, isNeeded: boolean): SQLOutputValue {
  if (value === null && !isNeeded) return null;
  if (type === "TEXT") return typeof value === "string" ? value : "";
  if (type === "BLOB") return value instanceof Uint8Array ? value : new Uint8Array(0);
  return typeof value === "bigint" ? value : 0n;
}

/**
 * A row of this version.
 *
 * @param stored how many messages are in segments; `undefined` where the row says how many there are
 * @param wrong 1 for a row that didn't check, which still doesn't: what is damaged has to be found damaged
 */
function convertedValues(
  row: SqlRow,
  stored: number | undefined,
  wrong: 0 | 1,
): SQLInputValue[] {
  const added: SqlRow = {
    earliest: 0,
    earliest_messages: 0,
    ...(stored === undefined ? {} : countedColumns(row, stored)),
  };
  const values = STREAM_COLUMNS.map((column) => {
    const value: SQLOutputValue = added[column] ?? row[column] ?? null;
    return value instanceof Uint8Array ? blobValue(value) : value;
  });
  const crc = rowChecksum(values) ^ wrong;
  return [...values, crc >>> 0, row.ends_at_ms ?? null, null];
}

function countedColumns(row: SqlRow, stored: number): SqlRow {
  const isJson = isJsonType(String(row.content_type));
  const rest = row.rest instanceof Uint8Array ? new Uint8Array(row.rest) : new Uint8Array(0);
  const restMessages = isJson ? messageEnds(rest).length : Math.min(1, rest.length);
  return {
    fork_messages: null,
    messages: stored + restMessages,
    rest_messages: restMessages,
  };
}

/** Makes the rows of segments those of this version; one that doesn't check still doesn't. */
function convertSegments(database: DatabaseSync): void {
  database.exec(`ALTER TABLE segment RENAME TO old_segment; ${SEGMENT_TABLE}`);
  const select = database.prepare("SELECT * FROM old_segment");
  select.setReadBigInts(true);
  const insert = database.prepare("INSERT OR IGNORE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (const row of select.iterate()) {
    const isSound = isWhole(row, SEGMENT_COLUMNS_4);
    const place = SEGMENT_COLUMNS_4.map((column) => storable(row[column] ?? null, "INTEGER", true));
    const [, base, bytes] = place.map(Number);
    // A damaged row may hold any number.
    const end = isSound ? (base ?? 0) + (bytes ?? 0) : 0;
    const values = [...place, end, 0];
    insert.run(...values, (rowChecksum(values) ^ (isSound ? 0 : 1)) >>> 0);
  }
  database.exec("DROP TABLE old_segment");
}

/** As `rowChecks`, of a row whose numbers are read as BigInts. */
function isWhole(row: SqlRow, columns: readonly string[]): boolean {
  return Number(row.crc32) === rowChecksum(columns.map((column) => row[column]));
}

/** A repair makes a damaged row anew by the index, which has to be of this version, too, for that. */
function toSegment(row: SqlRow): SegmentRow {
  const base = Number(row.base);
  const place = { streamId: Number(row.stream_id), base, generation: 0 };
  const bytes = Number(row.bytes);
  return isWhole(row, SEGMENT_COLUMNS_4)
    ? { ...place, bytes, blocks: Number(row.blocks), end: base + bytes }
    : { ...place, bytes: 0, blocks: Infinity, end: base };
}
