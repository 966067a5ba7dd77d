import { basename, join } from "node:path";
import { type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import { damagedDirectory, DirectoryError } from "../directory/damage.ts";
import { batchesEnd } from "./log_tail.ts";
import { type FoundLogFile, logFileNames, readLogHeader } from "../wal/reader.ts";
import { parseLogFileName } from "../wal/format.ts";
import { copyFile } from "./copy_file.ts";
import type { ManifestLogFile } from "./manifest.ts";
import type { BackupTarget, BackupThrottle } from "./target.ts";

const ADVICE = "`durable-streams check` says more, while no server uses the directory.";

/** The log's copy. */
export interface CopiedLog {
  readonly files: readonly ManifestLogFile[];
  /** Its newest record. */
  readonly lsn: number;
}

/** The log that is copied. */
export interface LogSource {
  readonly fileSystem: FileSystem;
  /** The folder `wal`. */
  readonly folder: string;
  readonly uuid: string;
  /** What comes after this record is needed. */
  readonly afterLsn: number;
}

/** While it was read, the server has used a file again that was needed. */
export class LogMovedOn extends Error {
  override readonly name = "LogMovedOn";
}

/**
 * Copies the log behind a record, up to where it is when it is read: whatever was acknowledged before the
 * call is in it. A server may be writing to it meanwhile.
 *
 * @throws {LogMovedOn} to be begun again with the catalogue
 * @throws {DirectoryError} `damaged`
 */
export async function copyLog(
  source: LogSource,
  target: BackupTarget,
  throttle: BackupThrottle,
): Promise<CopiedLog> {
  const { fileSystem } = source;
  const needed = neededFiles(source);
  // A file is renamed before it is used again: one that is still there has not been.
  const hasMovedOn = () => !needed.every((found) => isStillThere(fileSystem, found));
  const moved = new LogMovedOn("the server has used a log file again that was being copied");
  try {
    const log = await copyFiles(fileSystem, needed, target, throttle);
    if (hasMovedOn()) throw moved;
    return log;
  } catch (error) {
    // What is missing or looks damaged then is only not there any more.
    throw hasMovedOn() ? moved : error;
  }
}

async function copyFiles(
  fileSystem: FileSystem,
  needed: readonly FoundLogFile[],
  target: BackupTarget,
  throttle: BackupThrottle,
): Promise<CopiedLog> {
  const files: ManifestLogFile[] = [];
  let lsn = (needed[0]?.header.firstLsn ?? 1) - 1;
  for (const [i, found] of needed.entries()) {
    const { path, header } = found;
    if (header.firstLsn !== lsn + 1) throw gap(path, lsn + 1, header.firstLsn);
    const isNewest = i === needed.length - 1;
    const end = batchesEnd(fileSystem, found, isNewest);
    lsn = end.lsn - 1;
    const name = basename(path);
    const copied = { fileSystem, from: path, path: `wal/${name}`, lengthBytes: end.filePosition };
    await copyFile(copied, target, throttle);
    files.push({ name, usedBytes: end.filePosition, sizeBytes: header.sizeBytes });
  }
  return { files, lsn };
}

/** The files with records that are needed, and the newest. */
function neededFiles(source: LogSource): FoundLogFile[] {
  const { fileSystem, folder, uuid, afterLsn } = source;
  const found: FoundLogFile[] = [];
  for (const name of logFileNames(fileSystem, folder)) {
    try {
      const file = readLogHeader(fileSystem, join(folder, name));
      // It was renamed just now and is used again: nothing in it was needed.
      if (file.header.number !== parseLogFileName(name)) continue;
      found.push(file);
    } catch (error) {
      if (!(error instanceof FileSystemError && error.kind === "not_found")) throw error;
    }
  }
  const needed = found.filter((_, i) => (found[i + 1]?.header.firstLsn ?? Infinity) > afterLsn + 1);
  const [oldest] = needed;
  if (oldest === undefined) {
    throw new DirectoryError("incomplete", folder, `there is no log file here. ${ADVICE}`);
  }
  if (oldest.header.firstLsn > afterLsn + 1) {
    throw new LogMovedOn(`the log begins at record ${oldest.header.firstLsn}`);
  }
  const foreign = needed.find(({ header }) => header.uuid !== uuid);
  if (foreign !== undefined) {
    const message = `belongs to directory ${foreign.header.uuid}, not ${uuid}. ${ADVICE}`;
    throw new DirectoryError("damaged", foreign.path, message);
  }
  return needed;
}

function isStillThere(fileSystem: FileSystem, { path, header }: FoundLogFile): boolean {
  try {
    const now = readLogHeader(fileSystem, path).header;
    return now.salt === header.salt && now.number === header.number;
  } catch (error) {
    // Too many open files, say, are no reason to begin again.
    if (error instanceof FileSystemError && error.kind !== "not_found") throw error;
    return false;
  }
}

function gap(path: string, expected: number, found: number): DirectoryError {
  return damagedDirectory({
    path,
    filePosition: 0,
    expected: `a log file that begins with record ${expected}`,
    found: `one that begins with record ${found}`,
  }, ADVICE);
}

/**
 * The newest record of the log files of a backup, each of which has to follow the one before.
 *
 * @throws {DirectoryError} `damaged`
 * @throws {FileSystemError}
 */
export function checkLogFiles(
  fileSystem: FileSystem,
  folder: string,
  names: readonly string[],
): number {
  let lsn: number | undefined;
  for (const name of names) {
    const found = readLogHeader(fileSystem, join(folder, name));
    const expected = lsn === undefined ? found.header.firstLsn : lsn + 1;
    if (found.header.firstLsn !== expected) throw gap(found.path, expected, found.header.firstLsn);
    lsn = batchesEnd(fileSystem, found, false).lsn - 1;
  }
  return lsn ?? 0;
}
