import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { NO_BYTES } from "../../protocol/bytes.ts";
import type { ProducerPosition } from "../../protocol/errors.ts";
import { compareNames, endOfPrefix, type NameRange } from "../../protocol/name_order.ts";
import { FileSystemError } from "../../env/file_system.ts";
import type { Catalog, CatalogChanges, CatalogState, SegmentRow, StreamRow } from "./catalog.ts";
import {
  checkRow,
  PATIENCE,
  rowChecksum,
  SCHEMA,
  type SqlRow,
  STATE_COLUMNS,
  toProducerRow,
  toSegmentRow,
  toStreamRow,
} from "./catalog_rows.ts";
import type { CatalogReply, CatalogRequest } from "./catalog_worker.ts";
import { damagedDirectory, DirectoryError } from "./damage.ts";
import { sqliteTrouble } from "./sqlite_trouble.ts";

const ADVICE = "Restore the file from a copy of the whole directory.";

/** Makes the catalogue of a new directory: no streams, nothing in the log. */
export function createSqliteCatalog(path: string, uuid: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
    database.exec(`BEGIN; ${SCHEMA}`);
    const values = [uuid, 0, 1, 0, 1];
    database.prepare("INSERT INTO state VALUES (1, ?, ?, ?, ?, ?, ?)")
      .run(...values, rowChecksum(values));
    database.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);");
  } finally {
    database.close();
  }
}

/** Whether the catalogue of a directory without FORMAT ever had a stream. */
export function isSqliteCatalogUsed(path: string): boolean {
  const database = new DatabaseSync(path);
  try {
    return database.prepare("SELECT 1 FROM state WHERE next_id > 1").get() !== undefined;
  } catch {
    // It isn't even made: the making of the directory was cut short.
    return false;
  } finally {
    database.close();
  }
}

/**
 * Opens the catalogue that is there.
 *
 * @throws {DirectoryError} `incomplete` or `damaged`
 * @throws {FileSystemError} `no_space`: also to be read it needs a little
 */
export function openSqliteCatalog(path: string): Catalog {
  let database: DatabaseSync;
  try {
    // Opened so, a file that is missing is an error; otherwise it would be made anew.
    database = new DatabaseSync(`${pathToFileURL(path)}?mode=rw`);
  } catch (error) {
    throw new DirectoryError("incomplete", path, `can't be opened. ${ADVICE}`, { cause: error });
  }
  try {
    return new SqliteCatalog(path, database);
  } catch (error) {
    database.close();
    if (sqliteTrouble(error) === "full") throw new FileSystemError("no_space", "open", path, error);
    const found = error instanceof Error ? error.message : String(error);
    throw damagedDirectory({ path, position: 0, expected: "our catalogue", found }, ADVICE);
  }
}

/** In an executable all modules have the program's URL, and a built module's worker is built too. */
function workerUrl(): URL {
  const { url } = import.meta;
  if (url.includes("/$bunfs/")) return new URL("./src/storage/file/catalog_worker.ts", url);
  return new URL(`./catalog_worker${url.slice(url.lastIndexOf("."))}`, url);
}

/** Look-ups on this thread and connection, changes on the worker's. */
class SqliteCatalog implements Catalog {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #worker: Worker;
  readonly #byName: StatementSync;
  readonly #after: StatementSync;
  readonly #from: StatementSync;
  readonly #byId: StatementSync;
  readonly #producer: StatementSync;
  readonly #segmentAt: StatementSync;
  readonly #segments: StatementSync;
  readonly #countForks: StatementSync;
  readonly #forkIds: StatementSync;
  readonly #expired: StatementSync;
  readonly #replies: PromiseWithResolvers<void>[] = [];
  #state: CatalogState;
  #workerFailure: unknown;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    database.exec(PATIENCE);
    database.exec("PRAGMA query_only=1;");
    this.#state = this.#readState();
    this.#byName = database.prepare("SELECT * FROM stream WHERE name = ?");
    const page = (bound: string) =>
      `SELECT * FROM stream WHERE name ${bound} ? AND name < ? ORDER BY name LIMIT ?`;
    this.#after = database.prepare(page(">"));
    this.#from = database.prepare(page(">="));
    this.#byId = database.prepare("SELECT * FROM stream WHERE id = ?");
    this.#producer = database.prepare(
      "SELECT * FROM producer WHERE stream_id = ? AND producer_id = ?",
    );
    this.#segmentAt = database.prepare(
      "SELECT * FROM segment WHERE stream_id = ? AND base <= ? ORDER BY base DESC LIMIT 1",
    );
    this.#segments = database.prepare("SELECT * FROM segment WHERE stream_id = ? ORDER BY base");
    this.#countForks = database.prepare(
      "SELECT count(*) AS forks FROM stream WHERE source_id = ?",
    );
    this.#forkIds = database.prepare("SELECT id FROM stream WHERE source_id = ?");
    this.#expired = database.prepare(
      "SELECT id FROM stream WHERE ends_at_ms <= ? AND soft_deleted = 0 LIMIT ?",
    );
    this.#worker = new Worker(workerUrl(), {
      workerData: { path },
    });
    this.#worker.on("message", (reply: CatalogReply) => this.#settle(reply));
    this.#worker.on("error", (error: unknown) => this.#failAll(error));
    this.#worker.on("exit", () => this.#failAll(new Error("The catalogue's worker has ended.")));
  }

  get state(): CatalogState {
    return this.#state;
  }

  byName(name: string): StreamRow | undefined {
    return this.#stream(this.#byName.get(name));
  }

  list({ prefix, after }: NameRange, limit: number): StreamRow[] {
    // In SQLite's order every text comes before every blob.
    const end = endOfPrefix(prefix) ?? NO_BYTES;
    const rows = compareNames(after, prefix) < 0
      ? this.#from.all(prefix, end, limit)
      : this.#after.all(after, end, limit);
    return rows.map((row) => toStreamRow(row, this.#path));
  }

  byId(id: number): StreamRow | undefined {
    return this.#stream(this.#byId.get(id));
  }

  producer(streamId: number, producerId: string): ProducerPosition | undefined {
    const row = this.#producer.get(streamId, producerId);
    return row && toProducerRow(row, this.#path);
  }

  segmentAt(streamId: number, offset: number): SegmentRow | undefined {
    const row = this.#segmentAt.get(streamId, offset);
    return row && toSegmentRow(row, this.#path);
  }

  segments(streamId: number): SegmentRow[] {
    return this.#segments.all(streamId).map((row) => toSegmentRow(row, this.#path));
  }

  countForks(sourceId: number): number {
    return Number(this.#countForks.get(sourceId)?.forks ?? 0);
  }

  forkIds(sourceId: number): number[] {
    return this.#forkIds.all(sourceId).map(({ id }) => Number(id));
  }

  expiredIds(nowMs: number, limit: number): number[] {
    return this.#expired.all(nowMs, limit).map(({ id }) => Number(id));
  }

  store(changes: CatalogChanges): Promise<void> {
    return this.#ask({ kind: "store", changes });
  }

  async storeState(state: CatalogState): Promise<void> {
    await this.#ask({ kind: "state", state });
    this.#state = state;
  }

  async close(): Promise<void> {
    this.#database.close();
    try {
      await this.#ask({ kind: "close" });
    } finally {
      await this.#worker.terminate();
    }
  }

  #stream(row: SqlRow | undefined): StreamRow | undefined {
    return row && toStreamRow(row, this.#path);
  }

  #readState(): CatalogState {
    const row: SqlRow = this.#database.prepare("SELECT * FROM state").get() ?? {};
    checkRow(row, STATE_COLUMNS, this.#path, "state");
    return {
      uuid: String(row.uuid),
      position: Number(row.position),
      nextId: Number(row.next_id),
      checkpointAtMs: Number(row.checkpoint_at_ms),
      clean: row.clean === 1,
    };
  }

  #ask(request: CatalogRequest): Promise<void> {
    if (this.#workerFailure !== undefined) return Promise.reject(this.#workerFailure);
    const reply = Promise.withResolvers<void>();
    this.#replies.push(reply);
    this.#worker.postMessage(request);
    return reply.promise;
  }

  #settle({ error, isFull }: CatalogReply): void {
    const reply = this.#replies.shift();
    if (error === undefined) reply?.resolve();
    else {
      reply?.reject(
        new FileSystemError(isFull ? "no_space" : "other", "commit", this.#path, error),
      );
    }
  }

  #failAll(error: unknown): void {
    this.#workerFailure ??= error;
    for (const reply of this.#replies.splice(0)) reply.reject(error);
  }
}
