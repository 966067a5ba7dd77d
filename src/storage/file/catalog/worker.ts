import type { DatabaseSync, StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { FileSystemErrorKind } from "../../../env/file_system.ts";
import { lowerPriority } from "../../../env/thread_priority.ts";
import type { CatalogState, StreamUpdate } from "./catalog.ts";
import {
  BUSY_TIMEOUT,
  PRODUCER_COLUMNS,
  producerValues,
  rowChecksum,
  SEGMENT_COLUMNS,
  segmentValues,
  STATE_OF_STREAM_COLUMNS,
  STREAM_COLUMNS,
  streamValues,
  UNCHECKED_STREAM_COLUMNS,
  UPDATE_STATE,
  updateValues,
} from "./schema.ts";
import { BLOCK_COLUMNS, blockValues } from "./block_rows.ts";
import { SNAPSHOT_COLUMNS, snapshotValues } from "./snapshot_rows.ts";
import {
  CURSOR_COLUMNS,
  cursorValues,
  SUBSCRIPTION_COLUMNS,
  subscriptionValues,
} from "./subscription_rows.ts";
import {
  type CatalogBatch,
  decodeBlocks,
  decodeCursors,
  decodeDeletedBlocks,
  decodeRows,
  decodeUpdates,
} from "./wire.ts";
import { openDatabase } from "../directory/sqlite.ts";
import { type SqliteErrorKind, sqliteErrorKind } from "../directory/sqlite_error.ts";

/**
 * The thread that changes the catalogue: SQLite blocks while it commits, and nothing else should have to
 * wait for that, nor for a core where there are few.
 */

/** A request of the main thread. */
export type CatalogRequest =
  | { kind: "store"; batch: CatalogBatch }
  | { kind: "state"; state: CatalogState }
  | { kind: "close" };

/** The reply: an error's text, or `undefined` where it is done. */
export interface CatalogReply {
  error: string | undefined;
  kind: FileSystemErrorKind;
}

const KINDS: Record<SqliteErrorKind, FileSystemErrorKind> = {
  busy: "other",
  full: "no_space",
  cannot_open: "too_many_open_files",
  unavailable: "other",
  other: "other",
};

/** A commit that leaves this much in SQLite's own log moves it into the database. */
const CHECKPOINT_PAGES = 4000;
const CHECKPOINT_WAIT_MS = 200;

class Committer {
  readonly #database: DatabaseSync;
  readonly #deletes: StatementSync[];
  readonly #stream: StatementSync;
  readonly #update: StatementSync;
  readonly #producer: StatementSync;
  readonly #segment: StatementSync;
  readonly #deleteSegment: StatementSync;
  readonly #block: StatementSync;
  readonly #deleteBlocks: StatementSync;
  readonly #snapshot: StatementSync;
  readonly #deleteSnapshot: StatementSync;
  readonly #state: StatementSync;
  readonly #subscriptions: SubscriptionStatements;

  constructor(path: string) {
    this.#database = openDatabase(path);
    this.#database.exec(BUSY_TIMEOUT);
    this.#database.exec("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;");
    this.#deletes = [
      "snapshot WHERE stream_id",
      "block WHERE stream_id",
      "segment WHERE stream_id",
      "producer WHERE stream_id",
      "stream WHERE id",
    ]
      .map((rows) => this.#database.prepare(`DELETE FROM ${rows} = ?`));
    this.#stream = upsert(this.#database, "stream", ["id"], [
      ...STREAM_COLUMNS,
      ...UNCHECKED_STREAM_COLUMNS,
    ]);
    // Without the name, which SQLite would else take out of its index and put back.
    this.#update = this.#database.prepare(
      `UPDATE stream SET ${
        [...STATE_OF_STREAM_COLUMNS, ...UNCHECKED_STREAM_COLUMNS]
          .map((column) => `${column} = ?`).join(", ")
      } WHERE id = ?`,
    );
    this.#producer = upsert(this.#database, "producer", ["stream_id", "producer_id"], [
      ...PRODUCER_COLUMNS,
      "crc32",
    ]);
    this.#segment = upsert(this.#database, "segment", ["stream_id", "base"], [
      ...SEGMENT_COLUMNS,
      "crc32",
    ]);
    this.#deleteSegment = this.#database.prepare(
      "DELETE FROM segment WHERE stream_id = ? AND base = ?",
    );
    this.#block = upsert(this.#database, "block", ["stream_id", "base"], [
      ...BLOCK_COLUMNS,
      "crc32",
    ]);
    this.#deleteBlocks = this.#database.prepare(
      'DELETE FROM block WHERE stream_id = ? AND "end" <= ?',
    );
    this.#snapshot = upsert(this.#database, "snapshot", ["stream_id"], [
      ...SNAPSHOT_COLUMNS,
      "crc32",
    ]);
    this.#deleteSnapshot = this.#database.prepare("DELETE FROM snapshot WHERE stream_id = ?");
    this.#state = this.#database.prepare(UPDATE_STATE);
    this.#subscriptions = new SubscriptionStatements(this.#database);
  }

  handle(request: CatalogRequest): void {
    switch (request.kind) {
      case "store":
        return this.#transaction(() => this.#store(request.batch));
      case "state":
        this.#transaction(() => this.#storeState(request.state));
        return this.#checkpointWalIfRoom(CHECKPOINT_PAGES);
      case "close":
        this.#checkpointWalIfRoom(0);
        return this.#database.close();
    }
  }

  #store(batch: CatalogBatch): void {
    for (const id of batch.deletedIds) {
      for (const statement of this.#deletes) statement.run(id);
    }
    for (const row of decodeRows(batch)) this.#stream.run(...streamValues(row));
    for (const update of decodeUpdates(batch)) this.#updateStream(update);
    for (const row of batch.producers) this.#producer.run(...producerValues(row));
    for (const { streamId, base } of batch.deletedSegments) {
      this.#deleteSegment.run(streamId, base);
    }
    for (const row of batch.segments) this.#segment.run(...segmentValues(row));
    for (const { streamId, before } of decodeDeletedBlocks(batch)) {
      this.#deleteBlocks.run(streamId, before);
    }
    for (const row of decodeBlocks(batch)) this.#block.run(...blockValues(row));
    for (const id of batch.streamsWithoutSnapshot) this.#deleteSnapshot.run(id);
    for (const row of batch.snapshots) this.#snapshot.run(...snapshotValues(row));
    this.#subscriptions.store(batch);
  }

  #updateStream(update: StreamUpdate): void {
    const { changes } = this.#update.run(...updateValues(update), update.id);
    if (Number(changes) !== 1) throw new Error(`Stream ${update.id} has no row to update.`);
  }

  #storeState(state: CatalogState): void {
    const values = [
      state.uuid,
      state.lsn,
      state.nextId,
      state.checkpointAtMs,
      state.clean ? 1 : 0,
    ];
    this.#state.run(...values, rowChecksum(values));
  }

  #transaction(run: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      run();
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** SQLite has rolled back by itself where the disk was full, and says so with an error. */
  #rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }

  /** Committed rows are safe in SQLite's log, and stay there for want of room or descriptors. */
  #checkpointWalIfRoom(pages: number): void {
    try {
      this.#checkpointWal(pages);
    } catch (error) {
      if (KINDS[sqliteErrorKind(error)] === "other") throw error;
    }
  }

  #checkpointWal(pages: number): void {
    const [row] = this.#database.prepare("PRAGMA wal_checkpoint(NOOP)").all();
    const waiting = typeof row?.log === "number" ? row.log : Infinity;
    if (waiting <= pages) return;
    // It waits for those who read, and a backup may read for long: then the next commit does it.
    this.#database.exec(`PRAGMA busy_timeout=${CHECKPOINT_WAIT_MS}`);
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    this.#database.exec(BUSY_TIMEOUT);
  }
}

/** The changes of subscriptions and their cursors. */
class SubscriptionStatements {
  readonly #deletes: StatementSync[];
  readonly #replaced: StatementSync[];
  readonly #row: StatementSync;
  readonly #cursor: StatementSync;
  readonly #deleteCursor: StatementSync;

  constructor(database: DatabaseSync) {
    this.#deletes = ["cursor WHERE subscription_id", "subscription WHERE id"]
      .map((rows) => database.prepare(`DELETE FROM ${rows} = ?`));
    const others = "subscription WHERE name = ? AND id <> ?";
    this.#replaced = [`cursor WHERE subscription_id IN (SELECT id FROM ${others})`, others]
      .map((rows) => database.prepare(`DELETE FROM ${rows}`));
    this.#row = upsert(database, "subscription", ["id"], [...SUBSCRIPTION_COLUMNS, "crc32"]);
    this.#cursor = upsert(database, "cursor", ["subscription_id", "stream_id"], [
      ...CURSOR_COLUMNS,
      "crc32",
    ]);
    this.#deleteCursor = database.prepare(
      "DELETE FROM cursor WHERE subscription_id = ? AND stream_id = ?",
    );
  }

  store(batch: CatalogBatch): void {
    for (const id of batch.deletedSubscriptionIds) {
      for (const statement of this.#deletes) statement.run(id);
    }
    for (const row of batch.subscriptionRows) {
      // One whose row is damaged isn't known by its name: it gives way to who was created since.
      for (const statement of this.#replaced) statement.run(row.name, row.id);
      this.#row.run(...subscriptionValues(row));
    }
    for (const { subscriptionId, streamId } of decodeCursors(batch.deletedCursors)) {
      this.#deleteCursor.run(subscriptionId, streamId);
    }
    for (const row of decodeCursors(batch.cursors)) this.#cursor.run(...cursorValues(row));
  }
}

/** A name that is taken by another id is an error and not a row to replace. */
function upsert(
  database: DatabaseSync,
  table: string,
  keys: readonly string[],
  columns: readonly string[],
): StatementSync {
  const names = columns.map((column) => `"${column}"`);
  const marks = columns.map(() => "?").join(", ");
  const updates = columns.filter((column) => !keys.includes(column))
    .map((column) => `"${column}" = excluded."${column}"`).join(", ");
  return database.prepare(
    `INSERT INTO ${table} (${names.join(", ")}) VALUES (${marks}) ` +
      `ON CONFLICT (${keys.join(", ")}) DO UPDATE SET ${updates}`,
  );
}

lowerPriority();
const committer = new Committer(workerData.path);

parentPort?.on("message", (request: CatalogRequest) => {
  const reply: CatalogReply = { error: undefined, kind: "other" };
  try {
    committer.handle(request);
  } catch (error) {
    reply.error = error instanceof Error ? error.message : String(error);
    reply.kind = KINDS[sqliteErrorKind(error)];
  }
  parentPort?.postMessage(reply);
});
