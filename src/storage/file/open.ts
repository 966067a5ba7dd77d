import { getLogger } from "@logtape/logtape";
import { systemClock } from "../../env/clock.ts";
import { type FileSystem, isNoSpace } from "../../env/file_system.ts";
import { nodeFileSystem } from "../../env/node_file_system.ts";
import type { Storage } from "../storage.ts";
import { SubscriptionRegistry } from "../subscriptions/registry.ts";
import { Ballast } from "./directory/ballast.ts";
import type { Catalog } from "./catalog/catalog.ts";
import { DirectoryError, isDamage, REPAIR_ADVICE } from "./directory/damage.ts";
import { DamagedStreams } from "./directory/damaged_streams.ts";
import { DamagedSubscriptions } from "./directory/damaged_subscriptions.ts";
import {
  checkParts,
  inspectDirectory,
  readFormat,
  syncAbove,
  writeFormat,
} from "./directory/directory.ts";
import { FORMAT_VERSION } from "./directory/format_file.ts";
import { FileStorage } from "./file_storage.ts";
import { quarantineLogFiles } from "./wal/quarantine_log_files.ts";
import type { DirectoryLock } from "./directory/lock.ts";
import { DirectoryPins } from "./directory/pins.ts";
import { limitsOf, type StorageLimits } from "./limits.ts";
import { type CurrentLogFile, LogFiles } from "./wal/files.ts";
import type { CatalogDriver, FileStorageOptions } from "./options.ts";
import { type DirectoryPaths, directoryPaths } from "./directory/paths.ts";
import { type RecoveredLog, recoverLog } from "./wal/recovery.ts";
import { RecoveryTurns } from "./wal/recovery_turns.ts";
import { sqliteDriver } from "./sqlite_driver.ts";
import { IndexConverter } from "./segments/index_conversion.ts";
import { replayLog } from "./streams/replay.ts";
import { restoreSubscriptions } from "./streams/restore_subscriptions.ts";
import { StreamCache } from "./streams/stream_cache.ts";

const logger = getLogger(["durable-streams", "storage"]);

const MIB = 1024 * 1024;
/** More than a log file being filled and one that is begun, the ballast, a checkpoint and a read take. */
const RESERVED_DESCRIPTORS = 16;
/** Enough for a log file and what SQLite needs to open its database and to delete some rows. */
const BALLAST_BYTES = 4 * MIB;

/** A directory that is being opened. */
interface Opening {
  readonly options: FileStorageOptions;
  readonly limits: StorageLimits;
  readonly fileSystem: FileSystem;
  readonly database: CatalogDriver;
  readonly paths: DirectoryPaths;
  readonly ballast: Ballast;
}

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
  const database = options.database ?? sqliteDriver;
  const paths = directoryPaths(options.dir);
  inspectDirectory(fileSystem, paths, options.mustExist ?? false);
  const limits = limitsOf(options);
  const ballastBytes = Math.floor(Math.min(BALLAST_BYTES, limits.logBytes / 2));
  const ballast = new Ballast(fileSystem, paths.ballast, ballastBytes);
  while (true) {
    try {
      return await openLocked({ options, limits, fileSystem, database, paths, ballast });
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      if (!ballast.release()) throw noRoomToStart(fileSystem, paths, error);
      logger.warn("The disk is full: the start uses the ballast's room.");
    }
  }
}

function noRoomToStart(
  fileSystem: FileSystem,
  paths: DirectoryPaths,
  cause: Error,
): DirectoryError {
  const hasFormat = fileSystem.list(paths.root)?.includes("FORMAT") ?? false;
  const converts = hasFormat && readFormat(fileSystem, paths).version !== FORMAT_VERSION;
  const needed = converts
    ? "this start converts the directory, and needs room for another catalogue and for 256 indexes."
    : "a start needs 2 MiB.";
  return new DirectoryError(
    "full",
    paths.root,
    `the disk is full (${cause.message}). Make room: ${needed}`,
    { cause },
  );
}

async function openLocked(opening: Opening): Promise<Storage> {
  const { options, fileSystem, database, paths } = opening;
  const lock = database.lock(paths.lock);
  let catalog: Catalog | undefined;
  try {
    // Looked at again under the lock: another server may have made it meanwhile.
    const isNew = inspectDirectory(fileSystem, paths, false) === "new";
    if (isNew) await makeDirectory(opening);
    // The names that a killed process left may not be on disk: FORMAT's would be lost, and a log file that
    // was to be used again would come back under its old one, with whatever is in it by then.
    else await fileSystem.syncDirectory(paths.root);
    const { uuid, version } = readFormat(fileSystem, paths);
    checkParts(fileSystem, paths);
    const turns = new RecoveryTurns(options.clock ?? systemClock, options.onProgress);
    if (version !== FORMAT_VERSION) await convertDirectory(opening, uuid, version, turns);
    await fileSystem.syncDirectory(paths.log);
    catalog = database.open(paths.catalog);
    checkUuid(paths, catalog, uuid);
    const { state } = catalog;
    // After an end in order no row is newer than the state's LSN: to go over all of them would be in vain.
    const lsnBehind = (lsn: number) => state.clean ? undefined : catalog?.newestLsnAfter(lsn);
    const recovered = await recoverLog(fileSystem, paths.log, state, lsnBehind, turns);
    return await startStorage(opening, lock, catalog, recovered);
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
async function makeDirectory(opening: Opening): Promise<void> {
  const { fileSystem, database, paths } = opening;
  checkFormatNotLost(opening);
  const uuid = crypto.randomUUID();
  for (const folder of [paths.log, paths.segments]) {
    fileSystem.makeDirectory(folder);
    for (const name of fileSystem.list(folder) ?? []) fileSystem.remove(`${folder}/${name}`);
  }
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    fileSystem.remove(`${paths.catalog}${suffix}`);
  }
  database.create(paths.catalog, uuid);
  const files = logFiles(opening, uuid, { live: [], recycled: [] });
  (await files.roll(1, 0)).file.close();
  await fileSystem.syncDirectory(paths.root);
  await syncAbove(fileSystem, paths.root);
  await writeFormat(fileSystem, paths, uuid);
  logger.info("Made the directory {dir}.", { dir: paths.root });
}

/** FORMAT comes last: whatever happens before, the conversion begins again. */
async function convertDirectory(
  { fileSystem, database, paths }: Opening,
  uuid: string,
  version: number,
  turns: RecoveryTurns,
): Promise<void> {
  if (new DirectoryPins(fileSystem, database, paths).isHeld("segments")) {
    throw new DirectoryError(
      "in_use",
      paths.root,
      "a backup is running, and this start would convert the directory. Start when it has ended.",
    );
  }
  const turn = () => turns.ifDue;
  await database.convert(paths.catalog, new IndexConverter({ fileSystem, paths, turn }));
  await writeFormat(fileSystem, paths, uuid);
  logger.info("Made the directory {dir} one of format version {to}, it was one of {from}.", {
    dir: paths.root,
    from: version,
    to: FORMAT_VERSION,
  });
}

/** A directory that served streams and has lost its FORMAT must not be taken for a new one. */
function checkFormatNotLost({ fileSystem, database, paths }: Opening): void {
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

function logFiles(
  { limits, fileSystem, paths }: Opening,
  uuid: string,
  found: Pick<RecoveredLog, "live" | "recycled">,
): LogFiles {
  return new LogFiles(
    {
      fileSystem,
      folder: paths.log,
      uuid,
      limitBytes: limits.logBytes,
      newSalt: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    },
    found.live,
    found.recycled,
  );
}

/** Applies what the log holds, and serves the directory. */
async function startStorage(
  opening: Opening,
  lock: DirectoryLock,
  catalog: Catalog,
  recovered: RecoveredLog,
): Promise<Storage> {
  const { options, fileSystem, paths } = opening;
  const clock = options.clock ?? systemClock;
  const { state } = catalog;
  const nextLsn = recovered.lastLsn + 1;
  // Records behind the catalogue say better than its word that the last server didn't end in order.
  const isClean = state.clean && recovered.lastLsn === state.lsn;
  const damaged = new DamagedStreams();
  const damagedSubscriptions = new DamagedSubscriptions();
  const subscriptions = new SubscriptionRegistry();
  restoreSubscriptions({ catalog, registry: subscriptions, damaged: damagedSubscriptions });
  const cache = new StreamCache({
    catalog,
    damaged,
    maxLoadedStreams: options.maxLoadedStreams ?? 100_000,
    maxIdleBytes: options.maxIdleBytes ?? 192 * MIB,
    usedUntilMs: isClean ? undefined : clock.nowMs(),
  });
  const reserve = fileSystem.reserve?.(RESERVED_DESCRIPTORS);
  const greatestRowId = catalog.greatestId() ?? Infinity;
  const replayed = await replayLog(recovered, {
    cache,
    catalog,
    damaged,
    subscriptions: { registry: subscriptions, damaged: damagedSubscriptions },
    greatestRowId,
  });
  await quarantineLogFiles(fileSystem, paths.root, replayed.filesToQuarantine, clock.nowMs());
  // Rows of later streams and subscriptions than the state knows of come with their creations in the log.
  cache.nextId = Math.max(state.nextId, replayed.greatestId + 1);
  const files = logFiles(opening, state.uuid, recovered);
  const current = await beginLog(files, nextLsn, catalog, cache.nextId);
  const storage = new FileStorage({
    ...opening,
    clock,
    lock,
    reserve,
    catalog,
    cache,
    damaged,
    subscriptions,
    damagedSubscriptions,
    files,
    current,
    nextLsn,
    pins: new DirectoryPins(fileSystem, opening.database, paths),
  });
  storage.start(isClean);
  if (!isClean) logRecovered(replayed.records);
  return storage.engine;
}

/** The log goes on in a new file; from now on the catalogue says that the server runs. */
async function beginLog(
  files: LogFiles,
  nextLsn: number,
  catalog: Catalog,
  nextId: number,
): Promise<CurrentLogFile> {
  await files.takeBackEmpty(nextLsn);
  const current = await files.roll(nextLsn, 0);
  try {
    await catalog.storeState({ ...catalog.state, nextId, clean: false });
  } catch (error) {
    current.file.close();
    throw error;
  }
  return current;
}

function logRecovered(count: number): void {
  if (count === 0) return logger.info("Nothing to recover: everything is in the catalogue.");
  const records = count === 1 ? "1 record" : `${count} records`;
  logger.info("Recovered {records} from the log.", { records });
}
