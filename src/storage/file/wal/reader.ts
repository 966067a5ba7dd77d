import type { File, FileSystem } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { invariant } from "../../invariant.ts";
import { viewOf } from "../directory/bytes_io.ts";
import { damagedDirectory, REPAIR_ADVICE } from "../directory/damage.ts";
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  batchSeed,
  decodeBatchHeader,
  decodeLogHeader,
  LOG_HEADER_BYTES,
  type LogHeader,
  logSeed,
  paddedBatchBytes,
  payloadChecks,
  RECORD_PREFIX_BYTES,
  SECTOR_BYTES,
} from "./format.ts";

const SCAN_WINDOW_BYTES = 4 * 1024 * 1024;

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

/** Reads one log file's batches in their order. */
export class LogScanner {
  readonly #file: File;
  readonly #found: FoundLogFile;
  readonly #seed: number;
  readonly #window = new Uint8Array(SCAN_WINDOW_BYTES);
  #windowStart = 0;
  #windowLength = 0;

  constructor(file: File, found: FoundLogFile) {
    this.#file = file;
    this.#found = found;
    this.#seed = logSeed(found.header);
  }

  /** Looks where the batches end: at the first that doesn't check. */
  scan(): ScannedLogFile {
    let position = LOG_HEADER_BYTES;
    let lastLsn = this.#found.header.firstLsn - 1;
    const starts: { position: number; firstLsn: number }[] = [];
    let syncedLsn = lastLsn;
    while (true) {
      const batch = this.#batchAt(position, lastLsn + 1);
      if (batch === undefined) break;
      syncedLsn = batch.header.syncedLsn;
      starts.push({ position, firstLsn: batch.header.firstLsn });
      lastLsn += batch.header.count;
      position += paddedBatchBytes(batch.header.payloadBytes);
    }
    const unsynced = starts.find(({ firstLsn }) => firstLsn > syncedLsn);
    return { lastLsn, end: position, unsyncedFrom: unsynced?.position ?? position };
  }

  /**
   * Calls `visit` for each record behind `after` and up to `last`. A record's bytes are only valid during
   * the call.
   */
  visit(after: number, last: number, visit: (record: LoggedRecord) => void): void {
    let position = LOG_HEADER_BYTES;
    for (let next = this.#found.header.firstLsn; next <= last;) {
      const batch = this.#batchAt(position, next);
      invariant(batch !== undefined, `the batch of record ${next} checks again`);
      next += batch.header.count;
      if (next - 1 > after) {
        visitRecords(batch.header, batch.payload, position + BATCH_HEADER_BYTES, (record) => {
          if (record.lsn > after) visit(record);
        });
      }
      position += paddedBatchBytes(batch.header.payloadBytes);
    }
  }

  /**
   * The position of a batch at or behind `from` whose header proves that `lsn` was durable when it
   * was written: then what doesn't check before it is damage and not the log's end.
   */
  findProofOf(lsn: number, from: number): number | undefined {
    for (let at = from; at + BATCH_HEADER_BYTES <= this.#found.sizeBytes; at += SECTOR_BYTES) {
      const header = decodeBatchHeader(
        this.#bytes(at, BATCH_HEADER_BYTES),
        batchSeed(this.#seed, at),
      );
      if (header !== undefined && header.syncedLsn >= lsn) return at;
    }
    return undefined;
  }

  #batchAt(
    position: number,
    firstLsn: number,
  ): { header: BatchHeader; payload: Bytes } | undefined {
    const seed = batchSeed(this.#seed, position);
    const header = decodeBatchHeader(this.#bytes(position, BATCH_HEADER_BYTES), seed);
    if (header === undefined || header.firstLsn !== firstLsn) return undefined;
    const payload = this.#bytes(position + BATCH_HEADER_BYTES, header.payloadBytes);
    return payloadChecks(header, payload, seed) ? { header, payload } : undefined;
  }

  #bytes(position: number, length: number): Bytes {
    if (
      position < this.#windowStart || position + length > this.#windowStart + this.#windowLength
    ) {
      if (length > this.#window.length) {
        const own = new Uint8Array(length);
        return own.subarray(0, this.#file.readSync(own, position));
      }
      this.#windowStart = position;
      this.#windowLength = this.#file.readSync(this.#window, position);
    }
    const start = position - this.#windowStart;
    return this.#window.subarray(start, Math.min(start + length, this.#windowLength));
  }
}

function visitRecords(
  header: BatchHeader,
  payload: Bytes,
  payloadPosition: number,
  visit: (record: LoggedRecord) => void,
): void {
  const view = viewOf(payload);
  let at = 0;
  for (let i = 0; i < header.count; i++) {
    const start = at + RECORD_PREFIX_BYTES;
    const end = start + view.getUint32(at, true);
    visit({
      lsn: header.firstLsn + i,
      filePosition: payloadPosition + start,
      bytes: payload.subarray(start, end),
    });
    at = end;
  }
}
