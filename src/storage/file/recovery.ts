import { join } from "node:path";
import type { FileSystem } from "../../env/file_system.ts";
import type { CatalogState } from "./catalog.ts";
import { damagedDirectory, DirectoryError } from "./damage.ts";
import { FILLING_NAME, isSpareName, type LiveLogFile, type SpareFile } from "./log_files.ts";
import { parseLogFileName } from "./log_format.ts";
import { type FoundLogFile, LogScanner, readLogHeader, type ScannedLogFile } from "./log_reader.ts";
import { Replay } from "./replay.ts";

const ADVICE = "Nothing was changed. Restore the directory from a copy that was taken as a whole.";

/** What the log held at the start. */
export interface RecoveredLog {
  replay: Replay;
  lastSequence: number;
  live: LiveLogFile[];
  spares: SpareFile[];
}

/**
 * Reads the log behind the catalogue's position, and makes durable what was read.
 *
 * @throws {DirectoryError} where what is there doesn't fit together
 */
export async function recoverLog(
  fileSystem: FileSystem,
  folder: string,
  state: CatalogState,
): Promise<RecoveredLog> {
  const { files, spares } = listLog(fileSystem, folder);
  checkFits(folder, files, state);
  const replay = new Replay(fileSystem);
  let lastSequence = (files[0]?.header.firstSequence ?? 1) - 1;
  for (const [i, found] of files.entries()) {
    checkFollows(found, lastSequence);
    const scanned = scanFile(fileSystem, found, state.position, replay);
    lastSequence = scanned.lastSequence;
    if (i === files.length - 1) await secureEnd(fileSystem, found, scanned);
  }
  if (lastSequence < state.position) {
    throw new DirectoryError(
      "damaged",
      folder,
      `the log ends at record ${lastSequence}, but the catalogue holds records up to ` +
        `${state.position}: the log is older than the catalogue. ${ADVICE}`,
    );
  }
  return { replay, lastSequence, live: files, spares };
}

function listLog(
  fileSystem: FileSystem,
  folder: string,
): { files: FoundLogFile[]; spares: SpareFile[] } {
  const names = fileSystem.list(folder) ?? [];
  const files = names.filter((name) => parseLogFileName(name) !== undefined).sort()
    .map((name) => readLogHeader(fileSystem, join(folder, name)));
  if (names.includes(FILLING_NAME)) fileSystem.remove(join(folder, FILLING_NAME));
  const spares = names.filter(isSpareName).map((name) => {
    const path = join(folder, name);
    const file = fileSystem.open(path, "read");
    const sizeBytes = file.size();
    file.close();
    return { path, sizeBytes };
  });
  return { files, spares };
}

function checkFits(folder: string, files: readonly FoundLogFile[], state: CatalogState): void {
  const [oldest] = files;
  if (oldest === undefined) {
    throw new DirectoryError("incomplete", folder, `there is no log file here. ${ADVICE}`);
  }
  const foreign = files.find(({ header }) => header.uuid !== state.uuid);
  if (foreign !== undefined) {
    throw new DirectoryError(
      "damaged",
      foreign.path,
      `belongs to directory ${foreign.header.uuid}, the catalogue to ${state.uuid}. ${ADVICE}`,
    );
  }
  if (oldest.header.firstSequence > state.position + 1) {
    throw new DirectoryError(
      "damaged",
      oldest.path,
      `the log begins at record ${oldest.header.firstSequence}, but the catalogue holds records up ` +
        `to ${state.position} only: records between are missing. ${ADVICE}`,
    );
  }
}

function checkFollows({ path, header }: FoundLogFile, lastSequence: number): void {
  if (header.firstSequence === lastSequence + 1) return;
  throw damagedDirectory({
    path,
    position: 0,
    expected: `a log file that begins with record ${lastSequence + 1}`,
    found: `one that begins with record ${header.firstSequence}`,
  }, ADVICE);
}

function scanFile(
  fileSystem: FileSystem,
  found: FoundLogFile,
  storedPosition: number,
  replay: Replay,
): ScannedLogFile {
  replay.addFile(found.path);
  const file = fileSystem.open(found.path, "read");
  try {
    const scanner = new LogScanner(file, found);
    const scanned = scanner.scan((record) => {
      if (record.sequence > storedPosition) replay.add(record);
    });
    const proof = scanner.findProofOf(scanned.lastSequence + 1, scanned.end);
    if (proof === undefined) return scanned;
    throw damagedDirectory({
      path: found.path,
      position: scanned.end,
      expected: `a batch that begins with record ${scanned.lastSequence + 1}`,
      found: `none that checks, though the batch at byte ${proof} says that it was on disk`,
    }, ADVICE);
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
