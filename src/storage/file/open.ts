import { getLogger } from "@logtape/logtape";
import { systemClock } from "../../env/clock.ts";
import { type FileSystem, isNoSpace } from "../../env/file_system.ts";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import { StreamEngine } from "../engine.ts";
import type { Storage } from "../storage.ts";
import { Ballast } from "./directory/ballast.ts";
import type { Catalog } from "./catalog/catalog.ts";
import {
  createSqliteCatalog,
  isSqliteCatalogUsed,
  openSqliteCatalog,
} from "./catalog/sqlite_catalog.ts";
import { Checkpointer } from "./streams/checkpoint.ts";
import { DirectoryError, isDamage, REPAIR_ADVICE } from "./directory/damage.ts";
import { DamagedStreams } from "./directory/damaged_streams.ts";
import {
  checkParts,
  inspectDirectory,
  readFormat,
  syncAbove,
  writeFormat,
} from "./directory/directory.ts";
import { Expiry } from "./streams/expiry.ts";
import { FileBlocks } from "./file_blocks.ts";
import { type Effect, FileBackend } from "./file_backend.ts";
import { quarantineLogFiles } from "./wal/quarantine_log_files.ts";
import { type DirectoryLock, lockDirectory } from "./directory/lock.ts";
import { LogFiles } from "./wal/files.ts";
import { Throttle } from "./wal/throttle.ts";
import { LogSync } from "./wal/sync.ts";
import { LogWriter } from "./wal/writer.ts";
import { OpenSegments } from "./segments/open_segments.ts";
import type { CatalogDriver, FileStorageOptions } from "./options.ts";
import { type DirectoryPaths, directoryPaths } from "./directory/paths.ts";
import { type RecoveredLog, recoverLog } from "./wal/recovery.ts";
import { replayLog } from "./streams/replay.ts";
import { SegmentReader } from "./segments/reader.ts";
import { SegmentWriter } from "./segments/writer.ts";
import { StreamCache } from "./streams/stream_cache.ts";
import { sweepOrphans } from "./streams/orphan_sweep.ts";

const logger = getLogger(["durable-streams", "storage"]);

const MIB = 1024 * 1024;
/** More than a log file being filled and one that is begun, the ballast, a checkpoint and a read take. */
const RESERVED_DESCRIPTORS = 16;
const DELETE_RESERVE_BYTES = 64 * 1024;
/** Enough for a log file and what SQLite needs to open its database and to delete some rows. */
const BALLAST_BYTES = 4 * MIB;
/** A checkpoint hurries past so many times the dirty streams that it begins at: all are in memory. */
const URGENT_DIRTY = 1.1;
/** At so many times as many, and some more, writes wait for those that it has stored. */
const MOST_DIRTY = 1.5;
const EXTRA_DIRTY = 1000;

const sqlite: CatalogDriver = {
  lock: lockDirectory,
  create: createSqliteCatalog,
  isUsed: isSqliteCatalogUsed,
  open: openSqliteCatalog,
};

/**
 * Opens a storage that keeps its streams in a directory. What it acknowledges is on disk; after a crash
 * the next start brings back all of it.
 *
 * @throws {DirectoryError} which says which file is wrong and what to do
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { openFileStorage } from "./open.ts";
 *
 * const dir = await Deno.makeTempDir();
 * const storage = await openFileStorage({ dir });
 * await storage.create("greetings", { contentType: "text/plain" });
 * await storage.append("greetings", { contentType: "text/plain", body: new TextEncoder().encode("hello") });
 * await storage.close();
 * const again = await openFileStorage({ dir, mustExist: true });
 * assert.equal((await again.head("greetings")).tail, 5);
 * await again.close();
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function openFileStorage(options: FileStorageOptions): Promise<Storage> {
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const database = options.database ?? sqlite;
  const paths = directoryPaths(options.dir);
  inspectDirectory(fileSystem, paths, options.mustExist ?? false);
  const ballastBytes = Math.floor(Math.min(BALLAST_BYTES, limitOfLog(options) / 2));
  const ballast = new Ballast(fileSystem, paths.ballast, ballastBytes);
  while (true) {
    try {
      return await openLocked(options, fileSystem, database, paths, ballast);
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      if (!ballast.release()) throw noRoomToStart(paths, error);
      logger.warn("The disk is full: the start uses the ballast's room.");
    }
  }
}

function noRoomToStart(paths: DirectoryPaths, cause: Error): DirectoryError {
  return new DirectoryError(
    "full",
    paths.root,
    `the disk is full (${cause.message}). Make room: a start needs 2 MiB.`,
    { cause },
  );
}

async function openLocked(
  options: FileStorageOptions,
  fileSystem: FileSystem,
  database: CatalogDriver,
  paths: DirectoryPaths,
  ballast: Ballast,
): Promise<Storage> {
  const lock = database.lock(paths.lock);
  let catalog: Catalog | undefined;
  try {
    // Looked at again under the lock: another server may have made it meanwhile.
    const isNew = inspectDirectory(fileSystem, paths, false) === "new";
    if (isNew) await makeDirectory(fileSystem, database, paths, options);
    // The names that a killed process left may not be on disk: FORMAT's would be lost, and a log file that
    // was to be used again would come back under its old one, with whatever is in it by then.
    else await fileSystem.syncDirectory(paths.root);
    const { uuid } = readFormat(fileSystem, paths);
    checkParts(fileSystem, paths);
    await fileSystem.syncDirectory(paths.log);
    catalog = database.open(paths.catalog);
    checkUuid(paths, catalog, uuid);
    const { state } = catalog;
    // After an end in order no row is newer than the position: to go over all of them would be in vain.
    const positionBehind = (position: number) =>
      state.clean ? undefined : catalog?.newestLsnAfter(position);
    const recovered = await recoverLog(fileSystem, paths.log, state, positionBehind);
    return await assemble(options, fileSystem, paths, catalog, recovered, ballast, lock);
  } catch (error) {
    // What stopped the start is what is told, whatever comes of this.
    await catalog?.close().catch(() => {});
    lock.release();
    throw isDamage(error)
      ? new DirectoryError("damaged", paths.catalog, `${error.message} ${REPAIR_ADVICE}`)
      : error;
  }
}

/** FORMAT comes last: a directory without it was never used. */
async function makeDirectory(
  fileSystem: FileSystem,
  database: CatalogDriver,
  paths: DirectoryPaths,
  options: FileStorageOptions,
): Promise<void> {
  checkFormatNotLost(fileSystem, database, paths);
  const uuid = crypto.randomUUID();
  for (const folder of [paths.log, paths.segments]) {
    fileSystem.makeDirectory(folder);
    for (const name of fileSystem.list(folder) ?? []) fileSystem.remove(`${folder}/${name}`);
  }
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    fileSystem.remove(`${paths.catalog}${suffix}`);
  }
  database.create(paths.catalog, uuid);
  const files = logFiles(options, fileSystem, paths, uuid, { live: [], recycled: [] });
  (await files.roll(1, 0)).file.close();
  await fileSystem.syncDirectory(paths.root);
  await syncAbove(fileSystem, paths.root);
  await writeFormat(fileSystem, paths, uuid);
  logger.info("Made the directory {dir}.", { dir: paths.root });
}

/** A directory that served streams and has lost its FORMAT must not be taken for a new one. */
function checkFormatNotLost(
  fileSystem: FileSystem,
  database: CatalogDriver,
  paths: DirectoryPaths,
): void {
  const hasSegments = (fileSystem.list(paths.segments) ?? []).length > 0;
  const logNames = fileSystem.list(paths.log) ?? [];
  const isUsed = hasSegments || logNames.filter((name) => name.endsWith(".wal")).length > 1 ||
    (fileSystem.list(paths.root)?.includes("catalog.sqlite") === true &&
      database.isUsed(paths.catalog));
  if (!isUsed) return;
  throw new DirectoryError(
    "incomplete",
    paths.format,
    `FORMAT is missing, but there are streams here. ${REPAIR_ADVICE}`,
  );
}

function checkUuid(paths: DirectoryPaths, catalog: Catalog, uuid: string): void {
  if (catalog.state.uuid === uuid) return;
  throw new DirectoryError(
    "damaged",
    paths.catalog,
    `the catalogue belongs to directory ${catalog.state.uuid}, FORMAT to ${uuid}. ` +
      REPAIR_ADVICE,
  );
}

function limitOfLog({ walBytes = 256 * MIB }: FileStorageOptions): number {
  return walBytes;
}

/** How long a batch of the log gets, and how much of the log is left free before writes wait. */
function reserveBytes(options: FileStorageOptions): number {
  return Math.floor(Math.min(4 * MIB, limitOfLog(options) / 8));
}

function logFiles(
  options: FileStorageOptions,
  fileSystem: FileSystem,
  paths: DirectoryPaths,
  uuid: string,
  found: Pick<RecoveredLog, "live" | "recycled">,
): LogFiles {
  return new LogFiles(
    {
      fileSystem,
      folder: paths.log,
      uuid,
      limitBytes: limitOfLog(options),
      newSalt: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    },
    found.live,
    found.recycled,
  );
}

async function assemble(
  options: FileStorageOptions,
  fileSystem: FileSystem,
  paths: DirectoryPaths,
  catalog: Catalog,
  recovered: RecoveredLog,
  ballast: Ballast,
  lock: DirectoryLock,
): Promise<Storage> {
  const clock = options.clock ?? systemClock;
  const walBytes = limitOfLog(options);
  const { uuid } = catalog.state;
  const { lastLsn } = recovered;
  // Records behind the catalogue say better than its word that the last server didn't end in order.
  const clean = catalog.state.clean && lastLsn === catalog.state.lsn;
  const damaged = new DamagedStreams();
  const cache = new StreamCache({
    catalog,
    damaged,
    maxLoadedStreams: options.maxLoadedStreams ?? 100_000,
    maxIdleBytes: options.maxIdleBytes ?? 192 * MIB,
    usedUntilMs: clean ? undefined : clock.nowMs(),
  });
  const reserve = fileSystem.reserve?.(RESERVED_DESCRIPTORS);
  const maxOpenFiles = options.maxOpenFiles ?? 512;
  const open = new OpenSegments(fileSystem, paths.segments, uuid, maxOpenFiles, reserve);
  const segments = new SegmentWriter({
    fileSystem,
    clock,
    open,
    throttle: { yieldFor: (batches) => throttle.yieldFor(batches) },
    damaged,
    paths,
    uuid,
    segmentBytes: options.segmentBytes ?? 64 * MIB,
    barrierFiles: options.barrierFiles ?? 4096,
  });
  const replayed = replayLog(recovered, {
    cache: cache,
    damaged,
    greatestRowId: catalog.greatestId() ?? Infinity,
  });
  await quarantineLogFiles(fileSystem, paths.root, replayed.filesToQuarantine, clock.nowMs());
  // Rows of later streams than the state knows of come with their creations in the log.
  const nextId = Math.max(catalog.state.nextId, replayed.greatestId + 1);
  const files = logFiles(options, fileSystem, paths, uuid, recovered);
  await files.takeBackEmpty(lastLsn + 1);
  const current = await files.roll(lastLsn + 1, 0);
  try {
    await catalog.storeState({ ...catalog.state, nextId, clean: false });
  } catch (error) {
    current.file.close();
    throw error;
  }
  const log = new LogWriter<Effect>({
    files,
    current,
    clock,
    fsync: options.fsync ?? "always",
    fsyncIntervalMs: options.fsyncIntervalMs ?? 1000,
    sync: new LogSync({ clock, mayBlock: options.mayBlock ?? false, uses: () => cache.finds }),
    limitBytes: walBytes,
    batchLimitBytes: reserveBytes(options),
    nextLsn: lastLsn + 1,
    onDurable: (effects) => backend.publish(effects),
    onShortage: (error) => {
      logger.error("The log can't go on: {message}", { message: error.message });
      checkpointer.request();
      // Whoever waits for a checkpoint asks again: one that runs may wait for the log itself now.
      backend.onRoom();
    },
    onFailure: (error) => logger.fatal("The storage takes no writes any more: {error}", { error }),
  });
  const checkpointIntervalMs = options.checkpointIntervalMs ?? 30_000;
  const checkpointStreams = options.checkpointStreams ?? 100_000;
  const throttle = new Throttle(
    log,
    () => log.roomBytes < walBytes / 4 || cache.dirty > checkpointStreams * URGENT_DIRTY,
  );
  const checkpointer: Checkpointer = new Checkpointer({
    fileSystem,
    clock,
    folder: paths.segments,
    catalog,
    log,
    throttle,
    cache,
    segments,
    open,
    ballast,
    nextId: () => backend.nextId,
    onStart: () => backend.onCheckpointStart(),
    onStored: () => backend.onRoom(),
    onEnd: () => {
      backend.onRoom();
      expiry.onRows();
      if (checkpointer.done > 0) sweep();
    },
  });
  let isClosed = false;
  const isStopped = () => isClosed || log.failure !== undefined;
  const backend: FileBackend = new FileBackend({
    identity: uuid.slice(0, 8),
    clock,
    catalog,
    log,
    cache: cache,
    damaged,
    open,
    segments,
    checkpointer,
    ballast,
    limits: {
      maxQueuedBytes: options.maxQueuedBytes ?? 64 * MIB,
      logReserveBytes: reserveBytes(options),
      deleteReserveBytes: Math.min(DELETE_RESERVE_BYTES, reserveBytes(options)),
      earlyWriteBytes: options.earlyWriteBytes ?? MIB,
      checkpointLogBytes: Math.floor(walBytes / 3),
      checkpointStreams,
      maxDirtyStreams: Math.floor(checkpointStreams * MOST_DIRTY) + EXTRA_DIRTY,
      checkpointIntervalMs,
    },
    onExpiring: (stream) => expiry.schedule(stream),
    release: async () => {
      isClosed = true;
      await expiry.stop();
      await ballast.stop();
      open.close();
      lock.release();
      reserve?.end();
    },
  }, nextId);
  const engine = new StreamEngine(
    backend,
    new FileBlocks(new SegmentReader(clock, catalog, open)),
    {
      clock,
      maxProducersPerStream: options.maxProducersPerStream ?? 10_000,
    },
  );
  const expiry = new Expiry({
    clock,
    catalog,
    throttle: throttle,
    horizonMs: 2 * checkpointIntervalMs,
    expire: (id) => {
      engine.expire([id]);
      const stream = cache.loadIfThere(id);
      return stream?.lifecycle === "there" ? stream : undefined;
    },
    isStopped,
  });
  let isSwept = false;
  const sweep = () => {
    if (isSwept) return;
    isSwept = true;
    sweepOrphans({
      fileSystem,
      folder: paths.segments,
      catalog,
      cache: cache,
      throttle: throttle,
      nextId,
      isStopped,
    })
      .catch((error) => {
        if (!isStopped()) logger.warn("The sweep of left-over files stopped: {error}", { error });
      });
  };
  void ballast.refill();
  if (!clean) {
    if (replayed.records === 0) {
      logger.info("Nothing to recover: everything is in the catalogue.");
    } else {
      logger.info("Recovered {records} from the log.", {
        records: replayed.records === 1 ? "1 record" : `${replayed.records} records`,
      });
    }
    checkpointer.request();
  } else sweep();
  return engine;
}
