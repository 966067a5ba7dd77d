import type { DatabaseSync, StatementSync } from "node:sqlite";
import { FileSystemError } from "../../../env/file_system.ts";
import { NO_BYTES } from "../../../protocol/bytes.ts";
import { type ProducerState, StreamError } from "../../../protocol/errors.ts";
import { compareNames, endOfPrefix, type NameRange } from "../../../protocol/name_order.ts";
import type { CursorRow, SubscriptionRow } from "../../subscriptions/capture.ts";
import type {
  BlockRow,
  CatalogLookups,
  CatalogState,
  DamagedSubscriptionRow,
  ProducerRow,
  RowExpiry,
  RowPage,
  RowTrim,
  SegmentRow,
  SnapshotRow,
  StreamRow,
} from "./catalog.ts";
import {
  BUSY_TIMEOUT,
  checkRow,
  rowChecks,
  SEGMENT_COLUMNS,
  type SqlRow,
  STATE_COLUMNS,
  STREAM_COLUMNS,
  toProducerRow,
  toSegmentRow,
  toStreamRow,
} from "./schema.ts";
import { toBlockRow } from "./block_rows.ts";
import { SNAPSHOT_COLUMNS, toSnapshotRow } from "./snapshot_rows.ts";
import { keyedRows, type KeyedTable } from "./keyed_rows.ts";
import { toCursorRow, toSubscriptionRow, whatIsLeftOf } from "./subscription_rows.ts";
import { damagedRead, isDamage } from "../directory/damage.ts";
import { shortageStreamError } from "../directory/shortage_error.ts";
import { sqliteErrorKind } from "../directory/sqlite_error.ts";

/** Damaged rows are few: nearly always the first row is whole. */
const SCANNED_ROWS = 16;

const SUBSCRIPTIONS: KeyedTable = { name: "subscription", key: ["id"] };
const CURSORS: KeyedTable = { name: "cursor", key: ["subscription_id", "stream_id"] };

type OnDamage = (row: DamagedSubscriptionRow) => void;

/** The look-ups of a catalogue that is open, on this thread and a connection of its own. */
export class SqliteLookups implements CatalogLookups {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #byName: StatementSync;
  readonly #after: StatementSync;
  readonly #from: StatementSync;
  readonly #byId: StatementSync;
  readonly #byIds: StatementSync;
  readonly #afterId: StatementSync;
  readonly #producers: StatementSync;
  readonly #producer: StatementSync;
  readonly #countProducers: StatementSync;
  readonly #segmentAt: StatementSync;
  readonly #segments: StatementSync;
  readonly #rewritten: StatementSync;
  readonly #blocks: StatementSync;
  readonly #snapshot: StatementSync;
  readonly #snapshots: StatementSync;
  readonly #countForks: StatementSync;
  readonly #forkIds: StatementSync;
  readonly #expired: StatementSync;
  readonly #dueForTrim: StatementSync;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    database.exec(BUSY_TIMEOUT);
    database.exec("PRAGMA query_only=1;");
    this.#byName = database.prepare("SELECT * FROM stream WHERE name = ?");
    const page = (bound: string) =>
      `SELECT * FROM stream WHERE name ${bound} ? AND name < ? ORDER BY name LIMIT ?`;
    this.#after = database.prepare(page(">"));
    this.#from = database.prepare(page(">="));
    this.#byId = database.prepare("SELECT * FROM stream WHERE id = ?");
    this.#byIds = database.prepare(
      "SELECT * FROM stream WHERE id IN (SELECT value FROM json_each(?))",
    );
    this.#afterId = database.prepare("SELECT * FROM stream WHERE id > ? ORDER BY id LIMIT ?");
    this.#producers = database.prepare("SELECT * FROM producer WHERE stream_id = ?");
    this.#producer = database.prepare(
      "SELECT * FROM producer WHERE stream_id = ? AND producer_id = ?",
    );
    this.#countProducers = database.prepare(
      "SELECT producers AS expected, " +
        "(SELECT count(*) FROM producer WHERE stream_id = stream.id) AS found FROM stream WHERE id = ?",
    );
    this.#segmentAt = database.prepare(
      "SELECT * FROM segment WHERE stream_id = ? AND base <= ? ORDER BY base DESC LIMIT 1",
    );
    this.#segments = database.prepare("SELECT * FROM segment WHERE stream_id = ? ORDER BY base");
    this.#rewritten = database.prepare(
      "SELECT * FROM segment WHERE stream_id > ? AND stream_id <= ? AND generation > 0 " +
        "ORDER BY stream_id, base",
    );
    this.#blocks = database.prepare("SELECT * FROM block WHERE stream_id = ? ORDER BY base");
    this.#snapshot = database.prepare("SELECT * FROM snapshot WHERE stream_id = ?");
    this.#snapshots = database.prepare(
      "SELECT * FROM snapshot WHERE stream_id > ? AND stream_id <= ? ORDER BY stream_id",
    );
    this.#countForks = database.prepare(
      "SELECT count(*) AS forks FROM stream WHERE source_id = ?",
    );
    this.#forkIds = database.prepare("SELECT id FROM stream WHERE source_id = ?");
    this.#expired = database.prepare(
      "SELECT ends_at_ms, id FROM stream WHERE ends_at_ms <= ? AND (ends_at_ms, id) > (?, ?) " +
        "AND soft_deleted = 0 ORDER BY ends_at_ms, id LIMIT ?",
    );
    this.#dueForTrim = database.prepare(
      // All of it is in the index: rows are long, and very many may be due.
      "SELECT trims_at_ms, id FROM stream WHERE trims_at_ms <= ? AND (trims_at_ms, id) > (?, ?) " +
        "ORDER BY trims_at_ms, id LIMIT ?",
    );
  }

  dueForTrim(nowMs: number, after: RowTrim | undefined, limit: number): RowTrim[] {
    const { trimsAtMs, id } = after ?? { trimsAtMs: -1, id: 0 };
    return this.#read(() => this.#dueForTrim.all(nowMs, trimsAtMs, id, limit))
      .map((row) => ({ trimsAtMs: Number(row.trims_at_ms), id: Number(row.id) }));
  }

  byName(name: string): StreamRow | undefined {
    const row = this.#stream(() => this.#byName.get(name));
    if (row !== undefined && row.name !== name) throw this.#otherRow(name, row.name);
    return row;
  }

  list({ prefix, after }: NameRange, limit: number): StreamRow[] {
    // In SQLite's order every text comes before every blob.
    const end = endOfPrefix(prefix) ?? NO_BYTES;
    const rows = this.#read(() =>
      compareNames(after, prefix) < 0
        ? this.#from.all(prefix, end, limit)
        : this.#after.all(after, end, limit)
    );
    let last = after;
    return rows.map((row) => {
      const stream = toStreamRow(row, this.#path);
      // A damaged page may lead back, and a listing that continued from there would have no end.
      if (compareNames(stream.name, last) <= 0) {
        throw this.#otherRow(`a name after ${last}`, stream.name);
      }
      last = stream.name;
      return stream;
    });
  }

  byId(id: number): StreamRow | undefined {
    return this.#stream(() => this.#byId.get(id));
  }

  byIds(ids: readonly number[]): StreamRow[] {
    const rows = this.#read(() => this.#byIds.all(JSON.stringify(ids)));
    return this.#sound(rows);
  }

  rowsAfter(id: number, limit: number): RowPage {
    const rows = this.#read(() => this.#afterId.all(id, limit));
    const last = rows.at(-1);
    return { rows: this.#sound(rows), lastId: last && Number(last.id) };
  }

  #sound(rows: readonly SqlRow[]): StreamRow[] {
    return rows.flatMap((row) => {
      try {
        return toStreamRow(row, this.#path);
      } catch {
        // It is damaged, which a look-up of this row alone reports.
        return [];
      }
    });
  }

  producers(streamId: number): ProducerRow[] {
    this.#checkProducers(streamId);
    const rows = this.#read(() => this.#producers.all(streamId));
    return rows.map((row) => {
      const found = toProducerRow(row, this.#path);
      if (found.streamId === streamId) return found;
      throw this.#otherRow(String(streamId), String(found.streamId));
    });
  }

  producer(streamId: number, producerId: string): ProducerState | undefined {
    const row = this.#read(() => this.#producer.get(streamId, producerId));
    if (row === undefined) {
      this.#checkProducers(streamId);
      return undefined;
    }
    const found = toProducerRow(row, this.#path);
    if (found.streamId === streamId && found.producerId === producerId) return found;
    throw this.#otherRow(`${streamId}/${producerId}`, `${found.streamId}/${found.producerId}`);
  }

  /** A damaged page may hide a row, and a producer that isn't known any more could write twice. */
  #checkProducers(streamId: number): void {
    const row = this.#read(() => this.#countProducers.get(streamId));
    if (row === undefined || row.expected === row.found) return;
    throw damagedRead({
      path: this.#path,
      filePosition: 0,
      expected: `${row.expected} producers of stream ${streamId}`,
      found: `${row.found}`,
    });
  }

  segmentAt(streamId: number, offset: number): SegmentRow | undefined {
    const row = this.#read(() => this.#segmentAt.get(streamId, offset));
    return row && this.#segment(row, streamId);
  }

  rewrittenSegments(afterId: number, upToId: number): SegmentRow[] {
    return this.#read(() => this.#rewritten.all(afterId, upToId))
      .filter((row) => rowChecks(row, SEGMENT_COLUMNS))
      .map((row) => toSegmentRow(row, this.#path));
  }

  segments(streamId: number): SegmentRow[] {
    return this.#read(() => this.#segments.all(streamId)).map((row) =>
      this.#segment(row, streamId)
    );
  }

  blocks(streamId: number): BlockRow[] {
    let next: number | undefined;
    return this.#read(() => this.#blocks.all(streamId)).map((row) => {
      const block = toBlockRow(row, this.#path);
      const { base, end, body } = block;
      if (block.streamId !== streamId) {
        throw this.#otherRow(String(streamId), String(block.streamId));
      }
      // A damaged page may hide a row, and bytes that follow a gap are others than those sought.
      if (base !== (next ?? base) || end - base !== body.length) {
        const expected = `a block of stream ${streamId} from ${
          next ?? base
        } on, as long as it says`;
        const found = `one from ${base} to ${end} of ${body.length} bytes`;
        throw damagedRead({ path: this.#path, filePosition: 0, expected, found });
      }
      next = end;
      return block;
    });
  }

  snapshot(streamId: number): SnapshotRow | undefined {
    const row = this.#read(() => this.#snapshot.get(streamId));
    if (row === undefined) return undefined;
    const found = toSnapshotRow(row, this.#path);
    if (found.streamId === streamId) return found;
    throw this.#otherRow(String(streamId), String(found.streamId));
  }

  snapshots(afterId: number, upToId: number): SnapshotRow[] {
    const rows = this.#read(() => this.#snapshots.all(afterId, upToId));
    return rows.filter((row) => rowChecks(row, SNAPSHOT_COLUMNS))
      .map((row) => toSnapshotRow(row, this.#path));
  }

  countForks(sourceId: number): number {
    return Number(this.#read(() => this.#countForks.get(sourceId))?.forks ?? 0);
  }

  /** Whether any stream is a fork. */
  hasForks(): boolean {
    const query = "SELECT 1 AS found FROM stream WHERE source_id IS NOT NULL LIMIT 1";
    return this.#read(() => this.#database.prepare(query).get()) !== undefined;
  }

  forkIds(sourceId: number): number[] {
    return this.#read(() => this.#forkIds.all(sourceId)).map(({ id }) => Number(id));
  }

  greatestId(): number | undefined {
    try {
      return this.#firstWhole("id > 0", "id")?.id ?? 0;
    } catch (error) {
      if (!isDamage(error)) throw error;
      return undefined;
    }
  }

  newestLsnAfter(lsn: number): number | undefined {
    let newest = this.#firstWhole(`position > ${lsn}`, "position")?.lsn ?? 0;
    for (const row of this.subscriptions(() => {})) newest = Math.max(newest, row.lsn);
    return newest > lsn ? newest : undefined;
  }

  /** A damaged row tells neither how far ids went nor how far the log did. */
  #firstWhole(condition: string, column: "id" | "position"): StreamRow | undefined {
    const page = this.#database.prepare(
      `SELECT * FROM stream WHERE ${condition} AND ${column} < ? ORDER BY ${column} DESC LIMIT ?`,
    );
    for (let before = Number.MAX_SAFE_INTEGER;;) {
      const rows = this.#read(() => page.all(before, SCANNED_ROWS));
      for (const row of rows) {
        if (rowChecks(row, STREAM_COLUMNS)) return toStreamRow(row, this.#path);
      }
      if (rows.length < SCANNED_ROWS) return undefined;
      before = Number(rows.at(-1)?.[column]);
    }
  }

  expired(nowMs: number, after: RowExpiry | undefined, limit: number): RowExpiry[] {
    const { endsAtMs, id } = after ?? { endsAtMs: -1, id: 0 };
    return this.#read(() => this.#expired.all(nowMs, endsAtMs, id, limit))
      .map((row) => ({ endsAtMs: Number(row.ends_at_ms), id: Number(row.id) }));
  }

  subscriptions(onDamage: OnDamage): SubscriptionRow[] {
    return [...this.#keyedRows(SUBSCRIPTIONS, toSubscriptionRow, onDamage)];
  }

  cursors(onDamage: OnDamage): Iterable<CursorRow> {
    return this.#keyedRows(CURSORS, toCursorRow, onDamage);
  }

  *#keyedRows<T>(
    table: KeyedTable,
    decode: (row: SqlRow, path: string) => T,
    onDamage: OnDamage,
  ): Generator<T> {
    const rows = keyedRows(table, {
      database: this.#database,
      read: (get) => this.#read(get),
      onUnreadable: (reason) =>
        onDamage({ subscriptionId: undefined, name: undefined, streamId: undefined, reason }),
    });
    for (const row of rows) {
      try {
        yield decode(row, this.#path);
      } catch (error) {
        if (!isDamage(error)) throw error;
        onDamage({ ...whatIsLeftOf(row), reason: error.message });
      }
    }
  }

  /** @throws {StreamError} `damaged` */
  readState(): CatalogState {
    const row: SqlRow = this.#database.prepare("SELECT * FROM state").get() ?? {};
    checkRow(row, STATE_COLUMNS, this.#path, "state");
    return {
      uuid: String(row.uuid),
      lsn: Number(row.position),
      nextId: Number(row.next_id),
      checkpointAtMs: Number(row.checkpoint_at_ms),
      clean: row.clean === 1,
    };
  }

  #stream(get: () => SqlRow | undefined): StreamRow | undefined {
    const row = this.#read(get);
    return row && toStreamRow(row, this.#path);
  }

  /** A search goes by an index, which may lead to another row. */
  #segment(row: SqlRow, streamId: number): SegmentRow {
    const segment = toSegmentRow(row, this.#path);
    if (segment.streamId === streamId) return segment;
    throw this.#otherRow(String(streamId), String(segment.streamId));
  }

  #otherRow(sought: string, found: string): StreamError {
    const expected = `the row of ${sought}`;
    return damagedRead({ path: this.#path, filePosition: 0, expected, found: `that of ${found}` });
  }

  /**
   * @throws {StreamError} `damaged` where SQLite finds its pages to be; `overloaded` where it can't open a
   * file now
   * @throws {FileSystemError} where the system doesn't let it read
   */
  #read<T>(get: () => T): T {
    try {
      return get();
    } catch (error) {
      const kind = sqliteErrorKind(error);
      if (kind === "cannot_open") throw shortageStreamError("too_many_open_files");
      if (kind === "unavailable") throw new FileSystemError("other", "read", this.#path, error);
      if (kind !== "other") throw error;
      const found = error instanceof Error ? error.message : String(error);
      throw damagedRead({ path: this.#path, filePosition: 0, expected: "our catalogue", found });
    }
  }

  /** Closes the connection. */
  closeLookups(): void {
    this.#database.close();
  }
}
