import type { Bytes } from "../../../protocol/bytes.ts";
import type { CursorRow, SubscriptionRow } from "../../subscriptions/capture.ts";
import { decodeBody, encodeBody } from "../../subscriptions/subscription_json.ts";
import { FrameReader, FrameWriter, MalformedFrame } from "./binary.ts";
import { KIND } from "./kinds.ts";
import { type Positions, readPositions, writePositions } from "./subscription_log.ts";

/** A stream in which something is pending, as it was seen. */
export interface SeenStream {
  readonly id: number;
  readonly name: string;
  readonly tail: number;
}

/** All subscriptions as of one message of their log (FORMAT.md, "subscriptions"). */
export interface SubscriptionSnapshot {
  readonly positions: Positions;
  readonly rows: readonly SubscriptionRow[];
  readonly cursors: readonly CursorRow[];
  /** Those that have cursors. */
  readonly streams: readonly SeenStream[];
}

/** The bytes of a snapshot, all of it. */
export function encodeSubscriptionSnapshot(snapshot: SubscriptionSnapshot): Bytes {
  const writer = new FrameWriter(KIND.subscriptionSnapshot);
  writePositions(writer, snapshot.positions);
  writer.u32(snapshot.rows.length);
  for (const row of snapshot.rows) writer.u53(row.id).text(row.name).text(encodeBody(row));
  writer.u32(snapshot.cursors.length);
  for (const { subscriptionId, streamId, position } of snapshot.cursors) {
    writer.u53(subscriptionId).u53(streamId).u53(position);
  }
  writer.u32(snapshot.streams.length);
  for (const { id, name, tail } of snapshot.streams) writer.u53(id).text(name).u53(tail);
  return writer.seal();
}

/**
 * The snapshot that has these bytes.
 *
 * @throws {MalformedFrame}
 */
export function decodeSubscriptionSnapshot(bytes: Bytes): SubscriptionSnapshot {
  const reader = new FrameReader(bytes);
  if (reader.kind !== KIND.subscriptionSnapshot) {
    throw new MalformedFrame(`it is of the kind ${reader.kind}, which no such snapshot is`);
  }
  const positions = readPositions(reader);
  const rows = readList(reader, readRow);
  const cursors = readList(reader, () => ({
    subscriptionId: reader.u53(),
    streamId: reader.u53(),
    position: reader.u53(),
  }));
  const streams = readList(reader, () => ({
    id: reader.u53(),
    name: reader.text(),
    tail: reader.u53(),
  }));
  reader.end();
  return { positions, rows, cursors, streams };
}

function readRow(reader: FrameReader): SubscriptionRow {
  const id = reader.u53();
  const name = reader.text();
  try {
    return { id, name, lsn: 0, ...decodeBody(reader.text()) };
  } catch (error) {
    if (error instanceof SyntaxError) throw new MalformedFrame(error.message);
    throw error;
  }
}

function readList<T>(reader: FrameReader, read: (reader: FrameReader) => T): T[] {
  const found: T[] = [];
  for (let left = reader.u32(); left > 0; left--) found.push(read(reader));
  return found;
}
