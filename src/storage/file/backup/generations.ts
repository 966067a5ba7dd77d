import { join } from "node:path";
import type { FileSystem } from "../../../env/file_system.ts";
import { readFormat, syncAbove } from "../directory/directory.ts";
import { directoryPaths } from "../directory/paths.ts";
import { backUp, type BackupOptions, requireDirectory } from "./backup.ts";
import { BackupError } from "./check_backup.ts";
import { copyFile, writeWhole } from "./copy_file.ts";
import { DirectoryTarget } from "./directory_target.ts";
import { type BackupManifest, encodeManifest, readManifest, readWhole } from "./manifest.ts";
import type { EarlierCopy } from "./segment_copy.ts";
import type { TarTarget } from "./tar.ts";

/** A backup's folder is named by when it began, so that `ls` sorts them: 2026-11-30T15-04-05.123Z. */
const NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/;
const UNFINISHED = "unfinished-";

/** One of the backups in a folder. */
export interface Generation {
  readonly name: string;
  readonly root: string;
  readonly manifest: BackupManifest;
}

/** What became of a backup to a folder. */
export interface StoredGeneration extends Generation {
  /** How many files it shares with the directory or with earlier backups. */
  readonly linkedFiles: number;
}

/** The backups in a folder that ended, the oldest first. */
export function generations(fileSystem: FileSystem, folder: string): Generation[] {
  const names = (fileSystem.list(folder) ?? []).filter((name) => NAME.test(name)).sort();
  return names.flatMap((name) => {
    const root = join(folder, name);
    const manifest = readManifest(fileSystem, join(root, "BACKUP"));
    return manifest === undefined ? [] : [{ name, root, manifest }];
  });
}

/**
 * Backs up a directory as one stream of bytes, in the format of `tar`, without its end: that is for the
 * caller to write, once all is well.
 *
 * @param scratch where the catalogue and the log are kept meanwhile
 */
export async function backUpToStream(
  target: TarTarget,
  scratch: string,
  options: Omit<BackupOptions, "staging" | "target" | "earlier">,
): Promise<BackupManifest> {
  const { fileSystem, throttle } = options;
  const staging = new DirectoryTarget(fileSystem, scratch);
  const manifest = await backUp({ ...options, staging, target, earlier: [] });
  const staged = [
    ["catalog.sqlite", manifest.catalogBytes] as const,
    ...manifest.log.map(({ name, usedBytes }) => [`wal/${name}`, usedBytes] as const),
  ];
  for (const [path, lengthBytes] of staged) {
    await copyFile({ fileSystem, from: join(scratch, path), path, lengthBytes }, target, throttle);
  }
  const secrets = readWhole(fileSystem, join(scratch, "webhook_keys"));
  if (secrets !== undefined) await writeWhole(target, "webhook_keys", secrets);
  await writeWhole(target, "BACKUP", encodeManifest(manifest));
  return manifest;
}

/**
 * Backs up a directory to a new folder in `folder`, beside earlier backups: what has not changed since the
 * newest of them is shared with it where the file system has links. What a backup left that was cut short
 * is used, and then removed.
 *
 * @throws {BackupError} where the folder has backups of another directory
 * @throws {DirectoryError}
 * @throws {FileSystemError}
 */
export async function backUpToFolder(
  folder: string,
  options: Omit<BackupOptions, "staging" | "target" | "earlier">,
): Promise<StoredGeneration> {
  const { fileSystem, clock, dir } = options;
  const before = (fileSystem.list(folder) ?? []).filter((name) => name.startsWith(UNFINISHED));
  requireDirectory(fileSystem, directoryPaths(dir));
  fileSystem.makeDirectory(folder);
  const newest = generations(fileSystem, folder).at(-1);
  const name = nameOf(clock.nowMs());
  if (newest !== undefined && newest.name >= name) {
    throw new BackupError(
      `${newest.root} is not older than now, ${name}: is the clock right? A backup is named by its time.`,
    );
  }
  if (newest !== undefined && newest.manifest.uuid !== uuidOf(fileSystem, dir)) {
    throw new BackupError(
      `${folder} has backups of another directory than ${dir}: give each a folder of its own.`,
    );
  }
  const earlier = [
    ...(newest === undefined ? [] : [earlierOf(newest)]),
    ...before.map((left) => ({ segments: join(folder, left, "segments"), isWhole: false })),
  ];
  const staging = new DirectoryTarget(fileSystem, join(folder, `${UNFINISHED}${name}`));
  const root = join(folder, name);
  const seal = async (manifest: BackupManifest) => {
    await staging.sync();
    await writeWhole(staging, "BACKUP", encodeManifest(manifest));
    await staging.sync();
    fileSystem.rename(staging.root, root);
    await fileSystem.syncDirectory(folder);
    await syncAbove(fileSystem, folder);
  };
  const manifest = await backUp({ ...options, staging, target: staging, earlier, seal });
  for (const left of before) fileSystem.removeTree?.(join(folder, left));
  return { name, root, manifest, linkedFiles: staging.linkedFiles };
}

/** What is damaged in it may be right in the directory by now, or still has to be told. */
function earlierOf({ root, manifest }: Generation): EarlierCopy {
  return { segments: join(root, "segments"), isWhole: manifest.damagedCount === 0 };
}

function uuidOf(fileSystem: FileSystem, dir: string): string {
  return readFormat(fileSystem, directoryPaths(dir)).uuid;
}

function nameOf(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(":", "-");
}
