import { basename, join } from "node:path";
import type { FileSystem } from "../../../../env/file_system.ts";
import { logFileNames } from "../../wal/reader.ts";
import {
  decodeLogHeader,
  encodeLogHeader,
  LOG_HEADER_BYTES,
  logFileName,
  type LogHeader,
  logSeed,
  parseLogFileName,
  SECTOR_BYTES,
} from "../../wal/format.ts";
import { type FileWindow, withWindow } from "../../directory/file_window.ts";
import { findSalt } from "./log_salt.ts";
import { type WalkedBatch, walkLog } from "../../wal/log_walk.ts";
import { zeros } from "../../directory/quarantine.ts";
import type { RepairScope } from "./scope.ts";

/** A log file as a repair sees it. */
export interface RepairedLogFile {
  path: string;
  readonly number: number;
  sizeBytes: number;
  /** Undefined where neither its header nor its batches say what it is. */
  readonly header: LogHeader | undefined;
  readonly seed: number;
  /** Those with a whole header. */
  readonly batches: readonly WalkedBatch[];
}

/**
 * The files under `wal/` in their order, as far as they are this directory's: files of another one are
 * moved away, a header that the batches prove is written again, a wrong name is corrected.
 */
export async function gatherLogFiles(scope: RepairScope, uuid: string): Promise<RepairedLogFile[]> {
  const { fileSystem, paths, quarantine } = scope;
  const files: RepairedLogFile[] = [];
  for (const name of logFileNames(fileSystem, paths.log)) {
    const path = join(paths.log, name);
    const named = parseLogFileName(name) ?? 0;
    const file = withWindow(fileSystem, path, (window) => readFile(window, path, named, uuid));
    const { header } = file;
    if (header === undefined || header.uuid === uuid) {
      files.push(file);
      continue;
    }
    await quarantine.moveAside(path);
    const message = `a log file of directory ${header.uuid} was moved away`;
    scope.report({ outcome: "repaired", path, message });
  }
  for (const file of files) await repairHeader(scope, file);
  const single = await dropCopies(scope, files);
  await nameByHeader(scope, single);
  return single.sort((a, b) => a.number - b.number);
}

/** Of two files with one number, the one that has it in its name stays. */
async function dropCopies(
  { quarantine, report }: RepairScope,
  files: readonly RepairedLogFile[],
): Promise<RepairedLogFile[]> {
  const byNumber = new Map<number, RepairedLogFile>();
  for (const file of files) {
    const other = byNumber.get(file.number);
    const isRight = parseLogFileName(basename(file.path)) === file.number;
    const dropped = other === undefined ? undefined : isRight ? other : file;
    if (other === undefined || isRight) byNumber.set(file.number, file);
    if (dropped === undefined) continue;
    await quarantine.moveAside(dropped.path);
    const message = `moved away: another file has its number, ${file.number}`;
    report({ outcome: "repaired", path: dropped.path, message });
  }
  return [...byNumber.values()];
}

function readFile(
  window: FileWindow,
  path: string,
  named: number,
  uuid: string,
): RepairedLogFile {
  const written = decodeLogHeader(window.bytes(0, LOG_HEADER_BYTES));
  const header = written ?? guessHeader(window, named, uuid);
  const seed = header === undefined ? 0 : logSeed(header);
  const parts = header === undefined ? [] : [...walkLog(window, seed)];
  const batches = parts.filter((part) => part.kind === "batch");
  const number = header?.number ?? named;
  return { path, number, sizeBytes: window.sizeBytes, header, seed, batches };
}

function guessHeader(window: FileWindow, number: number, uuid: string): LogHeader | undefined {
  const salt = findSalt(window, number);
  if (salt === undefined) return undefined;
  const seed = logSeed({ number, salt });
  const first = walkLog(window, seed).find((part) => part.kind === "batch");
  return first?.kind !== "batch" ? undefined : {
    number,
    salt,
    uuid,
    firstLsn: first.header.firstLsn,
    sizeBytes: Math.ceil(window.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES,
  };
}

async function repairHeader(
  { fileSystem, quarantine, report }: RepairScope,
  file: RepairedLogFile,
) {
  const { header, path } = file;
  if (header === undefined) return;
  if (readHeader(fileSystem, path) === undefined) {
    await quarantine.change(path, [{ bytes: encodeLogHeader(header), filePosition: 0 }]);
    const message = "the header was written again; the file's batches prove its salt and number";
    report({ outcome: "repaired", path, message });
  }
  const { sizeBytes } = file;
  if (sizeBytes >= header.sizeBytes) return;
  await quarantine.change(path, zeros(sizeBytes, header.sizeBytes));
  file.sizeBytes = header.sizeBytes;
  const message = `filled up with zeros from byte ${sizeBytes} on; ` +
    "what the newest batches there held is lost, if there were any";
  report({ outcome: "lost", path, message });
}

/** Two files may have each other's names: then one first gets a name that is free. */
async function nameByHeader(scope: RepairScope, files: readonly RepairedLogFile[]): Promise<void> {
  const { paths, quarantine, report } = scope;
  let free = Math.max(
    0,
    ...files.map(({ number, path }) => Math.max(number, parseLogFileName(basename(path)) ?? 0)),
  ) + 1;
  const rename = async (file: RepairedLogFile, number: number) => {
    const to = join(paths.log, logFileName(number));
    await quarantine.rename(file.path, to);
    file.path = to;
  };
  for (const file of files) {
    const name = logFileName(file.number);
    if (basename(file.path) === name) continue;
    const { path } = file;
    report({ outcome: "repaired", path, message: `renamed to ${name}, as its header says` });
    if (quarantine.isDryRun) continue;
    const holder = files.find((other) => basename(other.path) === name);
    if (holder !== undefined) await rename(holder, free++);
    await rename(file, file.number);
  }
}

/** The number of the log's first record, by the oldest whole header. */
export function firstLogged(
  { fileSystem, paths }: Pick<RepairScope, "fileSystem" | "paths">,
): number | undefined {
  for (const name of logFileNames(fileSystem, paths.log)) {
    const header = readHeader(fileSystem, join(paths.log, name));
    if (header !== undefined) return header.firstLsn;
  }
  return undefined;
}

function readHeader(fileSystem: FileSystem, path: string): LogHeader | undefined {
  return withWindow(
    fileSystem,
    path,
    (window) => decodeLogHeader(window.bytes(0, LOG_HEADER_BYTES)),
  );
}
