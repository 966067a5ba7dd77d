import type { FileSystem } from "../../../env/file_system.ts";
import { damagedDirectory, REPAIR_ADVICE } from "../directory/damage.ts";
import { withWindow } from "../directory/file_window.ts";
import { LOG_HEADER_BYTES, logSeed } from "../wal/format.ts";
import { type BatchPosition, findLogEnd, type LogEnd } from "../wal/log_end.ts";
import { walkLog } from "../wal/log_walk.ts";
import { type FoundLogFile, LOG_WINDOW_BYTES } from "../wal/reader.ts";

/**
 * Where the batches of a log file end, as it is now.
 *
 * In the newest file of a running server what looks like damage may be the server's going on: a batch is
 * read before it is written, and what proves that it had been on disk after that. So the end is looked at
 * once more behind such a proof: by then it has to be there.
 *
 * @param isGrowing whether a server may be writing to it
 * @throws {DirectoryError} `damaged`
 */
export function batchesEnd(
  fileSystem: FileSystem,
  found: FoundLogFile,
  isGrowing: boolean,
): BatchPosition {
  let at: BatchPosition = { filePosition: LOG_HEADER_BYTES, lsn: found.header.firstLsn };
  while (true) {
    const end = walkFrom(fileSystem, found, at);
    if (end.proof === undefined) return end;
    if (!isGrowing || !isBatchAt(fileSystem, found, end)) {
      throw damagedDirectory({
        path: found.path,
        filePosition: end.filePosition,
        expected: `a batch that begins with record ${end.lsn}`,
        found: `no valid one, though the batch at byte ${end.proof.filePosition} says that it ` +
          "was on disk",
      }, REPAIR_ADVICE);
    }
    at = end;
  }
}

function walkFrom(
  fileSystem: FileSystem,
  { path, header }: FoundLogFile,
  from: BatchPosition,
): LogEnd {
  return withWindow(fileSystem, path, (window) => {
    const parts = walkLog(window, logSeed(header), from.filePosition);
    const batches = findLogEnd(parts, from);
    while (true) {
      const { done, value } = batches.next();
      if (done) return value;
    }
  }, LOG_WINDOW_BYTES);
}

/** Whether a whole batch begins there with that record. */
function isBatchAt(
  fileSystem: FileSystem,
  { path, header }: FoundLogFile,
  { filePosition, lsn }: BatchPosition,
): boolean {
  return withWindow(fileSystem, path, (window) => {
    const first = walkLog(window, logSeed(header), filePosition).next();
    return !first.done && first.value.kind === "batch" && first.value.isWhole &&
      first.value.filePosition === filePosition && first.value.header.firstLsn === lsn;
  }, LOG_WINDOW_BYTES);
}
