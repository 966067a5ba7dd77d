import type { Bytes } from "../../../../protocol/bytes.ts";
import type { LogRecord } from "../../../records.ts";
import {
  BATCH_HEADER_BYTES,
  encodeBatch,
  paddedBatchBytes,
  RECORD_PREFIX_BYTES,
} from "../../wal/format.ts";
import { measureRecord } from "../../wal/record_codec.ts";
import { viewOf } from "../../../little_endian.ts";
import type { OrphanIds } from "./orphan_records.ts";

/** A record that does nothing: the deletion of no stream. */
const IDLE = measureRecord({ kind: "delete", atMs: 0, soft: true, ids: [] });

/**
 * A batch in place of records that can't be read and aren't needed: each of its records does nothing. So
 * the next records have the right numbers.
 *
 * @param lengthBytes its length in the file; as little as possible unless given
 * @returns undefined where so many records don't fit
 */
export function fillerBatch(
  firstLsn: number,
  lastLsn: number,
  seed: number,
  lengthBytes?: number,
): Bytes | undefined {
  const count = lastLsn - firstLsn + 1;
  const leastBytes = count * (RECORD_PREFIX_BYTES + IDLE.lengthBytes);
  const paddingBytes = lengthBytes === undefined
    ? 0
    : lengthBytes - BATCH_HEADER_BYTES - leastBytes;
  if (paddingBytes < 0) return undefined;
  const records = Array.from(
    { length: count },
    // Bytes after the ids of a deletion mean nothing: those of the last one fill the batch.
    (_, i) => idleRecord(i === count - 1 ? paddingBytes : 0),
  );
  return encodeBatch(records, { firstLsn, syncedLsn: firstLsn - 1 }, seed);
}

/** How many bytes a filler for so many records takes at least. */
export function fillerBytes(count: number): number {
  return paddedBatchBytes(count * (RECORD_PREFIX_BYTES + IDLE.lengthBytes));
}

function idleRecord(paddingBytes: number): Bytes {
  const bytes = new Uint8Array(IDLE.lengthBytes + paddingBytes);
  IDLE.encode(bytes, viewOf(bytes), 0);
  return bytes;
}

/** A batch that deletes streams, in one record, and subscriptions, in one each. */
export function deletionBatch(
  { streams, subscriptions }: OrphanIds,
  lsn: number,
  atMs: number,
  seed: number,
): Bytes {
  const records: LogRecord[] = subscriptions.map((id) => ({
    kind: "subscription",
    id,
    atMs,
    change: { kind: "delete" },
  }));
  if (streams.length > 0) records.unshift({ kind: "delete", atMs, soft: false, ids: streams });
  return encodeBatch(records.map(encodeRecord), { firstLsn: lsn, syncedLsn: lsn - 1 }, seed);
}

function encodeRecord(record: LogRecord): Bytes {
  const measured = measureRecord(record);
  const bytes = new Uint8Array(measured.lengthBytes);
  measured.encode(bytes, viewOf(bytes), 0);
  return bytes;
}
