import type { StreamRecord } from "../../../records.ts";
import { viewOf } from "../../directory/bytes_io.ts";
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  batchSeed,
  decodeBatchHeader,
  LOG_HEADER_BYTES,
  paddedBatchBytes,
  RECORD_PREFIX_BYTES,
  SECTOR_BYTES,
} from "../../wal/format.ts";
import { decodeRecord } from "../../wal/record_codec.ts";
import type { FileWindow } from "./file_window.ts";

/** Of a long record this much is decoded: all but its data. */
const DECODED_BYTES = 256 * 1024;
const DELETE_KIND = 3;

/** A batch whose header checks. */
export interface WalkedBatch {
  readonly kind: "batch";
  readonly position: number;
  readonly header: BatchHeader;
  /** Whether its records are what its header says. */
  readonly isWhole: boolean;
}

/** Bytes in which no batch begins. */
export interface WalkedGap {
  /** A `hole` has a batch behind it that checks; behind the `end` there is none. */
  readonly kind: "hole" | "end";
  readonly position: number;
  readonly end: number;
}

/** A part of a log file. */
export type WalkedPart = WalkedBatch | WalkedGap;

/**
 * The parts of a log file, also those behind a damaged one: a batch's checksums begin with its file's
 * salt and number and its own position, so that one which checks is one of this life of the file.
 *
 * @param fileSeed see `logSeed`
 */
export function* walkLog(window: FileWindow, fileSeed: number): Generator<WalkedPart> {
  let position = LOG_HEADER_BYTES;
  while (position < window.sizeBytes) {
    const start = position;
    let header = batchHeaderAt(window, fileSeed, position);
    while (header === undefined && position + SECTOR_BYTES < window.sizeBytes) {
      position += SECTOR_BYTES;
      header = batchHeaderAt(window, fileSeed, position);
    }
    if (header === undefined) {
      yield { kind: "end", position: start, end: window.sizeBytes };
      return;
    }
    if (position > start) yield { kind: "hole", position: start, end: position };
    const isWhole = payloadIsWhole(window, fileSeed, position, header);
    yield { kind: "batch", position, header, isWhole };
    // The header of one that isn't whole says where it ends, but a batch may begin before that.
    position += isWhole ? paddedBatchBytes(header.payloadBytes) : SECTOR_BYTES;
  }
}

function batchHeaderAt(
  window: FileWindow,
  fileSeed: number,
  position: number,
): BatchHeader | undefined {
  return decodeBatchHeader(
    window.bytes(position, BATCH_HEADER_BYTES),
    batchSeed(fileSeed, position),
  );
}

function payloadIsWhole(
  window: FileWindow,
  fileSeed: number,
  position: number,
  { payloadBytes, payloadChecksum }: BatchHeader,
): boolean {
  const start = position + BATCH_HEADER_BYTES;
  const end = start + payloadBytes;
  return end <= window.sizeBytes &&
    window.checksum(start, end, batchSeed(fileSeed, position)) === payloadChecksum;
}

/** A record of a whole batch. */
export interface WalkedRecord {
  readonly lsn: number;
  /** Where its bytes begin in the file. */
  readonly position: number;
  readonly lengthBytes: number;
  /** Undefined where the bytes are no record; of a long one the data is only its beginning. */
  readonly record: StreamRecord | undefined;
  /** How long its data is. */
  readonly dataBytes: number;
}

/** The records of a batch that is whole. */
export function* walkRecords(window: FileWindow, batch: WalkedBatch): Generator<WalkedRecord> {
  let at = batch.position + BATCH_HEADER_BYTES;
  const end = at + batch.header.payloadBytes;
  for (let i = 0; i < batch.header.count; i++) {
    const lsn = batch.header.firstLsn + i;
    const prefix = window.bytes(at, RECORD_PREFIX_BYTES);
    const position = at + RECORD_PREFIX_BYTES;
    const lengthBytes = position <= end ? viewOf(prefix).getUint32(0, true) : Infinity;
    if (position + lengthBytes > end) {
      yield { lsn, position: at, lengthBytes: end - at, record: undefined, dataBytes: 0 };
      return;
    }
    const isDelete = window.bytes(position, 1)[0] === DELETE_KIND;
    const decodedBytes = isDelete ? lengthBytes : Math.min(lengthBytes, DECODED_BYTES);
    const record = tryDecode(window.bytes(position, decodedBytes));
    const data = record === undefined || record.kind === "delete" ? 0 : record.data.length;
    const dataBytes = data === 0 ? 0 : data + lengthBytes - decodedBytes;
    yield { lsn, position, lengthBytes, record, dataBytes };
    at = position + lengthBytes;
  }
}

function tryDecode(bytes: Uint8Array<ArrayBuffer>): StreamRecord | undefined {
  try {
    return decodeRecord(bytes);
  } catch {
    return undefined;
  }
}
