import { type Bytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";
import type { SnapshotRecord } from "../../records.ts";
import type { MeasuredRecord } from "./measured_record.ts";

/** The record of a stream's snapshot (FORMAT.md, "records"). */

/** The first byte of one. */
export const SNAPSHOT = 7;

const REMOVED_BYTES = 18;
const SNAPSHOT_BYTES = 46;
const REMOVED = 1;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Measures a record, its text encoded already. */
export function measureSnapshot({ id, atMs, snapshot }: SnapshotRecord): MeasuredRecord {
  const contentType = encodeUtf8(snapshot?.contentType ?? "");
  return {
    lengthBytes: snapshot === undefined ? REMOVED_BYTES : SNAPSHOT_BYTES + contentType.length,
    encode: (into, view, at) => {
      view.setUint8(at, SNAPSHOT);
      view.setUint8(at + 1, snapshot === undefined ? REMOVED : 0);
      putU64(view, at + 2, id);
      putU64(view, at + 10, atMs);
      if (snapshot === undefined) return;
      putU64(view, at + 18, snapshot.position);
      putU64(view, at + 26, snapshot.number);
      putU64(view, at + 34, snapshot.bytes);
      view.setUint32(at + 42, snapshot.crc32, true);
      into.set(contentType, at + SNAPSHOT_BYTES);
    },
  };
}

/** The record in `bytes`, which have passed their checksum. */
export function decodeSnapshot(bytes: Bytes): SnapshotRecord {
  const view = viewOf(bytes);
  const isRemoved = (view.getUint8(1) & REMOVED) !== 0;
  return {
    kind: "snapshot",
    id: getU64(view, 2),
    atMs: getU64(view, 10),
    snapshot: isRemoved ? undefined : {
      position: getU64(view, 18),
      number: getU64(view, 26),
      bytes: getU64(view, 34),
      crc32: view.getUint32(42, true),
      contentType: utf8.decode(bytes.subarray(SNAPSHOT_BYTES)),
    },
  };
}
