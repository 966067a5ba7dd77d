import type { FileSystem } from "../../../env/file_system.ts";
import { type Bytes, NO_BYTES } from "../../../protocol/bytes.ts";
import { invariant } from "../../invariant.ts";
import { damagedDirectory, REPAIR_ADVICE } from "../directory/damage.ts";
import type { FileWindow } from "../directory/file_window.ts";
import {
  decodeLogHeader,
  LOG_HEADER_BYTES,
  type LogHeader,
  logSeed,
  parseLogFileName,
} from "./format.ts";
import { type BatchPosition, findLogEnd, type LogEnd } from "./log_end.ts";
import { type RecordSpan, recordSpans, type WalkedBatch, walkLog } from "./log_walk.ts";
import type { RecoveryTurns } from "./recovery_turns.ts";

/** The window for reading whole log files: no batch but one of a single record is longer. */
export const LOG_WINDOW_BYTES = 4 * 1024 * 1024;

/** The clock is looked at after so much of a file, or so many records. */
const LOOK_EVERY_BYTES = 256 * 1024;
const LOOK_EVERY_RECORDS = 256;

/** A log file as it is found at the start. */
export interface FoundLogFile {
  path: string;
  header: LogHeader;
  sizeBytes: number;
}

/** A record in the log. */
export interface LoggedRecord {
  lsn: number;
  /** Where its bytes begin in the file. */
  filePosition: number;
  bytes: Bytes;
}

/** A file read up to where its batches end. */
export interface ScannedLogFile {
  /** Its newest record, or the one before its first. */
  lastLsn: number;
  /** Where the next batch would begin. */
  end: number;
  /** Where the batches begin that weren't known to be durable when the newest was written. */
  unsyncedFrom: number;
}

/** The names of the log's files, in their order. */
export function logFileNames(fileSystem: FileSystem, folder: string): string[] {
  const names = fileSystem.list(folder) ?? [];
  return names.filter((name) => parseLogFileName(name) !== undefined).sort();
}

/**
 * The header of a log file.
 *
 * @throws {DirectoryError} `damaged`
 */
export function readLogHeader(fileSystem: FileSystem, path: string): FoundLogFile {
  const file = fileSystem.open(path, "read");
  try {
    const bytes = new Uint8Array(LOG_HEADER_BYTES);
    const length = file.readSync(bytes, 0);
    const header = length === bytes.length ? decodeLogHeader(bytes) : undefined;
    if (header === undefined) {
      throw damagedDirectory(
        {
          path,
          filePosition: 0,
          expected: "a log file's header",
          found: `${length} bytes that are none`,
        },
        REPAIR_ADVICE,
      );
    }
    const sizeBytes = file.size();
    if (sizeBytes < header.sizeBytes) {
      const expected = `${header.sizeBytes} bytes`;
      throw damagedDirectory(
        { path, filePosition: sizeBytes, expected, found: `${sizeBytes}` },
        REPAIR_ADVICE,
      );
    }
    return { path, header, sizeBytes };
  } finally {
    file.close();
  }
}

/**
 * Looks where the batches of a log file end.
 *
 * @throws {DirectoryError} `damaged` where that isn't the log's end
 */
export async function scanLogFile(
  window: FileWindow,
  { path, header, sizeBytes }: FoundLogFile,
  turns: RecoveryTurns,
): Promise<ScannedLogFile> {
  const starts: BatchPosition[] = [];
  let syncedLsn = header.firstLsn - 1;
  const batches = batchesOf(window, header);
  const scanUpTo = (filePosition: number): LogEnd | undefined => {
    while (true) {
      const { done, value } = batches.next();
      if (done) return value;
      syncedLsn = value.header.syncedLsn;
      starts.push({ filePosition: value.filePosition, lsn: value.header.firstLsn });
      if (value.filePosition >= filePosition) return undefined;
    }
  };
  let logEnd: LogEnd | undefined;
  for (let read = 0; logEnd === undefined;) {
    logEnd = scanUpTo(read + LOOK_EVERY_BYTES);
    const reached = logEnd === undefined ? starts.at(-1)?.filePosition ?? read : sizeBytes;
    turns.read(reached - read);
    read = reached;
    await turns.ifDue;
  }
  const { filePosition: end, lsn, proof } = logEnd;
  if (proof !== undefined) {
    throw damagedDirectory({
      path,
      filePosition: end,
      expected: `a batch that begins with record ${lsn}`,
      found:
        `no valid one, though the batch at byte ${proof.filePosition} says that it was on disk`,
    }, REPAIR_ADVICE);
  }
  const unsynced = starts.find((start) => start.lsn > syncedLsn);
  return { lastLsn: lsn - 1, end, unsyncedFrom: unsynced?.filePosition ?? end };
}

/**
 * Calls `visit` for each record after `after` and up to `last`. A record's bytes are only valid during
 * the call.
 */
export async function visitRecords(
  window: FileWindow,
  { header, sizeBytes }: FoundLogFile,
  { after, last }: { after: number; last: number },
  visit: (record: LoggedRecord) => void,
  turns: RecoveryTurns,
): Promise<void> {
  let read = 0;
  // Synchronous: in a function that may wait for something the same takes longer.
  const visitSome = (spans: Iterator<RecordSpan>): boolean => {
    for (let i = 0; i < LOOK_EVERY_RECORDS; i++) {
      const { done, value } = spans.next();
      if (done) return false;
      const { lsn, filePosition, lengthBytes, isInBatch } = value;
      if (lsn <= after) continue;
      const bytes = isInBatch ? window.bytes(filePosition, lengthBytes) : NO_BYTES;
      visit({ lsn, filePosition, bytes });
    }
    return true;
  };
  let visited = header.firstLsn - 1;
  for (const batch of batchesOf(window, header)) {
    visited += batch.header.count;
    turns.read(batch.filePosition - read);
    read = batch.filePosition;
    if (visited > after) {
      const spans = recordSpans(window, batch);
      let isOn = true;
      while (isOn) {
        isOn = visitSome(spans);
        const pause = turns.ifDue;
        if (pause !== undefined) await pause;
      }
    }
    if (visited >= last) break;
  }
  turns.read(sizeBytes - read);
  invariant(visited >= last, `the batch of record ${visited + 1} checks again`);
}

function batchesOf(window: FileWindow, header: LogHeader): Generator<WalkedBatch, LogEnd> {
  return findLogEnd(walkLog(window, logSeed(header)), {
    filePosition: LOG_HEADER_BYTES,
    lsn: header.firstLsn,
  });
}
