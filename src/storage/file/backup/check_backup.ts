import { join } from "node:path";
import { type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import { checksum } from "../directory/checksum.ts";
import { DirectoryError, isDamage } from "../directory/damage.ts";
import { FORMAT_VERSION } from "../directory/format_file.ts";
import type { CatalogCopy } from "../catalog/catalog.ts";
import type { CatalogDriver } from "../options.ts";
import { measureFile } from "./backup.ts";
import { FileTooShort } from "./copy_file.ts";
import { checkLogFiles } from "./log_copy.ts";
import { type BackupManifest, readManifest, readWhole } from "./manifest.ts";
import type { CopiedRecords } from "./logged_records.ts";
import { segmentsByStream } from "./named_segments.ts";
import { checkSegmentFiles } from "./segment_copy.ts";
import { checkSnapshotFile, namedSnapshots } from "./snapshot_copy.ts";
import type { BackupThrottle } from "./target.ts";

/** A backup that can't be used, and why. */
export class BackupError extends Error {
  override readonly name = "BackupError";
  /** What is wrong in it, where it was looked through. */
  readonly problems: readonly string[];

  constructor(message: string, problems: readonly string[] = []) {
    super(message);
    this.problems = problems;
  }
}

/** A backup in a folder. */
export interface StoredBackup {
  readonly fileSystem: FileSystem;
  readonly database: CatalogDriver;
  /** Its folder. */
  readonly root: string;
}

/**
 * What the backup in a folder says of itself.
 *
 * @throws {BackupError} where there is none that is whole, or one that this program can't read
 */
export function manifestOf({ fileSystem, root }: Omit<StoredBackup, "database">): BackupManifest {
  const manifest = readManifest(fileSystem, join(root, "BACKUP"));
  if (manifest === undefined) {
    throw new BackupError(
      `${root} has no BACKUP file that is whole: it is no backup, or one that was cut short.`,
    );
  }
  if (manifest.formatVersion === FORMAT_VERSION) return manifest;
  throw new BackupError(
    `${root} is of format version ${manifest.formatVersion}, and this program reads version ` +
      `${FORMAT_VERSION}: restore it with the program that made it.`,
  );
}

/**
 * Reads every byte of a backup and compares it with what was written down of it.
 *
 * @returns what is wrong; nothing where it can be restored as it was
 */
export async function checkBackup(
  backup: StoredBackup,
  manifest: BackupManifest,
  throttle: BackupThrottle,
): Promise<string[]> {
  const { fileSystem, root } = backup;
  const problems: string[] = [];
  problems.push(...checkLog(backup, manifest));
  const { secretsChecksum } = manifest;
  if (secretsChecksum !== undefined) {
    const path = join(root, "webhook_keys");
    const bytes = readWhole(fileSystem, path);
    if (bytes === undefined) problems.push(`${path}: missing`);
    else if (checksum(bytes) !== secretsChecksum) problems.push(`${path}: fails its checksum`);
  }
  problems.push(...await checkCatalog(backup, manifest, throttle));
  return problems;
}

function checkLog({ fileSystem, root }: StoredBackup, manifest: BackupManifest): string[] {
  const folder = join(root, "wal");
  try {
    const lsn = checkLogFiles(fileSystem, folder, manifest.log.map(({ name }) => name));
    if (lsn === manifest.lsn) return [];
    return [`${folder}: expected the log up to record ${manifest.lsn}, found it up to ${lsn}`];
  } catch (error) {
    if (!(error instanceof DirectoryError || error instanceof FileSystemError)) throw error;
    return [error.message];
  }
}

/**
 * Whether a backup's catalogue is as it was written.
 *
 * @throws {FileSystemError}
 */
export async function isCatalogWhole(
  { fileSystem, root }: Omit<StoredBackup, "database">,
  manifest: BackupManifest,
): Promise<boolean> {
  const found = await measureFile(fileSystem, join(root, "catalog.sqlite"));
  return found.catalogBytes === manifest.catalogBytes &&
    found.catalogChecksum === manifest.catalogChecksum;
}

async function checkCatalog(
  backup: StoredBackup,
  manifest: BackupManifest,
  throttle: BackupThrottle,
): Promise<string[]> {
  const { database, root } = backup;
  const path = join(root, "catalog.sqlite");
  try {
    if (!await isCatalogWhole(backup, manifest)) return [`${path}: fails its checksum`];
    const catalog = database.openCopy(path);
    try {
      return await checkSegments(backup, manifest, catalog, throttle);
    } finally {
      catalog.closeLookups();
    }
  } catch (error) {
    const isFound = isDamage(error) || error instanceof FileSystemError ||
      error instanceof FileTooShort || error instanceof DirectoryError;
    if (!isFound) throw error;
    return [error.message];
  }
}

async function checkSegments(
  { fileSystem, root }: StoredBackup,
  manifest: BackupManifest,
  catalog: CatalogCopy,
  throttle: BackupThrottle,
): Promise<string[]> {
  const problems = [...catalog.problems()];
  const { uuid } = catalog.state;
  if (uuid !== manifest.uuid) problems.push(`${root}: its catalogue is of another directory`);
  const damaged = { add: (text: string) => problems.push(text) };
  let segments = 0;
  let blocks = 0;
  const names = manifest.log.map(({ name }) => name);
  const copied = { fileSystem, folder: join(root, "wal"), names, catalog };
  for (const held of segmentsByStream(copied, damaged)) {
    blocks += held.countBlocks();
    for (const { row } of held.segments) {
      segments++;
      const source = { fileSystem, segments: join(root, "segments"), uuid, row };
      const wrong = await checkSegmentFiles(source, throttle);
      if (wrong !== undefined) problems.push(wrong);
    }
    await throttle.spend(0);
  }
  problems.push(...await checkSnapshots(root, manifest, copied, throttle));
  if (blocks !== (manifest.blocks ?? blocks)) {
    problems.push(`${root}: expected ${manifest.blocks} blocks in its catalogue, found ${blocks}`);
  }
  if (segments !== manifest.segments) {
    problems.push(`${root}: expected ${manifest.segments} segments, found ${segments}`);
  }
  return problems;
}

async function checkSnapshots(
  root: string,
  manifest: BackupManifest,
  copied: CopiedRecords,
  throttle: BackupThrottle,
): Promise<string[]> {
  const problems: string[] = [];
  const { fileSystem } = copied;
  const bodies = namedSnapshots(copied);
  for (const body of bodies) {
    const source = { fileSystem, snapshots: join(root, "snapshots"), body };
    const wrong = await checkSnapshotFile(source, throttle);
    if (wrong !== undefined) problems.push(wrong);
    await throttle.spend(0);
  }
  if (bodies.length !== manifest.snapshots) {
    problems.push(`${root}: expected ${manifest.snapshots} snapshots, found ${bodies.length}`);
  }
  return problems;
}
