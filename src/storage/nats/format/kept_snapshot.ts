import { crc32 } from "node:zlib";
import { type Bytes, decodeUtf8, encodeUtf8 } from "../../../protocol/bytes.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";
import { beginFrame, FRAME_HEAD_BYTES, MalformedFrame, openFrame, sealFrame } from "./binary.ts";
import { KIND } from "./kinds.ts";

/** What a stream has of an application's snapshots (FORMAT.md, "snapshots of applications"). */
export interface KeptState {
  /**
   * No body whose first part has a lower sequence will ever be named: such a body may be gone, unless it is
   * the one that is kept.
   */
  readonly bodiesFrom: number;
  readonly snapshot: StoredSnapshot | undefined;
}

/** A snapshot that is kept, and where its body is. */
export interface StoredSnapshot {
  /** No other body of the storage has it. */
  readonly number: number;
  readonly position: number;
  /** When it was kept, in ms since 1970. */
  readonly atMs: number;
  readonly contentType: string;
  /** How long its body is. */
  readonly bytes: number;
  /** Of its body. */
  readonly crc32: number;
  /** How many messages its body has. */
  readonly parts: number;
  /** Of the first of them, which all others come after. */
  readonly firstSequence: number;
}

/** A part of a body, as a message of its own. */
export interface SnapshotPart {
  readonly streamId: number;
  readonly number: number;
  readonly index: number;
  readonly parts: number;
  readonly data: Bytes;
}

/** A message of a body has so much beside its bytes. */
export const SNAPSHOT_PART_OVERHEAD_BYTES = FRAME_HEAD_BYTES + 24;
/** What no snapshot yet has come to. */
export const NOTHING_KEPT: KeptState = { bodiesFrom: 0, snapshot: undefined };

const FLOOR_BYTES = 9;
const SNAPSHOT_BYTES = 50;

/** The bytes of what is kept, as they stand in other frames. */
export function encodeKept({ bodiesFrom, snapshot }: KeptState): Bytes {
  const contentType = encodeUtf8(snapshot?.contentType ?? "");
  const bytes = new Uint8Array(
    FLOOR_BYTES + (snapshot === undefined ? 0 : SNAPSHOT_BYTES + contentType.length),
  );
  const view = viewOf(bytes);
  view.setUint8(0, snapshot === undefined ? 0 : 1);
  putU64(view, 1, bodiesFrom);
  if (snapshot === undefined) return bytes;
  putU64(view, FLOOR_BYTES, snapshot.number);
  putU64(view, FLOOR_BYTES + 8, snapshot.position);
  putU64(view, FLOOR_BYTES + 16, snapshot.atMs);
  putU64(view, FLOOR_BYTES + 24, snapshot.bytes);
  view.setUint32(FLOOR_BYTES + 32, snapshot.crc32, true);
  view.setUint32(FLOOR_BYTES + 36, snapshot.parts, true);
  putU64(view, FLOOR_BYTES + 40, snapshot.firstSequence);
  view.setUint16(FLOOR_BYTES + 48, contentType.length, true);
  bytes.set(contentType, FLOOR_BYTES + SNAPSHOT_BYTES);
  return bytes;
}

/**
 * What these bytes say, all of them.
 *
 * @throws {MalformedFrame}
 */
export function decodeKept(bytes: Bytes): KeptState {
  const view = viewOf(bytes);
  const hasSnapshot = bytes.length >= FLOOR_BYTES && view.getUint8(0) === 1;
  const least = FLOOR_BYTES + (hasSnapshot ? SNAPSHOT_BYTES : 0);
  const textBytes = hasSnapshot && bytes.length >= least ? view.getUint16(least - 2, true) : 0;
  if (bytes.length !== least + textBytes || view.getUint8(0) > 1) {
    throw new MalformedFrame(`what it says of a snapshot has ${bytes.length} bytes`);
  }
  const bodiesFrom = getU64(view, 1);
  if (!hasSnapshot) return { bodiesFrom, snapshot: undefined };
  const snapshot: StoredSnapshot = {
    number: getU64(view, FLOOR_BYTES),
    position: getU64(view, FLOOR_BYTES + 8),
    atMs: getU64(view, FLOOR_BYTES + 16),
    bytes: getU64(view, FLOOR_BYTES + 24),
    crc32: view.getUint32(FLOOR_BYTES + 32, true),
    parts: view.getUint32(FLOOR_BYTES + 36, true),
    firstSequence: getU64(view, FLOOR_BYTES + 40),
    contentType: decodeUtf8(bytes.subarray(least)),
  };
  return { bodiesFrom, snapshot };
}

/** The bytes of a part. */
export function encodeSnapshotPart(part: SnapshotPart): Bytes {
  const { data } = part;
  const bytes = beginFrame(SNAPSHOT_PART_OVERHEAD_BYTES + data.length, KIND.snapshotPart, 0);
  const view = viewOf(bytes);
  putU64(view, FRAME_HEAD_BYTES, part.streamId);
  putU64(view, FRAME_HEAD_BYTES + 8, part.number);
  view.setUint32(FRAME_HEAD_BYTES + 16, part.index, true);
  view.setUint32(FRAME_HEAD_BYTES + 20, part.parts, true);
  bytes.set(data, SNAPSHOT_PART_OVERHEAD_BYTES);
  return sealFrame(bytes);
}

/**
 * The part that has these bytes; its data are among them.
 *
 * @throws {MalformedFrame}
 */
export function decodeSnapshotPart(bytes: Bytes): SnapshotPart {
  const { kind } = openFrame(bytes);
  if (kind !== KIND.snapshotPart) {
    throw new MalformedFrame(`it is of the kind ${kind}, which no part of a snapshot is`);
  }
  if (bytes.length < SNAPSHOT_PART_OVERHEAD_BYTES) throw new MalformedFrame("it ends too early");
  const view = viewOf(bytes);
  return {
    streamId: getU64(view, FRAME_HEAD_BYTES),
    number: getU64(view, FRAME_HEAD_BYTES + 8),
    index: view.getUint32(FRAME_HEAD_BYTES + 16, true),
    parts: view.getUint32(FRAME_HEAD_BYTES + 20, true),
    data: bytes.subarray(SNAPSHOT_PART_OVERHEAD_BYTES),
  };
}

/** The checksum of a body. */
export function bodyChecksum(body: Bytes): number {
  return crc32(body);
}
