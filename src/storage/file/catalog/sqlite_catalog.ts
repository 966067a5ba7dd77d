import type { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { FileSystemError } from "../../../env/file_system.ts";
import { workerUrl } from "../../../env/worker_url.ts";
import type { Catalog, CatalogChanges, CatalogState } from "./catalog.ts";
import { SqliteLookups } from "./lookups.ts";
import { convertTables, type SegmentConverter } from "./conversion.ts";
import { BUSY_TIMEOUT, rowChecksum, SCHEMA } from "./schema.ts";
import { buffersOf, encodeChanges } from "./wire.ts";
import type { CatalogReply, CatalogRequest } from "./worker.ts";
import { damagedDirectory, DirectoryError, REPAIR_ADVICE } from "../directory/damage.ts";
import { openDatabase } from "../directory/sqlite.ts";
import { sqliteErrorKind } from "../directory/sqlite_error.ts";

/** Makes the catalogue of a new directory: no streams, nothing in the log. */
export function createSqliteCatalog(path: string, uuid: string): void {
  const database = openDatabase(path);
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
  const database = openDatabase(path);
  try {
    return database.prepare("SELECT 1 FROM state WHERE next_id > 1").get() !== undefined;
  } catch {
    // It isn't complete: the making of the directory was cut short.
    return false;
  } finally {
    database.close();
  }
}

/**
 * Makes the catalogue of a directory of an older version one of this version, and on the way all that
 * lies beside it; a catalogue of this version stays.
 *
 * @throws {DirectoryError} `incomplete` or `damaged`
 * @throws {FileSystemError} `no_space`, `too_many_open_files`
 */
export async function convertSqliteCatalog(
  path: string,
  segments: SegmentConverter,
): Promise<void> {
  const database = openExistingCatalog(path);
  try {
    database.exec(BUSY_TIMEOUT);
    await convertTables(database, segments);
  } catch (error) {
    throw error instanceof FileSystemError ? error : openingFailure(path, error);
  } finally {
    database.close();
  }
}

/**
 * Opens the catalogue that is there.
 *
 * @throws {DirectoryError} `incomplete` or `damaged`
 * @throws {FileSystemError} `no_space`, `too_many_open_files`: reading it needs a little, too
 */
export function openSqliteCatalog(path: string): Catalog {
  const database = openExistingCatalog(path);
  try {
    return new SqliteCatalog(path, database);
  } catch (error) {
    database.close();
    throw openingFailure(path, error);
  }
}

/**
 * Opens the file of a catalogue that has to be there.
 *
 * @throws {DirectoryError} `incomplete`
 */
export function openExistingCatalog(path: string): DatabaseSync {
  try {
    // Opened so, a file that is missing is an error; otherwise it would be made anew.
    return openDatabase(`${pathToFileURL(path)}?mode=rw`);
  } catch (error) {
    throw new DirectoryError("incomplete", path, `can't be opened. ${REPAIR_ADVICE}`, {
      cause: error,
    });
  }
}

function openingFailure(path: string, error: unknown): Error {
  const kind = sqliteErrorKind(error);
  if (kind === "full") return new FileSystemError("no_space", "open", path, error);
  if (kind === "cannot_open") {
    return new FileSystemError("too_many_open_files", "open", path, error);
  }
  const found = error instanceof Error ? error.message : String(error);
  return damagedDirectory(
    { path, filePosition: 0, expected: "our catalogue", found },
    REPAIR_ADVICE,
  );
}

/** Look-ups on this thread and connection, changes on the worker's. */
class SqliteCatalog extends SqliteLookups implements Catalog {
  readonly #path: string;
  readonly #worker: Worker;
  readonly #replies: PromiseWithResolvers<void>[] = [];
  #state: CatalogState;
  /** False as long as there never was a fork: most loads of a stream do without a look-up. */
  #hasForks: boolean;
  #workerFailure: unknown;

  constructor(path: string, database: DatabaseSync) {
    super(path, database);
    this.#path = path;
    this.#state = this.readState();
    this.#hasForks = this.hasForks();
    this.#worker = new Worker(workerUrl(import.meta.url, "src/storage/file/catalog/worker.ts"), {
      workerData: { path },
    });
    this.#worker.on("message", (reply: CatalogReply) => this.#onReply(reply));
    this.#worker.on("error", (error: unknown) => this.#failAll(error));
    this.#worker.on("exit", () => this.#failAll(new Error("The catalogue's worker has ended.")));
  }

  get state(): CatalogState {
    return this.#state;
  }

  store(changes: CatalogChanges): Promise<void> {
    if (changes.streams.some(({ fork }) => fork !== undefined)) this.#hasForks = true;
    const batch = encodeChanges(changes);
    return this.#request({ kind: "store", batch }, buffersOf(batch));
  }

  override countForks(sourceId: number): number {
    return this.#hasForks ? super.countForks(sourceId) : 0;
  }

  async storeState(state: CatalogState): Promise<void> {
    await this.#request({ kind: "state", state });
    this.#state = state;
  }

  async close(): Promise<void> {
    this.closeLookups();
    try {
      await this.#request({ kind: "close" });
    } finally {
      await this.#worker.terminate();
    }
  }

  #request(request: CatalogRequest, transfer: ArrayBuffer[] = []): Promise<void> {
    if (this.#workerFailure !== undefined) return Promise.reject(this.#workerFailure);
    const reply = Promise.withResolvers<void>();
    this.#replies.push(reply);
    this.#worker.postMessage(request, transfer);
    return reply.promise;
  }

  #onReply({ error, kind }: CatalogReply): void {
    const reply = this.#replies.shift();
    if (error === undefined) reply?.resolve();
    else {
      reply?.reject(new FileSystemError(kind, "commit", this.#path, error));
    }
  }

  #failAll(error: unknown): void {
    this.#workerFailure ??= error;
    for (const reply of this.#replies.splice(0)) reply.reject(error);
  }
}
