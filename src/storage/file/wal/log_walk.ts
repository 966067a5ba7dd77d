import type { LogRecord } from "../../records.ts";
import type { FileWindow } from "../directory/file_window.ts";
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  batchSeed,
  decodeBatchHeader,
  LOG_HEADER_BYTES,
  paddedBatchBytes,
  RECORD_PREFIX_BYTES,
  SECTOR_BYTES,
} from "./format.ts";
import { bytesBeforeData, decodeRecord } from "./record_codec.ts";

/** A batch whose header checks. */
export interface WalkedBatch {
  readonly kind: "batch";
  readonly filePosition: number;
  readonly header: BatchHeader;
  /** Whether its records are the ones that its header is of. */
  readonly isWhole: boolean;
}

/** Bytes in which no batch begins. */
export interface WalkedGap {
  /** After a `hole` comes a batch whose header checks; after the `end` there is none. */
  readonly kind: "hole" | "end";
  readonly filePosition: number;
  readonly end: number;
}

/** A part of a log file. */
export type WalkedPart = WalkedBatch | WalkedGap;

/**
 * The parts of a log file, also those after a damaged one: a batch's checksums begin with its file's
 * salt and number and its own position, so that one which checks is of this life of the file.
 *
 * @param fileSeed see `logSeed`
 * @param from where a batch may begin
 */
export function* walkLog(
  window: FileWindow,
  fileSeed: number,
  from = LOG_HEADER_BYTES,
): Generator<WalkedPart> {
  let filePosition = from;
  while (filePosition < window.sizeBytes) {
    const start = filePosition;
    let seed = batchSeed(fileSeed, filePosition);
    let header = decodeBatchHeader(window.bytes(filePosition, BATCH_HEADER_BYTES), seed);
    while (header === undefined && filePosition + SECTOR_BYTES < window.sizeBytes) {
      filePosition += SECTOR_BYTES;
      seed = batchSeed(fileSeed, filePosition);
      header = decodeBatchHeader(window.bytes(filePosition, BATCH_HEADER_BYTES), seed);
    }
    if (header === undefined) {
      yield { kind: "end", filePosition: start, end: window.sizeBytes };
      return;
    }
    if (filePosition > start) yield { kind: "hole", filePosition: start, end: filePosition };
    const payloadPosition = filePosition + BATCH_HEADER_BYTES;
    const isWhole = isPayloadWhole(window, payloadPosition, header, seed);
    yield { kind: "batch", filePosition, header, isWhole };
    // The header of one that isn't whole tells where it ends, but a batch may begin before that.
    filePosition += isWhole ? paddedBatchBytes(header.payloadBytes) : SECTOR_BYTES;
  }
}

function isPayloadWhole(
  window: FileWindow,
  start: number,
  { payloadBytes, payloadChecksum }: BatchHeader,
  seed: number,
): boolean {
  const end = start + payloadBytes;
  return end <= window.sizeBytes && window.checksum(start, end, seed) === payloadChecksum;
}

/** Where a record of a whole batch is. */
export interface RecordSpan {
  readonly lsn: number;
  /** Where its bytes begin in the file. */
  readonly filePosition: number;
  readonly lengthBytes: number;
  /** False where its length leads out of the batch: then no other follows. */
  readonly isInBatch: boolean;
}

/** The records of a batch that is whole, without their bytes. */
export function* recordSpans(
  window: FileWindow,
  { filePosition: batchPosition, header }: WalkedBatch,
): Generator<RecordSpan> {
  let at = batchPosition + BATCH_HEADER_BYTES;
  const end = at + header.payloadBytes;
  for (let lsn = header.firstLsn; lsn < header.firstLsn + header.count; lsn++) {
    const filePosition = at + RECORD_PREFIX_BYTES;
    const lengthBytes = filePosition <= end ? window.uint32(at) ?? Infinity : Infinity;
    if (filePosition + lengthBytes > end) {
      yield { lsn, filePosition: at, lengthBytes: end - at, isInBatch: false };
      return;
    }
    yield { lsn, filePosition, lengthBytes, isInBatch: true };
    at = filePosition + lengthBytes;
  }
}

/** A record of a whole batch. */
export interface WalkedRecord {
  readonly lsn: number;
  /** Where its bytes begin in the file. */
  readonly filePosition: number;
  readonly lengthBytes: number;
  /** Undefined where the bytes are no record; of a long one the data is only its beginning. */
  readonly record: LogRecord | undefined;
  /** How long its data is. */
  readonly dataBytes: number;
}

/** The records of a batch that is whole; of long ones not all of the data is read. */
export function* walkRecords(window: FileWindow, batch: WalkedBatch): Generator<WalkedRecord> {
  for (const { isInBatch, ...span } of recordSpans(window, batch)) {
    const { filePosition, lengthBytes } = span;
    const decodedBytes = bytesBeforeData(window.bytes(filePosition, 1)[0], lengthBytes);
    const record = isInBatch ? tryDecode(window.bytes(filePosition, decodedBytes)) : undefined;
    const data = record !== undefined && "data" in record ? record.data.length : 0;
    yield { ...span, record, dataBytes: data === 0 ? 0 : data + lengthBytes - decodedBytes };
  }
}

function tryDecode(bytes: Uint8Array<ArrayBuffer>): LogRecord | undefined {
  try {
    return decodeRecord(bytes);
  } catch {
    return undefined;
  }
}
