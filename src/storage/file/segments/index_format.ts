import { encodeUtf8 } from "../../../protocol/bytes.ts";
import { uuidBytes, uuidText } from "../directory/uuid_bytes.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";
import { checksum } from "../directory/checksum.ts";

/**
 * A segment's index (FORMAT.md, "idx"): a header, then one entry of fixed width a block. It says where a
 * chunk may end, whether a block reads as it was written, what was there at a time, and which messages are
 * in which block.
 */

/** The header's length. */
export const INDEX_HEADER_BYTES = 48;
/** An entry's length. */
export const INDEX_ENTRY_BYTES = 40;

const MAGIC = encodeUtf8("DSIDX\0\0\x02");
const CHECKSUM_AT = 32;
const ENTRY_CHECKSUM_AT = 36;

/** The first bytes of every index of this version. */
export function indexMagic(): Uint8Array<ArrayBuffer> {
  return MAGIC.slice();
}

/** Which segment an index belongs to. */
export interface IndexHeader {
  uuid: string;
  streamId: number;
  /** Offset of the segment's first byte. */
  base: number;
}

/** One block of a segment. */
export interface IndexEntry {
  /** Offset after the block's last byte. */
  end: number;
  /** Where the block begins in the segment's file. */
  filePosition: number;
  /** When its last message came; never before the entry before it. */
  atMs: number;
  /** How many of the stream's own messages there are up to the block's end. */
  messages: number;
  /** The CRC-32 of its bytes. */
  checksum: number;
}

/** The first bytes of an index. */
export function encodeIndexHeader(header: IndexHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(INDEX_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC, 0);
  bytes.set(uuidBytes(header.uuid), 8);
  putU64(view, 24, header.streamId);
  putU64(view, 32, header.base);
  view.setUint32(44, checksum(bytes.subarray(0, 44)), true);
  return bytes;
}

/** The header in an index's first bytes; `undefined` where they don't check. */
export function decodeIndexHeader(bytes: Uint8Array<ArrayBuffer>): IndexHeader | undefined {
  if (bytes.length < INDEX_HEADER_BYTES) return undefined;
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(44, true) !== checksum(bytes.subarray(0, 44))) return undefined;
  return {
    uuid: uuidText(bytes.subarray(8, 24)),
    streamId: getU64(view, 24),
    base: getU64(view, 32),
  };
}

/** Writes an entry at `at`. */
export function putIndexEntry(bytes: Uint8Array<ArrayBuffer>, at: number, entry: IndexEntry): void {
  const view = viewOf(bytes);
  putU64(view, at, entry.end);
  putU64(view, at + 8, entry.filePosition);
  putU64(view, at + 16, entry.atMs);
  putU64(view, at + 24, entry.messages);
  view.setUint32(at + CHECKSUM_AT, entry.checksum, true);
  const found = checksum(bytes.subarray(at, at + ENTRY_CHECKSUM_AT));
  view.setUint32(at + ENTRY_CHECKSUM_AT, found, true);
}

/** Whether the entry at `at` checks. */
export function isIndexEntryWhole(bytes: Uint8Array<ArrayBuffer>, at: number): boolean {
  if (at + INDEX_ENTRY_BYTES > bytes.length) return false;
  const written = viewOf(bytes).getUint32(at + ENTRY_CHECKSUM_AT, true);
  return written === checksum(bytes.subarray(at, at + ENTRY_CHECKSUM_AT));
}

/** Where the numbers are in an entry that blocks are looked up by. */
const FIELD_AT = { end: 0, filePosition: 8, atMs: 16, messages: 24 } as const;

/** One of them. */
export type IndexField = keyof typeof FIELD_AT;

/** One number of the entry at `at`, which checks. */
export function indexFieldAt(view: DataView, at: number, field: IndexField): number {
  return getU64(view, at + FIELD_AT[field]);
}

/** The block's checksum in the entry at `at`. */
export function blockChecksumAt(view: DataView, at: number): number {
  return view.getUint32(at + CHECKSUM_AT, true);
}

/** The entry at `at`, which checks. */
export function indexEntryAt(view: DataView, at: number): IndexEntry {
  return {
    end: indexFieldAt(view, at, "end"),
    filePosition: indexFieldAt(view, at, "filePosition"),
    atMs: indexFieldAt(view, at, "atMs"),
    messages: indexFieldAt(view, at, "messages"),
    checksum: blockChecksumAt(view, at),
  };
}

/** The entry at `at`, `undefined` where it doesn't check. */
export function decodeIndexEntry(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
): IndexEntry | undefined {
  return isIndexEntryWhole(bytes, at) ? indexEntryAt(viewOf(bytes), at) : undefined;
}
