import { join } from "node:path";
import type { FileSystem } from "../../../env/file_system.ts";
import type { CatalogState } from "../catalog/catalog.ts";
import { damagedDirectory, DirectoryError, REPAIR_ADVICE } from "../directory/damage.ts";
import { FileWindow } from "../directory/file_window.ts";
import {
  isRecycledName,
  type LiveLogFile,
  PREALLOCATING_NAME,
  type RecycledFile,
} from "./files.ts";
import { parseLogFileName } from "./format.ts";
import {
  type FoundLogFile,
  LOG_WINDOW_BYTES,
  logFileNames,
  type LoggedRecord,
  readLogHeader,
  scanLogFile,
  type ScannedLogFile,
  visitRecords,
} from "./reader.ts";
import type { RecoveryTurns } from "./recovery_turns.ts";

/** The log at the start: whole, on disk, and fitting the catalogue. */
export interface RecoveredLog {
  lastLsn: number;
  live: LiveLogFile[];
  recycled: RecycledFile[];
  /**
   * Calls `visit` for each record that the catalogue's LSN doesn't include, in their order, with the
   * file that it is in. A record's bytes are only valid during the call. Others are served between calls.
   */
  forEach(visit: (record: LoggedRecord, path: string) => void): Promise<void>;
}

/**
 * Looks whether the whole log checks and fits the catalogue, and makes its end durable. Nothing of it is
 * applied before all of it is known to be right.
 *
 * @param lsnBehind the newest LSN behind another that any row includes: where a checkpoint was
 * cut short, rows are ahead of the catalogue's LSN
 * @param turns are told of how far it is, and let others be served
 * @throws {DirectoryError} where what is there doesn't fit together
 */
export async function recoverLog(
  fileSystem: FileSystem,
  folder: string,
  state: CatalogState,
  lsnBehind: (lsn: number) => number | undefined,
  turns: RecoveryTurns,
): Promise<RecoveredLog> {
  const { files, recycled } = listLog(fileSystem, folder);
  checkFits(folder, files, state);
  turns.begin("check", sizeOf(files));
  let lastLsn = (files[0]?.header.firstLsn ?? 1) - 1;
  const ends: number[] = [];
  let end: ScannedLogFile | undefined;
  for (const found of files) {
    checkFollows(found, lastLsn);
    end = await withLogWindow(
      fileSystem,
      found.path,
      (window) => scanLogFile(window, found, turns),
    );
    lastLsn = end.lastLsn;
    ends.push(lastLsn);
  }
  const held = Math.max(state.lsn, lsnBehind(lastLsn) ?? 0);
  if (lastLsn < held) {
    throw new DirectoryError(
      "damaged",
      folder,
      `the log ends at record ${lastLsn}, but the catalogue holds records up to ${held}: ` +
        `the log's newest file is missing or older than the catalogue. ${REPAIR_ADVICE}`,
    );
  }
  const newest = files.at(-1);
  if (newest !== undefined && end !== undefined) await secureEnd(fileSystem, newest, end);
  return {
    lastLsn,
    live: files,
    recycled,
    async forEach(visit) {
      const needed = [...files.entries()].filter(([i]) => (ends[i] ?? 0) > state.lsn);
      turns.begin("apply", sizeOf(needed.map(([, found]) => found)));
      for (const [i, found] of needed) {
        const range = { after: state.lsn, last: ends[i] ?? 0 };
        await withLogWindow(
          fileSystem,
          found.path,
          (window) =>
            visitRecords(window, found, range, (record) => visit(record, found.path), turns),
        );
      }
    },
  };
}

function sizeOf(files: readonly FoundLogFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function listLog(
  fileSystem: FileSystem,
  folder: string,
): { files: FoundLogFile[]; recycled: RecycledFile[] } {
  const names = fileSystem.list(folder) ?? [];
  const files = logFileNames(fileSystem, folder)
    .map((name) => checkNumber(readLogHeader(fileSystem, join(folder, name)), name));
  if (names.includes(PREALLOCATING_NAME)) fileSystem.remove(join(folder, PREALLOCATING_NAME));
  const recycled = names.filter(isRecycledName).map((name) => {
    const path = join(folder, name);
    const file = fileSystem.open(path, "read");
    const sizeBytes = file.size();
    file.close();
    return { path, sizeBytes };
  });
  return { files, recycled };
}

/** A copy of another file of this log under this name would hide what the right one holds. */
function checkNumber(found: FoundLogFile, name: string): FoundLogFile {
  const number = parseLogFileName(name);
  if (found.header.number === number) return found;
  throw damagedDirectory({
    path: found.path,
    filePosition: 8,
    expected: `the number ${number}, as in the file's name`,
    found: `${found.header.number}`,
  }, REPAIR_ADVICE);
}

function checkFits(folder: string, files: readonly FoundLogFile[], state: CatalogState): void {
  const [oldest] = files;
  if (oldest === undefined) {
    throw new DirectoryError("incomplete", folder, `there is no log file here. ${REPAIR_ADVICE}`);
  }
  const foreign = files.find(({ header }) => header.uuid !== state.uuid);
  if (foreign !== undefined) {
    throw new DirectoryError(
      "damaged",
      foreign.path,
      `belongs to directory ${foreign.header.uuid}, the catalogue to ${state.uuid}. ${REPAIR_ADVICE}`,
    );
  }
  if (oldest.header.firstLsn > state.lsn + 1) {
    throw new DirectoryError(
      "damaged",
      oldest.path,
      `the log begins at record ${oldest.header.firstLsn}, but the catalogue holds records up ` +
        `to ${state.lsn} only: records between are missing. ${REPAIR_ADVICE}`,
    );
  }
}

function checkFollows({ path, header }: FoundLogFile, lastLsn: number): void {
  if (header.firstLsn === lastLsn + 1) return;
  throw damagedDirectory({
    path,
    filePosition: 0,
    expected: `a log file that begins with record ${lastLsn + 1}`,
    found: `one that begins with record ${header.firstLsn}`,
  }, REPAIR_ADVICE);
}

async function withLogWindow<T>(
  fileSystem: FileSystem,
  path: string,
  use: (window: FileWindow) => Promise<T>,
): Promise<T> {
  const file = fileSystem.open(path, "read");
  try {
    return await use(new FileWindow(file, LOG_WINDOW_BYTES));
  } finally {
    file.close();
  }
}

/**
 * Writes the end of the log once more and syncs it: what is read back after a kill may be in the page
 * cache only, and after a failed sync the system takes it for written.
 */
async function secureEnd(
  fileSystem: FileSystem,
  found: FoundLogFile,
  { unsyncedFrom, end }: ScannedLogFile,
): Promise<void> {
  if (unsyncedFrom === end) return;
  const file = fileSystem.open(found.path, "write");
  try {
    const bytes = new Uint8Array(end - unsyncedFrom);
    file.readSync(bytes, unsyncedFrom);
    await file.write(bytes, unsyncedFrom);
    await file.dataSync();
  } finally {
    file.close();
  }
}
