import type { Bytes } from "../../../protocol/bytes.ts";
import type { SubscriptionChange, SubscriptionRecord } from "../../records.ts";
import { decodeChange, encodeChange } from "../../subscriptions/subscription_json.ts";
import { FrameReader, FrameWriter, MalformedFrame } from "./binary.ts";
import { KIND } from "./kinds.ts";

/** The messages of the subscriptions' log (FORMAT.md, "subscriptions"). */
export type SubscriptionMessage = RecordsMessage | PointerMessage | PartOfMessage;

/** What each of them says. */
export interface SubscriptionMessageHead {
  /** The front end that wrote it, and which of its messages it is; the parts of one have the same. */
  readonly owner: number;
  readonly count: number;
  /** Sequence of the message before it; of parts, of that before the first. */
  readonly previousSequence: number;
}

/** Up to which message each data log was looked at, by the logs' numbers. */
export type Positions = ReadonlyMap<number, number>;

/** What stands in a message of records, in this order. */
export type LogEntry =
  /** The data logs were looked at up to here before what follows was decided; those that have moved on. */
  | { readonly kind: "positions"; readonly positions: Positions }
  | { readonly kind: "record"; readonly record: SubscriptionRecord };

/** Any number of records. */
export interface RecordsMessage extends SubscriptionMessageHead {
  readonly kind: "records";
  readonly entries: readonly LogEntry[];
}

/** There is a snapshot of the state up to a message. */
export interface PointerMessage extends SubscriptionMessageHead {
  readonly kind: "pointer";
  readonly snapshot: SnapshotPlace;
  /** Sequence of the newest message that it includes. */
  readonly upToSequence: number;
}

/** Where a snapshot is. */
export interface SnapshotPlace {
  readonly owner: number;
  readonly count: number;
  readonly parts: number;
}

/** A part of a message that is too long for one of the cluster's. */
export interface PartOfMessage extends SubscriptionMessageHead {
  readonly kind: "part";
  readonly index: number;
  readonly partCount: number;
  readonly bytes: Bytes;
}

/** What a part takes beside its bytes. */
export const PART_OVERHEAD_BYTES = 64;

const POSITIONS = 0;
/** From 1 on. */
const CHANGES: readonly SubscriptionChange["kind"][] = [
  "create",
  "delete",
  "link",
  "unlink",
  "state",
];

/** The bytes of a message. */
export function encodeSubscriptionMessage(message: SubscriptionMessage): Bytes {
  switch (message.kind) {
    case "records": {
      const writer = begin(KIND.subscriptionRecords, message).u32(message.entries.length);
      for (const entry of message.entries) writeEntry(writer, entry);
      return writer.seal();
    }
    case "pointer": {
      const { owner, count, parts } = message.snapshot;
      return begin(KIND.subscriptionPointer, message).u53(message.upToSequence).u53(owner)
        .u53(count).u32(parts).seal();
    }
    case "part":
      return begin(KIND.subscriptionPart, message).u32(message.index).u32(message.partCount)
        .bytes(message.bytes).seal();
  }
}

/**
 * The message that has these bytes.
 *
 * @throws {MalformedFrame}
 */
export function decodeSubscriptionMessage(bytes: Bytes): SubscriptionMessage {
  const reader = new FrameReader(bytes);
  const head = {
    owner: reader.u53(),
    count: reader.u53(),
    previousSequence: reader.u53(),
  };
  const message = readBody(reader, head);
  reader.end();
  return message;
}

/** Writes where data logs were looked at. */
export function writePositions(writer: FrameWriter, positions: Positions): void {
  writer.u32(positions.size);
  for (const [shard, sequence] of positions) writer.u32(shard).u53(sequence);
}

/** Reads what {@link writePositions} wrote. */
export function readPositions(reader: FrameReader): Map<number, number> {
  const positions = new Map<number, number>();
  for (let left = reader.u32(); left > 0; left--) positions.set(reader.u32(), reader.u53());
  return positions;
}

function begin(kind: number, head: SubscriptionMessageHead): FrameWriter {
  return new FrameWriter(kind).u53(head.owner).u53(head.count).u53(head.previousSequence);
}

function writeEntry(writer: FrameWriter, entry: LogEntry): void {
  if (entry.kind === "positions") {
    writer.u8(POSITIONS);
    return writePositions(writer, entry.positions);
  }
  const { id, atMs, change } = entry.record;
  writer.u8(CHANGES.indexOf(change.kind) + 1).u53(id).u53(atMs).text(encodeChange(change));
}

function readBody(reader: FrameReader, head: SubscriptionMessageHead): SubscriptionMessage {
  switch (reader.kind) {
    case KIND.subscriptionRecords: {
      const entries: LogEntry[] = [];
      for (let left = reader.u32(); left > 0; left--) entries.push(readEntry(reader));
      return { ...head, kind: "records", entries };
    }
    case KIND.subscriptionPointer:
      return {
        ...head,
        kind: "pointer",
        upToSequence: reader.u53(),
        snapshot: { owner: reader.u53(), count: reader.u53(), parts: reader.u32() },
      };
    case KIND.subscriptionPart:
      return {
        ...head,
        kind: "part",
        index: reader.u32(),
        partCount: reader.u32(),
        bytes: reader.bytes(),
      };
  }
  throw new MalformedFrame(`it is of the kind ${reader.kind}, which the log doesn't have`);
}

function readEntry(reader: FrameReader): LogEntry {
  const number = reader.u8();
  if (number === POSITIONS) return { kind: "positions", positions: readPositions(reader) };
  const kind = CHANGES[number - 1];
  if (kind === undefined) throw new MalformedFrame(`a change of kind ${number} isn't known`);
  const id = reader.u53();
  const atMs = reader.u53();
  const text = reader.text();
  try {
    const change = decodeChange(kind, text);
    return { kind: "record", record: { kind: "subscription", id, atMs, change } };
  } catch (error) {
    if (error instanceof SyntaxError) throw new MalformedFrame(error.message);
    throw error;
  }
}
