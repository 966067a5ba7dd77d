import { join } from "node:path";
import type { Clock } from "../../../env/clock.ts";
import type { FileSystem } from "../../../env/file_system.ts";
import type { CatalogCopy, CatalogSnapshot } from "../catalog/catalog.ts";
import { checksum } from "../directory/checksum.ts";
import { DirectoryError } from "../directory/damage.ts";
import { checkVersion, readFormat, requireWritable } from "../directory/directory.ts";
import { type DirectoryPaths, directoryPaths } from "../directory/paths.ts";
import type { CatalogDriver } from "../options.ts";
import { chunksOf, writeWhole } from "./copy_file.ts";
import type { DirectoryTarget } from "./directory_target.ts";
import { checkLogFiles, type CopiedLog, copyLog, LogMovedOn } from "./log_copy.ts";
import type { CopiedRecords } from "./logged_records.ts";
import { type BackupManifest, readWhole } from "./manifest.ts";
import { segmentsByStream } from "./named_segments.ts";
import { copySnapshot, namedSnapshots } from "./snapshot_copy.ts";
import { copySegment, type EarlierCopy, indexBytesOf } from "./segment_copy.ts";
import type { BackupTarget, BackupThrottle } from "./target.ts";

const CATALOG = "catalog.sqlite";
const SECRETS = "webhook_keys";
/** So often a busy server may use its log again before it could be copied. */
const MAX_TRIES = 5;
/** Of the catalogue's copy before it is synced: a server's own syncs are short ones, and wait behind it. */
const CATALOG_SYNC_BYTES = 2 * 1024 * 1024;
/** Of an error's lists. */
const MAX_DAMAGED = 100;

/** A directory that is backed up. */
export interface BackupOptions {
  readonly fileSystem: FileSystem;
  readonly database: CatalogDriver;
  readonly clock: Clock;
  readonly dir: string;
  /** Where the catalogue and the log go first: they can't be held for long. */
  readonly staging: DirectoryTarget;
  /** Where the segments go: the same place, or a stream of bytes. */
  readonly target: BackupTarget;
  /** What was copied before, the newest first. */
  readonly earlier: readonly EarlierCopy[];
  readonly throttle: BackupThrottle;
  /** Makes the backup whole. No other backup of the directory begins before that. */
  readonly seal?: (manifest: BackupManifest) => Promise<void>;
}

/**
 * Copies a directory as it is at one moment, also while a server uses it: all streams and subscriptions
 * as one record of the log left them. All that was acknowledged before the call is in it.
 *
 * @returns what the backup says of itself, to be written last
 * @throws {DirectoryError} `in_use` where another backup runs; where it can't be copied
 * @throws {FileSystemError}
 */
export async function backUp(options: BackupOptions): Promise<BackupManifest> {
  const { fileSystem, database, clock, dir } = options;
  const beganAtMs = clock.nowMs();
  const paths = directoryPaths(dir);
  requireDirectory(fileSystem, paths);
  const format = readFormat(fileSystem, paths);
  checkVersion(paths, format);
  requireWritable(fileSystem, dir);
  // From here on no segment goes that any row has now or later.
  const pin = database.pin(paths.pins.segments);
  try {
    const log = await copyState(options, paths, format.uuid);
    const damaged = new DamageList();
    const catalog = openCopy(options, log, damaged);
    try {
      const counts = await copySegments(options, paths, catalog, log, damaged);
      const snapshots = await copySnapshots(options, paths, catalog, log, damaged);
      const secretsChecksum = await copySecrets(options, paths);
      const staged = join(options.staging.root, CATALOG);
      const manifest = {
        formatVersion: format.version,
        uuid: format.uuid,
        beganAtMs,
        endedAtMs: clock.nowMs(),
        lsn: log.lsn,
        ...counts,
        ...snapshots,
        ...await measureFile(fileSystem, staged),
        log: log.files,
        ...(secretsChecksum !== undefined && { secretsChecksum }),
        damaged: damaged.first,
        damagedCount: damaged.count,
      };
      await options.seal?.(manifest);
      return manifest;
    } finally {
      catalog.closeLookups();
    }
  } finally {
    pin.release();
  }
}

/** What was found to be damaged. */
class DamageList {
  readonly first: string[] = [];
  count = 0;

  add(text: string): void {
    this.count++;
    if (this.first.length < MAX_DAMAGED) this.first.push(text);
  }
}

/**
 * Makes sure that there is a directory to back up.
 *
 * @throws {DirectoryError} `empty` or `foreign`
 */
export function requireDirectory(fileSystem: FileSystem, paths: DirectoryPaths): void {
  const names = fileSystem.list(paths.root) ?? [];
  if (names.includes("FORMAT")) return;
  const code = names.length === 0 ? "empty" : "foreign";
  const found = code === "empty" ? "is missing or empty" : "has no FORMAT file";
  throw new DirectoryError(
    code,
    paths.root,
    `the directory ${found}. Name the directory that a server keeps its streams in.`,
  );
}

/**
 * The catalogue and the log, which together are the moment: rows are never ahead of the log, so the log
 * is read behind them.
 */
async function copyState(
  options: BackupOptions,
  paths: DirectoryPaths,
  uuid: string,
): Promise<CopiedLog> {
  for (let tries = 1;; tries++) {
    try {
      return await tryCopyState(options, paths, uuid);
    } catch (error) {
      if (!(error instanceof LogMovedOn)) throw error;
      if (tries < MAX_TRIES) continue;
      throw new DirectoryError(
        "in_use",
        paths.log,
        `${error.message}, ${tries} times in a row. The server's log is full all the time: back ` +
          "up when less is written, or give it a longer one (--wal-bytes).",
      );
    }
  }
}

async function tryCopyState(
  { fileSystem, database, staging, throttle }: BackupOptions,
  paths: DirectoryPaths,
  uuid: string,
): Promise<CopiedLog> {
  const target = join(staging.root, CATALOG);
  fileSystem.remove(target);
  const folder = join(staging.root, "wal");
  for (const name of fileSystem.list(folder) ?? []) fileSystem.remove(join(folder, name));
  const pin = database.pin(paths.pins.log);
  const snapshot = (() => {
    try {
      return database.snapshot(paths.catalog, target);
    } catch (error) {
      pin.release();
      throw error;
    }
  })();
  try {
    const source = { fileSystem, folder: paths.log, uuid, afterLsn: snapshot.state.lsn };
    const log = await copyLog(source, staging, throttle).finally(() => pin.release());
    await copyCatalog(snapshot, { fileSystem, target, throttle });
    await sealState(fileSystem, staging.root, log);
    return log;
  } finally {
    snapshot.close();
  }
}

/** What is written waits for the disk in small parts: a server's own syncs never wait behind a large one. */
async function copyCatalog(
  snapshot: CatalogSnapshot,
  { fileSystem, target, throttle }: Pick<BackupOptions, "fileSystem" | "throttle"> & {
    target: string;
  },
): Promise<void> {
  let unsyncedBytes = 0;
  await snapshot.copy(async (bytes) => {
    unsyncedBytes += bytes;
    if (unsyncedBytes >= CATALOG_SYNC_BYTES) {
      unsyncedBytes = 0;
      await syncFile(fileSystem, target);
    }
    await throttle.spend(bytes);
  });
}

/** Gives the log files their lengths, makes the catalogue durable, and looks at the log's copy. */
async function sealState(fileSystem: FileSystem, root: string, log: CopiedLog): Promise<void> {
  await extendLogFiles(fileSystem, root, log.files);
  await syncFile(fileSystem, join(root, CATALOG));
  const copied = checkLogFiles(fileSystem, join(root, "wal"), log.files.map(({ name }) => name));
  if (copied === log.lsn) return;
  const message = `its copy ends at record ${copied}, and not at ${log.lsn}. Try again.`;
  throw new DirectoryError("damaged", join(root, "wal"), message);
}

async function syncFile(fileSystem: FileSystem, path: string): Promise<void> {
  const file = fileSystem.open(path, "write");
  try {
    await file.dataSync();
  } finally {
    file.close();
  }
}

/** Zeros up to each file's length, without taking room where the file system can do that. */
export async function extendLogFiles(
  fileSystem: FileSystem,
  root: string,
  files: BackupManifest["log"],
): Promise<void> {
  for (const { name, sizeBytes } of files) {
    const file = fileSystem.open(join(root, "wal", name), "write");
    try {
      if (file.size() < sizeBytes) file.truncate(sizeBytes);
      await file.dataSync();
    } finally {
      file.close();
    }
  }
}

function openCopy(
  { database, staging }: BackupOptions,
  log: CopiedLog,
  damaged: DamageList,
): CatalogCopy {
  const path = join(staging.root, CATALOG);
  const catalog = database.openCopy(path);
  for (const problem of catalog.problems()) damaged.add(problem);
  const ahead = catalog.newestLsnAfter(log.lsn);
  if (ahead === undefined) return catalog;
  catalog.closeLookups();
  throw new DirectoryError(
    "damaged",
    path,
    `the log ends at record ${log.lsn}, but the catalogue holds records up to ${ahead}: the log's ` +
      "newest file is missing. `durable-streams check` says more, while no server uses the directory.",
  );
}

async function copySegments(
  options: BackupOptions,
  paths: DirectoryPaths,
  catalog: CatalogCopy,
  log: CopiedLog,
  damaged: DamageList,
): Promise<Pick<BackupManifest, "streams" | "segments" | "segmentBytes" | "blocks">> {
  const { fileSystem, staging, target, earlier, throttle } = options;
  const { uuid } = catalog.state;
  const counts = { streams: 0, segments: 0, segmentBytes: 0, blocks: 0 };
  for (const held of segmentsByStream(recordsOf(fileSystem, staging, log, catalog), damaged)) {
    const { segments } = held;
    counts.streams++;
    counts.blocks += held.countBlocks();
    for (const { row, isSealed } of segments) {
      const source = { fileSystem, segments: paths.segments, uuid, row };
      const wrong = await copySegment(source, { target, earlier, isSealed }, throttle);
      if (wrong !== undefined) damaged.add(wrong);
      counts.segments++;
      counts.segmentBytes += row.bytes + indexBytesOf(row);
    }
    await throttle.spend(0);
  }
  return counts;
}

async function copySnapshots(
  { fileSystem, staging, target, earlier, throttle }: BackupOptions,
  paths: DirectoryPaths,
  catalog: CatalogCopy,
  log: CopiedLog,
  damaged: DamageList,
): Promise<Pick<BackupManifest, "snapshots" | "snapshotBytes">> {
  const counts = { snapshots: 0, snapshotBytes: 0 };
  for (const body of namedSnapshots(recordsOf(fileSystem, staging, log, catalog))) {
    const source = { fileSystem, snapshots: paths.snapshots, body };
    const wrong = await copySnapshot(source, { target, earlier, mayShare: true }, throttle);
    if (wrong !== undefined) damaged.add(wrong);
    counts.snapshots++;
    counts.snapshotBytes += body.bytes;
    await throttle.spend(0);
  }
  return counts;
}

function recordsOf(
  fileSystem: FileSystem,
  { root }: DirectoryTarget,
  { files }: CopiedLog,
  catalog: CatalogCopy,
): CopiedRecords {
  const names = files.map(({ name }) => name);
  return { fileSystem, folder: join(root, "wal"), names, catalog };
}

async function copySecrets(
  { fileSystem, staging }: BackupOptions,
  paths: DirectoryPaths,
): Promise<number | undefined> {
  const bytes = readWhole(fileSystem, paths.secrets);
  if (bytes === undefined) return undefined;
  await writeWhole(staging, SECRETS, bytes);
  return checksum(bytes);
}

/** How long a file is, and its CRC-32. */
export async function measureFile(
  fileSystem: FileSystem,
  path: string,
): Promise<{ catalogBytes: number; catalogChecksum: number }> {
  const file = fileSystem.open(path, "read");
  try {
    const catalogBytes = file.size();
    let catalogChecksum = 0;
    for await (const chunk of chunksOf(file, 0, catalogBytes)) {
      catalogChecksum = checksum(chunk, catalogChecksum);
    }
    return { catalogBytes, catalogChecksum };
  } finally {
    file.close();
  }
}
