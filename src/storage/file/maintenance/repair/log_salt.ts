import type { Bytes } from "../../../../protocol/bytes.ts";
import { putU64, viewOf } from "../../../little_endian.ts";
import { BATCH_HEADER_BYTES, LOG_HEADER_BYTES, logSeed } from "../../wal/format.ts";
import type { FileWindow } from "../../directory/file_window.ts";
import { walkLog } from "../../wal/log_walk.ts";

const CHECKSUM_AT = 36;

/** The CRC-32 of each byte, as the polynomial has it. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  return crc;
});
/** Which byte's CRC begins with a byte: each does once, so that a step can be undone. */
const BY_FIRST_BYTE = new Uint8Array(256);
TABLE.forEach((crc, byte) => BY_FIRST_BYTE[crc >>> 24] = byte);

/**
 * The salt of a log file whose header can't be read: that of the header if any batch checks with it, else
 * the one that the first batch's checksum began with. A checksum can be undone byte by byte; batches
 * that check with the result prove it.
 *
 * @param number the file's, by its name
 */
export function findSalt(window: FileWindow, number: number): number | undefined {
  const bytes = window.bytes(0, LOG_HEADER_BYTES + BATCH_HEADER_BYTES);
  if (bytes.length < LOG_HEADER_BYTES + BATCH_HEADER_BYTES) return undefined;
  const candidates = [
    viewOf(bytes).getUint32(16, true),
    saltOfBatch(bytes.slice(LOG_HEADER_BYTES), number),
  ];
  return candidates.find((salt) => {
    const seed = logSeed({ number, salt });
    return walkLog(window, seed).some((part) => part.kind === "batch" && part.isWhole);
  });
}

function saltOfBatch(header: Bytes, number: number): number {
  const found = viewOf(header).getUint32(CHECKSUM_AT, true);
  const batchSeed = undo(header.subarray(0, CHECKSUM_AT), found);
  const fileSeed = undo(eightBytes(LOG_HEADER_BYTES), batchSeed);
  const seedAfterSalt = undo(eightBytes(number), fileSeed);
  // Four bytes before which nothing came: their CRC is that of zeros that begin with them.
  return undo(new Uint8Array(4), seedAfterSalt);
}

/** The CRC-32 before `bytes`, from that after them. */
function undo(bytes: Bytes, after: number): number {
  let crc = ~after;
  for (let i = bytes.length - 1; i >= 0; i--) {
    const index = BY_FIRST_BYTE[crc >>> 24] ?? 0;
    crc = ((crc ^ (TABLE[index] ?? 0)) << 8) | (index ^ (bytes[i] ?? 0));
  }
  return ~crc >>> 0;
}

function eightBytes(value: number): Bytes {
  const bytes = new Uint8Array(8);
  putU64(viewOf(bytes), 0, value);
  return bytes;
}
