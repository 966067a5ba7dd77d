import { join } from "node:path";
import type { FileSystem } from "../../../env/file_system.ts";
import { encodeUtf8 } from "../../../protocol/bytes.ts";
import { DirectoryError } from "../directory/damage.ts";
import { requireWritable, syncAbove, writeFormat } from "../directory/directory.ts";
import { directoryPaths } from "../directory/paths.ts";
import type { CatalogDriver } from "../options.ts";
import { extendLogFiles } from "./backup.ts";
import {
  BackupError,
  checkBackup,
  isCatalogWhole,
  manifestOf,
  type StoredBackup,
} from "./check_backup.ts";
import { copyFile, writeWhole } from "./copy_file.ts";
import { DirectoryTarget } from "./directory_target.ts";
import { type BackupManifest, encodeManifest } from "./manifest.ts";
import { segmentsByStream } from "./named_segments.ts";
import { copySegment } from "./segment_copy.ts";
import { copySnapshot, namedSnapshots } from "./snapshot_copy.ts";
import type { BackupThrottle } from "./target.ts";

/** Stands in a directory as long as a restore to it hasn't ended. */
export const RESTORING = "RESTORING";
/** What may be in a directory that is empty. */
const NOTHING = new Set(["lost+found", "LOCK"]);
/** What a restore writes beside it. */
const PARTS =
  /^(?:BACKUP|FORMAT\.new|catalog\.sqlite(?:-wal|-shm|-journal)?|wal|segments|snapshots|webhook_keys)$/;
/** Of a message. */
const MAX_SHOWN = 5;

/** Where a backup goes back to. */
export interface RestoreOptions {
  readonly fileSystem: FileSystem;
  readonly database: CatalogDriver;
  /** A directory that is missing or empty, or in which a restore was cut short. */
  readonly dir: string;
  readonly throttle: BackupThrottle;
  /** Damage that was in the directory when it was backed up is no reason not to restore it. */
  readonly mayBeDamaged: boolean;
}

/**
 * Makes a directory of a backup in a folder. All of the backup is checked before anything is written.
 *
 * @throws {BackupError} where it isn't whole
 * @throws {DirectoryError} where there is something at the target
 * @throws {FileSystemError}
 */
export async function restoreBackup(
  root: string,
  options: RestoreOptions,
): Promise<BackupManifest> {
  const { fileSystem, database, dir, throttle } = options;
  requireEmpty(fileSystem, dir);
  const backup = { fileSystem, database, root };
  const manifest = manifestOf(backup);
  await requireWhole(backup, manifest, options);
  return await intoDirectory(options, async (target) => {
    for (const { name, usedBytes } of manifest.log) {
      const path = `wal/${name}`;
      const from = join(root, path);
      await copyFile({ fileSystem, from, path, lengthBytes: usedBytes }, target, throttle);
    }
    await copyAsItIs(backup, "catalog.sqlite", manifest.catalogChecksum, target, throttle);
    const { secretsChecksum } = manifest;
    if (secretsChecksum !== undefined) {
      await copyAsItIs(backup, "webhook_keys", secretsChecksum, target, throttle);
    }
    await copySegments(backup, manifest, target, options);
    await extendLogFiles(fileSystem, dir, manifest.log);
    await finishRestore(target, manifest, options);
    return manifest;
  });
}

/**
 * Makes a directory of what is unpacked in it, once all of it was checked.
 *
 * @throws {BackupError} where it isn't whole; the directory is no one of ours then
 * @throws {DirectoryError} where there is something at the target
 * @throws {FileSystemError}
 */
export async function restoreUnpacked(
  unpack: (target: DirectoryTarget) => Promise<void>,
  options: RestoreOptions,
): Promise<BackupManifest> {
  const { fileSystem, database, dir } = options;
  return await intoDirectory(options, async (target) => {
    await unpack(target);
    const backup = { fileSystem, database, root: dir };
    const manifest = manifestOf(backup);
    await extendLogFiles(fileSystem, dir, manifest.log);
    await requireWhole(backup, manifest, options);
    // Its damage would count as one of those that were known, and keeps them from being looked for.
    if (!await isCatalogWhole(backup, manifest)) {
      const path = join(dir, "catalog.sqlite");
      throw new BackupError(`${path} fails its checksum, and nothing was restored.`);
    }
    await finishRestore(target, manifest, options);
    return manifest;
  });
}

/** Holds the directory meanwhile: one that another restore writes to looks as one that was cut short. */
async function intoDirectory(
  { fileSystem, database, dir }: RestoreOptions,
  restore: (target: DirectoryTarget) => Promise<BackupManifest>,
): Promise<BackupManifest> {
  requireEmpty(fileSystem, dir);
  fileSystem.makeDirectory(dir);
  requireWritable(fileSystem, dir);
  const lock = database.lock(directoryPaths(dir).lock);
  try {
    return await restore(await beginRestore(fileSystem, dir));
  } finally {
    lock.release();
  }
}

/** Marks a directory as one that is being restored: no server starts on it. */
async function beginRestore(fileSystem: FileSystem, dir: string): Promise<DirectoryTarget> {
  requireEmpty(fileSystem, dir);
  removeLeft(fileSystem, dir);
  const target = new DirectoryTarget(fileSystem, dir);
  const mark = encodeUtf8("A restore to this directory has not ended: run it again.\n");
  await writeWhole(target, RESTORING, mark);
  await target.sync();
  return target;
}

/**
 * Removes what a restore has left that was cut short. It may have been one of another backup, whose log
 * files the next start would take for the end of this one's.
 */
function removeLeft(fileSystem: FileSystem, dir: string): void {
  for (const name of fileSystem.list(dir) ?? []) {
    if (PARTS.test(name)) fileSystem.removeTree?.(join(dir, name));
  }
}

/** @throws {DirectoryError} `foreign` */
function requireEmpty(fileSystem: FileSystem, dir: string): void {
  const names = (fileSystem.list(dir) ?? []).filter((name) => !NOTHING.has(name));
  const isCutShort = names.includes(RESTORING) && !names.includes("FORMAT");
  if (names.length === 0 || isCutShort) return;
  throw new DirectoryError(
    "foreign",
    dir,
    "a backup is restored to a directory that is missing or empty, and there is something here. " +
      "Name another one, or move this one away.",
  );
}

async function requireWhole(
  backup: StoredBackup,
  manifest: BackupManifest,
  { throttle, mayBeDamaged }: RestoreOptions,
): Promise<void> {
  const problems = await checkBackup(backup, manifest, throttle);
  const known = mayBeDamaged ? manifest.damagedCount : 0;
  if (problems.length <= known) return;
  const hint = manifest.damagedCount > 0
    ? ` ${manifest.damagedCount} of it was damaged when it was backed up: --allow-damaged restores that.`
    : " Restore another backup.";
  throw new BackupError(
    `${backup.root} isn't whole, and nothing was restored: ` +
      `${problems.slice(0, MAX_SHOWN).join("; ")}.${hint}`,
    problems,
  );
}

async function copyAsItIs(
  { fileSystem, root }: StoredBackup,
  path: string,
  expected: number,
  target: DirectoryTarget,
  throttle: BackupThrottle,
): Promise<void> {
  const from = join(root, path);
  const file = fileSystem.open(from, "read");
  const lengthBytes = file.size();
  file.close();
  const found = await copyFile({ fileSystem, from, path, lengthBytes }, target, throttle);
  if (found !== expected) throw new BackupError(`${from} has changed while it was restored.`);
}

async function copySegments(
  { fileSystem, database, root }: StoredBackup,
  manifest: BackupManifest,
  target: DirectoryTarget,
  { throttle, mayBeDamaged }: RestoreOptions,
): Promise<void> {
  const catalog = database.openCopy(join(root, "catalog.sqlite"));
  try {
    const { uuid } = catalog.state;
    const names = manifest.log.map(({ name }) => name);
    const copied = { fileSystem, folder: join(root, "wal"), names, catalog };
    for (const { segments } of segmentsByStream(copied, { add: () => {} })) {
      for (const { row } of segments) {
        const source = { fileSystem, segments: join(root, "segments"), uuid, row };
        const wrong = await copySegment(source, { target, earlier: [], isSealed: false }, throttle);
        if (wrong === undefined || mayBeDamaged) continue;
        throw new BackupError(`${wrong}: it has changed while it was restored.`);
      }
      await throttle.spend(0);
    }
    for (const body of namedSnapshots(copied)) {
      const source = { fileSystem, snapshots: join(root, "snapshots"), body };
      const wrong = await copySnapshot(
        source,
        { target, earlier: [], mayShare: false },
        throttle,
      );
      if (wrong === undefined || mayBeDamaged) continue;
      throw new BackupError(`${wrong}: it has changed while it was restored.`);
    }
  } finally {
    catalog.closeLookups();
  }
}

/** FORMAT comes last: a directory without it is none of ours. */
async function finishRestore(
  target: DirectoryTarget,
  manifest: BackupManifest,
  { fileSystem, database, dir }: RestoreOptions,
): Promise<void> {
  target.makeFolder("segments");
  database.adopt(join(dir, "catalog.sqlite"));
  await writeWhole(target, "BACKUP", encodeManifest(manifest));
  await target.sync();
  await syncAbove(fileSystem, dir);
  await writeFormat(fileSystem, directoryPaths(dir), manifest.uuid);
  for (const name of [RESTORING, "BACKUP"]) fileSystem.remove(join(dir, name));
  await fileSystem.syncDirectory(dir);
}
