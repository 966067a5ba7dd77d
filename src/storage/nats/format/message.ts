import { type Bytes, decodeUtf8, encodeUtf8 } from "../../../protocol/bytes.ts";
import { quote } from "../../../protocol/errors.ts";
import { invariant } from "../../invariant.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";
import { encodePolicies, type StreamPolicies } from "../../policies.ts";
import type { ProducerBatch } from "../../records.ts";
import {
  beginFrame,
  FRAME_HEAD_BYTES,
  getU48,
  MalformedFrame,
  openFrame,
  putU48,
  sealFrame,
} from "./binary.ts";
import { decodeKept, encodeKept, type KeptState } from "./kept_snapshot.ts";
import { KIND } from "./kinds.ts";
import { readPolicies } from "./read_policies.ts";
import {
  getStoredCalls,
  putStoredCalls,
  type StoredCall,
  storedCallsBytes,
} from "./stored_calls.ts";

/** The messages of a stream's subject: what they say and their bytes (FORMAT.md, "messages of a stream"). */
export type StreamMessage =
  | AppendsMessage
  | PartMessage
  | ForkMessage
  | SnapshotMessage
  | TouchedMessage
  | GoneMessage
  | RetentionMessage
  | ForkTrimmedMessage;

/** What each message says. */
export interface MessageHead {
  /** Who wrote it, and which one of theirs it is: no two messages have both the same, but parts of one. */
  readonly frontEnd: number;
  readonly count: number;
  /** The sequence of the subject's message before it; of parts, that before the first. */
  readonly previousSequence: number;
  /** The stream's tail before it. */
  readonly start: number;
  /** When it was decided, in ms since 1970: never before that of the message before it. */
  readonly atMs: number;
  /** When the stream was used last, as far as it is recorded, with this message. */
  readonly accessedAtMs: number;
  /** Whether the stream is closed with it. */
  readonly isClosed: boolean;
  /** Whether only forks keep the stream with it. */
  readonly isSoftlyDeleted: boolean;
  /** Whether less than all of the stream is kept with it, or there are policies; left out where not. */
  readonly hasRetention?: boolean;
  /** Left out in streams that a program began which didn't count. */
  readonly counts?: MessageTally;
}

/** Which of the stream's own messages, as readers see them, end in what is stored as one. */
export interface MessageTally {
  /** How many end before it. */
  readonly before: number;
  readonly count: number;
}

/** What an append does beside its bytes. */
export interface RecordHead {
  readonly producer: ProducerBatch | undefined;
  /** `Stream-Seq`. */
  readonly seq: string | undefined;
  readonly close: boolean;
}

/** One append of a group. */
export interface StoredAppend extends RecordHead {
  readonly lengthBytes: number;
}

/** Any number of appends, decided together. The first message of a stream is one, perhaps without any. */
export interface AppendsMessage extends MessageHead {
  readonly kind: "appends";
  readonly appends: readonly StoredAppend[];
  /** Which of them other front ends have sent; left out where none is. */
  readonly calls?: readonly StoredCall[];
  /** The bytes of all, as they are stored. */
  readonly data: Bytes;
}

/** A part of one append that is too large for a message. */
export interface PartMessage extends MessageHead {
  readonly kind: "part";
  readonly index: number;
  readonly partCount: number;
  /** Where the append begins, and how long it is. */
  readonly appendStart: number;
  readonly append: StoredAppend;
  readonly data: Bytes;
}

/** The stream has become the source of a fork, or isn't any more. */
export interface ForkMessage extends MessageHead {
  readonly kind: "fork_added" | "fork_removed";
  readonly forkId: number;
  readonly forkName: string;
}

/** Another snapshot of an application's is kept beside the stream from now on, or none. */
export interface SnapshotMessage extends MessageHead {
  readonly kind: "snapshot";
  readonly kept: KeptState;
}

/** The stream was used. */
export interface TouchedMessage extends MessageHead {
  readonly kind: "touched";
}

/** The stream is gone: for good, unless it is softly deleted with it. */
export interface GoneMessage extends MessageHead {
  readonly kind: "gone";
}

/** What is kept of the stream from now on. Any number of them in a row say what the last one says. */
export interface RetentionMessage extends MessageHead {
  readonly kind: "retention";
  /** The first position that can be read. */
  readonly earliest: number;
  /** How many messages of the stream's own come before that; 0 where they aren't counted. */
  readonly messages: number;
  /** All policies of its own; `undefined` for none. */
  readonly policies: StreamPolicies | undefined;
}

/** A fork needs no bytes of the stream before a position any more. */
export interface ForkTrimmedMessage extends MessageHead {
  readonly kind: "fork_trimmed";
  readonly forkId: number;
  readonly from: number;
}

/** How long what each message says is. */
const MESSAGE_HEAD_BYTES = 52;
/** What an append takes beside its bytes, producer and sequence. */
const APPEND_BYTES = 5;
const PRODUCER_BYTES = 18;
const TEXT_LENGTH_BYTES = 2;
const APPENDS_BYTES = 8;
const PART_BYTES = 16;
const FORK_BYTES = 8;
const RETENTION_BYTES = 16;
const FORK_TRIMMED_BYTES = 16;
const COUNTS_BYTES = 12;

const CLOSED = 1;
const SOFTLY_DELETED = 2;
const HAS_CALLS = 4;
const HAS_COUNTS = 8;
const HAS_RETENTION = 64;
const KNOWN_FLAGS = CLOSED | SOFTLY_DELETED | HAS_CALLS | HAS_COUNTS | HAS_RETENTION;

const HAS_PRODUCER = 1;
const HAS_SEQ = 2;
const CLOSES = 4;

const TEXT_LIMIT_BYTES = 0xffff;

/** At most so many bytes has a message of these appends beside the data. */
export function appendsOverheadBytes(appends: readonly RecordHead[]): number {
  return MESSAGE_HEAD_BYTES + COUNTS_BYTES + APPENDS_BYTES + headsBytesOf(appends);
}

function headsBytesOf(appends: readonly RecordHead[]): number {
  let length = 0;
  for (const append of appends) length += appendHeadBytes(append);
  return length;
}

/** At most so many bytes does an append's own description have in a message. */
export function appendHeadBytes({ producer, seq }: RecordHead): number {
  return APPEND_BYTES +
    (producer === undefined ? 0 : PRODUCER_BYTES + encodeUtf8(producer.id).length) +
    (seq === undefined ? 0 : TEXT_LENGTH_BYTES + encodeUtf8(seq).length);
}

/** At most so many bytes has a part beside its data. */
export function partOverheadBytes(append: RecordHead): number {
  return MESSAGE_HEAD_BYTES + COUNTS_BYTES + PART_BYTES + appendHeadBytes(append);
}

/** The bytes of a message. */
export function encodeMessage(message: StreamMessage): Bytes {
  switch (message.kind) {
    case "appends":
      return encodeAppends(message);
    case "part":
      return encodePart(message);
    case "fork_added":
    case "fork_removed": {
      const name = encodeUtf8(message.forkName);
      const kind = message.kind === "fork_added" ? KIND.forkAdded : KIND.forkRemoved;
      const { bytes, view, at } = begin(message, kind, FORK_BYTES + name.length);
      putU64(view, at, message.forkId);
      bytes.set(name, at + FORK_BYTES);
      return sealFrame(bytes);
    }
    case "snapshot": {
      const kept = encodeKept(message.kept);
      const { bytes, at } = begin(message, KIND.keptSnapshot, kept.length);
      bytes.set(kept, at);
      return sealFrame(bytes);
    }
    case "touched":
      return sealFrame(begin(message, KIND.touched, 0).bytes);
    case "gone":
      return sealFrame(begin(message, KIND.gone, 0).bytes);
    case "retention":
      return encodeRetention(message);
    case "fork_trimmed": {
      const { bytes, view, at } = begin(message, KIND.forkTrimmed, FORK_TRIMMED_BYTES);
      putU64(view, at, message.forkId);
      putU64(view, at + 8, message.from);
      return sealFrame(bytes);
    }
  }
}

/**
 * A message whose data are a part of its own bytes: those that it was made of are their owner's, who may
 * change them.
 */
export function withOwnData(message: StreamMessage, encoded: Bytes): StreamMessage {
  if (message.kind !== "appends" && message.kind !== "part") return message;
  return { ...message, data: encoded.subarray(encoded.length - message.data.length) };
}

/** `at`: where its own begins. */
function begin(
  head: MessageHead,
  kind: number,
  bodyBytes: number,
  ownFlags = 0,
): { bytes: Bytes; view: DataView<ArrayBuffer>; at: number } {
  const { counts } = head;
  const flags = (head.isClosed ? CLOSED : 0) | (head.isSoftlyDeleted ? SOFTLY_DELETED : 0) |
    (counts === undefined ? 0 : HAS_COUNTS) | (head.hasRetention === true ? HAS_RETENTION : 0) |
    ownFlags;
  const at = MESSAGE_HEAD_BYTES + (counts === undefined ? 0 : COUNTS_BYTES);
  const bytes = beginFrame(at + bodyBytes, kind, flags);
  const view = viewOf(bytes);
  putU48(view, FRAME_HEAD_BYTES, head.frontEnd);
  putU48(view, FRAME_HEAD_BYTES + 6, head.count);
  putU64(view, FRAME_HEAD_BYTES + 12, head.previousSequence);
  putU64(view, FRAME_HEAD_BYTES + 20, head.start);
  putU64(view, FRAME_HEAD_BYTES + 28, head.atMs);
  putU64(view, FRAME_HEAD_BYTES + 36, head.accessedAtMs);
  if (counts !== undefined) {
    putU64(view, MESSAGE_HEAD_BYTES, counts.before);
    view.setUint32(MESSAGE_HEAD_BYTES + 8, counts.count, true);
  }
  return { bytes, view, at };
}

function encodeRetention(message: RetentionMessage): Bytes {
  const policies = encodeUtf8(encodePolicies(message.policies) ?? "");
  const { bytes, view, at } = begin(message, KIND.retention, RETENTION_BYTES + policies.length);
  putU64(view, at, message.earliest);
  putU64(view, at + 8, message.messages);
  bytes.set(policies, at + RETENTION_BYTES);
  return sealFrame(bytes);
}

function decodeRetention(
  head: MessageHead,
  bytes: Bytes,
  view: DataView,
  at: number,
): RetentionMessage {
  const text = decodeUtf8(bytes.subarray(at + RETENTION_BYTES));
  return {
    ...head,
    kind: "retention",
    earliest: getU64(view, at),
    messages: getU64(view, at + 8),
    policies: text === "" ? undefined : readPolicies(text),
  };
}

function encodeAppends(message: AppendsMessage): Bytes {
  const { appends, data, calls } = message;
  const headsBytes = headsBytesOf(appends);
  const callsBytes = calls === undefined ? 0 : storedCallsBytes(calls);
  const { bytes, view, at: begun } = begin(
    message,
    KIND.appends,
    APPENDS_BYTES + headsBytes + callsBytes + data.length,
    calls === undefined ? 0 : HAS_CALLS,
  );
  view.setUint32(begun, appends.length, true);
  view.setUint32(begun + 4, headsBytes, true);
  let at = begun + APPENDS_BYTES;
  for (const append of appends) at = putAppend(bytes, view, at, append);
  if (calls !== undefined) at = putStoredCalls(view, at, calls);
  bytes.set(data, at);
  return sealFrame(bytes);
}

function encodePart(message: PartMessage): Bytes {
  const { append, data } = message;
  const { bytes, view, at } = begin(
    message,
    KIND.part,
    PART_BYTES + appendHeadBytes(append) + data.length,
  );
  view.setUint32(at, message.index, true);
  view.setUint32(at + 4, message.partCount, true);
  putU64(view, at + 8, message.appendStart);
  bytes.set(data, putAppend(bytes, view, at + PART_BYTES, append));
  return sealFrame(bytes);
}

/** Where what follows it goes. */
function putAppend(bytes: Bytes, view: DataView, begin: number, append: StoredAppend): number {
  const { producer, seq, close } = append;
  let at = begin;
  view.setUint8(
    at,
    (producer === undefined ? 0 : HAS_PRODUCER) | (seq === undefined ? 0 : HAS_SEQ) |
      (close ? CLOSES : 0),
  );
  view.setUint32(at + 1, append.lengthBytes, true);
  at += APPEND_BYTES;
  if (producer !== undefined) {
    at = putText(bytes, view, at, producer.id);
    putU64(view, at, producer.epoch);
    putU64(view, at + 8, producer.seq);
    at += 16;
  }
  return seq === undefined ? at : putText(bytes, view, at, seq);
}

function putText(bytes: Bytes, view: DataView, at: number, text: string): number {
  const encoded = encodeUtf8(text);
  invariant(encoded.length <= TEXT_LIMIT_BYTES, "the server's limits of texts are far below");
  view.setUint16(at, encoded.length, true);
  bytes.set(encoded, at + TEXT_LENGTH_BYTES);
  return at + TEXT_LENGTH_BYTES + encoded.length;
}

/**
 * The message that has these bytes; its data are a part of them.
 *
 * @throws {MalformedFrame}
 */
export function decodeMessage(bytes: Bytes): StreamMessage {
  const { kind, flags } = openFrame(bytes);
  if (bytes.length < MESSAGE_HEAD_BYTES) throw new MalformedFrame("it ends too early");
  // Those of a newer version may change what all else means.
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    throw new MalformedFrame(`it has the flags ${flags}, some of which this program doesn't know`);
  }
  const hasCounts = (flags & HAS_COUNTS) !== 0;
  const at = MESSAGE_HEAD_BYTES + (hasCounts ? COUNTS_BYTES : 0);
  if (bytes.length < at) throw new MalformedFrame("it ends too early");
  const view = viewOf(bytes);
  const head: MessageHead = {
    frontEnd: getU48(view, FRAME_HEAD_BYTES),
    count: getU48(view, FRAME_HEAD_BYTES + 6),
    previousSequence: getU64(view, FRAME_HEAD_BYTES + 12),
    start: getU64(view, FRAME_HEAD_BYTES + 20),
    atMs: getU64(view, FRAME_HEAD_BYTES + 28),
    accessedAtMs: getU64(view, FRAME_HEAD_BYTES + 36),
    isClosed: (flags & CLOSED) !== 0,
    isSoftlyDeleted: (flags & SOFTLY_DELETED) !== 0,
    ...((flags & HAS_RETENTION) === 0 ? {} : { hasRetention: true }),
    ...(hasCounts ? { counts: getCounts(view) } : {}),
  };
  try {
    switch (kind) {
      case KIND.appends:
        return decodeAppends(head, bytes, view, at, (flags & HAS_CALLS) !== 0);
      case KIND.part:
        return decodePart(head, bytes, view, at);
      case KIND.forkAdded:
      case KIND.forkRemoved:
        return {
          ...head,
          kind: kind === KIND.forkAdded ? "fork_added" : "fork_removed",
          forkId: getU64(view, at),
          forkName: decodeUtf8(bytes.subarray(at + FORK_BYTES)),
        };
      case KIND.keptSnapshot:
        return { ...head, kind: "snapshot", kept: decodeKept(bytes.subarray(at)) };
      case KIND.touched:
        return { ...head, kind: "touched" };
      case KIND.gone:
        return { ...head, kind: "gone" };
      case KIND.retention:
        return decodeRetention(head, bytes, view, at);
      case KIND.forkTrimmed:
        return {
          ...head,
          kind: "fork_trimmed",
          forkId: getU64(view, at),
          from: getU64(view, at + 8),
        };
    }
  } catch (error) {
    if (error instanceof RangeError) throw new MalformedFrame("it ends too early");
    throw error;
  }
  throw new MalformedFrame(`it is of the kind ${kind}, which no message of a stream is`);
}

function getCounts(view: DataView): MessageTally {
  return {
    before: getU64(view, MESSAGE_HEAD_BYTES),
    count: view.getUint32(MESSAGE_HEAD_BYTES + 8, true),
  };
}

function decodeAppends(
  head: MessageHead,
  bytes: Bytes,
  view: DataView,
  begun: number,
  hasCalls: boolean,
): AppendsMessage {
  const appendCount = view.getUint32(begun, true);
  const headsBytes = view.getUint32(begun + 4, true);
  const appends: StoredAppend[] = [];
  let at = begun + APPENDS_BYTES;
  const headsEnd = at + headsBytes;
  let lengthBytes = 0;
  for (let i = 0; i < appendCount; i++) {
    const { append, end } = getAppend(bytes, view, at);
    appends.push(append);
    lengthBytes += append.lengthBytes;
    at = end;
  }
  const forwarded = hasCalls ? getStoredCalls(bytes, at, appendCount) : undefined;
  const dataAt = forwarded?.end ?? at;
  if (at !== headsEnd || dataAt + lengthBytes !== bytes.length) {
    throw new MalformedFrame("its appends don't make up its length");
  }
  const message = { ...head, kind: "appends" as const, appends, data: bytes.subarray(dataAt) };
  return forwarded === undefined ? message : { ...message, calls: forwarded.calls };
}

function decodePart(
  head: MessageHead,
  bytes: Bytes,
  view: DataView,
  at: number,
): PartMessage {
  const { append, end } = getAppend(bytes, view, at + PART_BYTES);
  const message: PartMessage = {
    ...head,
    kind: "part",
    index: view.getUint32(at, true),
    partCount: view.getUint32(at + 4, true),
    appendStart: getU64(view, at + 8),
    append,
    data: bytes.subarray(end),
  };
  if (message.index >= message.partCount) {
    throw new MalformedFrame(`it is part ${message.index} of ${message.partCount}`);
  }
  return message;
}

function getAppend(
  bytes: Bytes,
  view: DataView,
  begin: number,
): { append: StoredAppend; end: number } {
  const flags = view.getUint8(begin);
  const lengthBytes = view.getUint32(begin + 1, true);
  let at = begin + APPEND_BYTES;
  let producer: ProducerBatch | undefined;
  let seq: string | undefined;
  if ((flags & HAS_PRODUCER) !== 0) {
    const id = getText(bytes, view, at);
    producer = { id: id.text, epoch: getU64(view, id.end), seq: getU64(view, id.end + 8) };
    at = id.end + 16;
  }
  if ((flags & HAS_SEQ) !== 0) ({ text: seq, end: at } = getText(bytes, view, at));
  return { append: { lengthBytes, producer, seq, close: (flags & CLOSES) !== 0 }, end: at };
}

function getText(bytes: Bytes, view: DataView, at: number): { text: string; end: number } {
  const begin = at + TEXT_LENGTH_BYTES;
  const end = begin + view.getUint16(at, true);
  if (end > bytes.length) throw new MalformedFrame("it ends too early");
  return { text: decodeUtf8(bytes.subarray(begin, end)), end };
}

/** Whether the stream is gone for good with it, and all that came before it with the stream. */
export function isEnd(message: StreamMessage): boolean {
  return message.kind === "gone" && !message.isSoftlyDeleted;
}

/** A message in words, for errors. */
export function describeMessage(message: StreamMessage): string {
  const { kind, previousSequence, start } = message;
  const what = "forkName" in message ? `${kind} ${quote(message.forkName)}` : kind;
  return `${what} that begins at ${start} and follows message ${previousSequence}`;
}
