import { concatBytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { uuidBytes, uuidText } from "../directory/uuid_bytes.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";
import { checksum } from "../directory/checksum.ts";

/**
 * The write-ahead log's framing (FORMAT.md, "wal"): a file header, then batches, each at a multiple of
 * a sector. What the records in a batch mean is `wal/record_codec.ts`'s.
 */

/** A batch begins at a multiple of this, so that writing one can't tear the one before. */
export const SECTOR_BYTES = 512;
/** The file header has a sector to itself. */
export const LOG_HEADER_BYTES = SECTOR_BYTES;
/** The header of a batch; its records follow. */
export const BATCH_HEADER_BYTES = 40;
/** Each record in a batch begins with its length. */
export const RECORD_PREFIX_BYTES = 4;

const MAGIC = encodeUtf8("DSWAL\0\0\x01");
const BATCH_MAGIC = 0xb10c_da7a;

/** What a log file says of itself. */
export interface LogHeader {
  /** Which file of the log it is, counted from 1; also its name. */
  number: number;
  /** Random, so that batches of the file's earlier lives don't check. */
  salt: number;
  /** The directory's. */
  uuid: string;
  /** The LSN of its first record. */
  firstLsn: number;
  /** The file's length, which never changes: a shorter one was cut. */
  sizeBytes: number;
}

/** What stands before a batch's records. */
export interface BatchHeader {
  /** The LSN of the first record; the others follow without a gap. */
  firstLsn: number;
  /** All records up to this one were durable when the batch was written. */
  syncedLsn: number;
  count: number;
  payloadBytes: number;
  payloadChecksum: number;
}

/** A log file's first sector. */
export function encodeLogHeader(header: LogHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LOG_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC, 0);
  putU64(view, 8, header.number);
  view.setUint32(16, header.salt, true);
  bytes.set(uuidBytes(header.uuid), 20);
  putU64(view, 36, header.firstLsn);
  putU64(view, 44, header.sizeBytes);
  view.setUint32(52, checksum(bytes.subarray(0, 52)), true);
  return bytes;
}

/** What a first sector says, `undefined` where it doesn't check. */
export function decodeLogHeader(bytes: Uint8Array<ArrayBuffer>): LogHeader | undefined {
  if (bytes.length < LOG_HEADER_BYTES) return undefined;
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(52, true) !== checksum(bytes.subarray(0, 52))) return undefined;
  return {
    number: getU64(view, 8),
    salt: view.getUint32(16, true),
    uuid: uuidText(bytes.subarray(20, 36)),
    firstLsn: getU64(view, 36),
    sizeBytes: getU64(view, 44),
  };
}

/** What the checksums of a file's batches begin with: its salt and number. */
export function logSeed(header: Pick<LogHeader, "salt" | "number">): number {
  const bytes = new Uint8Array(12);
  const view = viewOf(bytes);
  view.setUint32(0, header.salt, true);
  putU64(view, 4, header.number);
  return checksum(bytes);
}

const positionBytes = new Uint8Array(8);
const positionView = viewOf(positionBytes);

/** The seed of the batch at `position`: one that was moved doesn't check. */
export function batchSeed(fileSeed: number, position: number): number {
  putU64(positionView, 0, position);
  return checksum(positionBytes, fileSeed);
}

/** Bytes that a batch takes in the file. */
export function paddedBatchBytes(payloadBytes: number): number {
  return Math.ceil((BATCH_HEADER_BYTES + payloadBytes) / SECTOR_BYTES) * SECTOR_BYTES;
}

/**
 * Fills in the header and the padding of a batch whose records stand in `bytes` already.
 *
 * @param bytes the whole padded batch
 * @param seed see {@link batchSeed}
 */
export function sealBatch(
  bytes: Uint8Array<ArrayBuffer>,
  header: Omit<BatchHeader, "payloadChecksum">,
  seed: number,
): void {
  const end = BATCH_HEADER_BYTES + header.payloadBytes;
  bytes.fill(0, end);
  const view = viewOf(bytes);
  view.setUint32(0, BATCH_MAGIC, true);
  view.setUint32(4, header.payloadBytes, true);
  putU64(view, 8, header.firstLsn);
  putU64(view, 16, header.syncedLsn);
  view.setUint32(24, header.count, true);
  view.setUint32(28, checksum(bytes.subarray(BATCH_HEADER_BYTES, end), seed), true);
  view.setUint32(32, 0, true);
  view.setUint32(36, checksum(bytes.subarray(0, 36), seed), true);
}

/** What a batch header says, `undefined` where it doesn't check. */
export function decodeBatchHeader(
  bytes: Uint8Array<ArrayBuffer>,
  seed: number,
): BatchHeader | undefined {
  if (bytes.length < BATCH_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== BATCH_MAGIC) return undefined;
  if (view.getUint32(36, true) !== checksum(bytes.subarray(0, 36), seed)) return undefined;
  return {
    payloadBytes: view.getUint32(4, true),
    firstLsn: getU64(view, 8),
    syncedLsn: getU64(view, 16),
    count: view.getUint32(24, true),
    payloadChecksum: view.getUint32(28, true),
  };
}

/** A log file's name. */
export function logFileName(number: number): string {
  return `${number.toString().padStart(20, "0")}.wal`;
}

/** The number in a log file's name, `undefined` for any other name. */
export function parseLogFileName(name: string): number | undefined {
  const match = /^(\d{20})\.wal$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** One batch from its records, for tests and tools; the writer builds its own in place. */
export function encodeBatch(
  records: readonly Uint8Array<ArrayBuffer>[],
  header: Pick<BatchHeader, "firstLsn" | "syncedLsn">,
  seed: number,
): Uint8Array<ArrayBuffer> {
  const payload = concatBytes(records.flatMap((record) => {
    const prefix = new Uint8Array(RECORD_PREFIX_BYTES);
    viewOf(prefix).setUint32(0, record.length, true);
    return [prefix, record];
  }));
  const bytes = new Uint8Array(paddedBatchBytes(payload.length));
  bytes.set(payload, BATCH_HEADER_BYTES);
  sealBatch(bytes, { ...header, count: records.length, payloadBytes: payload.length }, seed);
  return bytes;
}
