import type { DatabaseSync, StatementSync } from "node:sqlite";
import { join } from "node:path";
import type { FileSystem } from "../../../../env/file_system.ts";
import { NO_BYTES } from "../../../../protocol/bytes.ts";
import { endOfPrefix } from "../../../../protocol/name_order.ts";
import { BUSY_TIMEOUT, type SqlRow } from "../../catalog/schema.ts";
import { openExistingCatalog } from "../../catalog/sqlite_catalog.ts";
import type { DirectoryPaths } from "../../directory/paths.ts";
import { INDEX_ENTRY_BYTES, INDEX_HEADER_BYTES } from "../../segments/index_format.ts";
import { snapshotFiles } from "../scan/snapshot_files.ts";
import { orphanFiles } from "../scan/segment_files.ts";

const PAGE_ROWS = 500;

/**
 * Why what a stream takes isn't free: it is `there`; or it is deleted, and `forks` still read it.
 */
export type Holder = "there" | "forks";

/** What a stream takes on the disk, as of the last checkpoint. */
export interface StreamUsage {
  readonly name: string;
  readonly heldBy: Holder;
  /** Those that read its bytes. */
  readonly forks: number;
  readonly segments: number;
  /** Its segments and their indexes, its blocks in the catalogue, and its snapshot. */
  readonly bytes: number;
  /** Of these its snapshot. */
  readonly snapshotBytes: number;
  /** Of these what only forks can read: the stream is deleted, or that was trimmed. */
  readonly heldByForksBytes: number;
  /** Of these what nobody can read: trimmed, and still in a segment of which the rest is needed. */
  readonly trimmedBytes: number;
}

/** What else a directory takes. */
export interface DirectoryUsage {
  /** Log files that hold records, and those that wait to be used again. */
  readonly logBytes: number;
  readonly spareLogBytes: number;
  readonly catalogBytes: number;
  readonly ballastBytes: number;
  /** Files of segments and snapshots that no row names: of deleted streams, to be freed soon, or newer than the checkpoint. */
  readonly unnamedBytes: number;
}

/** A directory, also one that a server is using. */
export interface UsageScope {
  readonly fileSystem: FileSystem;
  readonly paths: DirectoryPaths;
}

/**
 * What the streams take whose names begin so, in the order of their names.
 *
 * @throws {DirectoryError} `incomplete`
 */
export function* streamUsages({ paths }: UsageScope, prefix: string): Generator<StreamUsage> {
  const database = openCatalog(paths);
  try {
    // Each page is a moment of its own: whoever reads may be a pager, and a transaction that stays open
    // would keep SQLite's own log from ever being emptied by the server.
    const columns = "s.id, s.name, s.soft_deleted, length(s.rest) AS rest_bytes, " +
      "s.tail, s.earliest, coalesce(s.fork_point, 0) AS start, " +
      "(SELECT count(*) FROM stream f WHERE f.source_id = s.id) AS forks, " +
      "(SELECT count(*) FROM segment g WHERE g.stream_id = s.id) AS segments, " +
      `(SELECT sum(bytes + ${INDEX_HEADER_BYTES} + ${INDEX_ENTRY_BYTES} * blocks) ` +
      "FROM segment g WHERE g.stream_id = s.id) AS segment_bytes, " +
      '(SELECT sum("end" - base) FROM block b WHERE b.stream_id = s.id) AS block_bytes, ' +
      "(SELECT bytes FROM snapshot p WHERE p.stream_id = s.id) AS snapshot_bytes";
    const page = (bound: string) =>
      database.prepare(
        `SELECT ${columns} FROM stream s WHERE name ${bound} ? AND name < ? ORDER BY name LIMIT ?`,
      );
    const held = new HeldBytes(database);
    const toUsage = (row: SqlRow) => usageOf(row, held);
    const end = endOfPrefix(prefix) ?? NO_BYTES;
    const later = page(">");
    let rows: SqlRow[] = page(">=").all(prefix, end, PAGE_ROWS);
    while (rows.length > 0) {
      yield* rows.map(toUsage);
      rows = later.all(String(rows.at(-1)?.name), end, PAGE_ROWS);
    }
  } finally {
    database.close();
  }
}

function usageOf(row: SqlRow, held: HeldBytes): StreamUsage {
  const snapshotBytes = Number(row.snapshot_bytes ?? 0);
  return {
    name: String(row.name),
    heldBy: row.soft_deleted === 1 ? "forks" : "there",
    forks: Number(row.forks),
    segments: Number(row.segments),
    bytes: Number(row.segment_bytes ?? 0) + Number(row.block_bytes ?? 0) +
      Number(row.rest_bytes) + snapshotBytes,
    snapshotBytes,
    ...held.of(row),
  };
}

/** Tells of what a stream holds, but can't be read of it, why it is there. */
class HeldBytes {
  readonly #firstNeeded: StatementSync;
  readonly #segmentsBefore: StatementSync;
  readonly #blocksBefore: StatementSync;

  constructor(database: DatabaseSync) {
    // Forks of forks, too, each as far as its bytes are this stream's. UNION ends where damage makes a circle.
    this.#firstNeeded = database.prepare(
      "WITH RECURSIVE reader (id, earliest, point, soft_deleted) AS (" +
        "SELECT id, earliest, fork_point, soft_deleted FROM stream WHERE source_id = ? " +
        "UNION SELECT s.id, s.earliest, min(r.point, s.fork_point), s.soft_deleted " +
        "FROM reader r JOIN stream s ON s.source_id = r.id) " +
        "SELECT min(earliest) AS first FROM reader WHERE soft_deleted = 0 AND earliest < point",
    );
    this.#segmentsBefore = database.prepare(
      `SELECT sum(CASE WHEN "end" <= :end ` +
        `THEN bytes + ${INDEX_HEADER_BYTES} + ${INDEX_ENTRY_BYTES} * blocks ` +
        "ELSE min(bytes, :end - base) END) AS bytes " +
        "FROM segment WHERE stream_id = :id AND base < :end",
    );
    this.#blocksBefore = database.prepare(
      'SELECT sum(min("end", :end) - base) AS bytes FROM block WHERE stream_id = :id AND base < :end',
    );
  }

  of(row: SqlRow): Pick<StreamUsage, "heldByForksBytes" | "trimmedBytes"> {
    const unreadTo = Number(row.soft_deleted === 1 ? row.tail : row.earliest);
    if (unreadTo <= Number(row.start)) return { heldByForksBytes: 0, trimmedBytes: 0 };
    const first = Number(row.forks) === 0 ? undefined : this.#firstNeeded.get(row.id ?? 0)?.first;
    const trimmedBytes = this.#before(row, Math.min(unreadTo, Number(first ?? Infinity)));
    return { heldByForksBytes: this.#before(row, unreadTo) - trimmedBytes, trimmedBytes };
  }

  /** How many bytes of a stream are of offsets before this one. */
  #before({ id, tail, rest_bytes: rest }: SqlRow, end: number): number {
    const segments = this.#segmentsBefore.get({ id: id ?? 0, end })?.bytes;
    const blocks = this.#blocksBefore.get({ id: id ?? 0, end })?.bytes;
    const restStart = Number(tail) - Number(rest);
    return Number(segments ?? 0) + Number(blocks ?? 0) + Math.max(0, end - restStart);
  }
}

/** What the directory takes beside its streams. */
export function directoryUsage({ fileSystem, paths }: UsageScope): DirectoryUsage {
  const database = openCatalog(paths);
  let unnamedBytes = 0;
  try {
    for (const { path } of orphanFiles(fileSystem, paths.segments, database)) {
      unnamedBytes += sizeOf(fileSystem, path);
    }
    const row = database.prepare("SELECT 1 FROM snapshot WHERE stream_id = ? AND number = ?");
    for (const { path, snapshot } of snapshotFiles(fileSystem, paths.snapshots)) {
      const isNamed = snapshot !== undefined &&
        row.get(snapshot.streamId, snapshot.number) !== undefined;
      if (!isNamed) unnamedBytes += sizeOf(fileSystem, path);
    }
  } finally {
    // Before its files are opened in any other way: that would drop SQLite's locks.
    database.close();
  }
  const log = (fileSystem.list(paths.log) ?? []).map((name) => ({
    isLive: name.endsWith(".wal"),
    bytes: sizeOf(fileSystem, join(paths.log, name)),
  }));
  const sum = (isLive: boolean) =>
    log.reduce((total, file) => total + (file.isLive === isLive ? file.bytes : 0), 0);
  return {
    logBytes: sum(true),
    spareLogBytes: sum(false),
    catalogBytes: sizeOf(fileSystem, paths.catalog) + sizeOf(fileSystem, `${paths.catalog}-wal`),
    ballastBytes: sizeOf(fileSystem, paths.ballast),
    unnamedBytes,
  };
}

function openCatalog({ catalog }: DirectoryPaths): DatabaseSync {
  const database = openExistingCatalog(catalog);
  database.exec(BUSY_TIMEOUT);
  database.exec("PRAGMA query_only=1;");
  return database;
}

/** A server removes files, and gives log files other names, at any time. */
function sizeOf(fileSystem: FileSystem, path: string): number {
  try {
    const file = fileSystem.open(path, "read");
    try {
      return file.size();
    } finally {
      file.close();
    }
  } catch {
    return 0;
  }
}
