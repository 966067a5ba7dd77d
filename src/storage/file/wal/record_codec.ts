import { type Bytes, encodeUtf8, NO_BYTES } from "../../../protocol/bytes.ts";
import type { Lifetime } from "../../../protocol/lifetime.ts";
import { invariant } from "../../invariant.ts";
import { decodePolicies, encodePolicies, type StreamPolicies } from "../../policies.ts";
import type {
  AppendRecord,
  CreateRecord,
  DeleteRecord,
  LogRecord,
  SubscriptionChange,
  SubscriptionRecord,
} from "../../records.ts";
import { decodeChange, encodeChange } from "../../subscriptions/subscription_json.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";
import type { MeasuredRecord } from "./measured_record.ts";
import {
  decodePoliciesRecord,
  decodeTrim,
  measurePolicies,
  measureTrim,
  POLICIES,
  TRIM,
} from "./retention_records.ts";
import { decodeSnapshot, measureSnapshot, SNAPSHOT } from "./snapshot_record.ts";

/**
 * What stands in the log's records (FORMAT.md, "records"). Each is measured first and then encoded into
 * the batch where it goes, so that a body is copied once.
 */

const CREATE = 1;
const APPEND = 2;
const DELETE = 3;
const SUBSCRIPTION = 4;

const CREATE_BYTES = 31;
const FORK_BYTES = 34;
const FORK_MESSAGES_BYTES = 8;
const APPEND_BYTES = 30;
const PRODUCER_BYTES = 16;
const DELETE_BYTES = 14;
const SUBSCRIPTION_BYTES = 18;
const ID_BYTES = 8;
const EARLIEST_BYTES = 8;
const POLICIES_LENGTH_BYTES = 2;

const CLOSED = 1;
const HAS_PRODUCER = 2;
const HAS_SEQ = 4;
const IS_FORK = 8;
const HAS_FORK_OFFSET = 16;
const SOFT = 32;
const HAS_FORK_MESSAGES = 64;
/** Of a create. */
const HAS_EARLIEST = 4;
/** Of a create. */
const HAS_POLICIES = 128;

const LIFETIMES: Lifetime["kind"][] = ["forever", "ttl", "until"];
/** From 1 on. */
const CHANGES: SubscriptionChange["kind"][] = ["create", "delete", "link", "unlink", "state"];

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Texts have 16 bits for their lengths; the server's own limits are far below. */
const TEXT_LIMIT_BYTES = 0xffff;

function encodeText(text: string): Bytes {
  const bytes = encodeUtf8(text);
  invariant(
    bytes.length <= TEXT_LIMIT_BYTES,
    `a text in a record has at most ${TEXT_LIMIT_BYTES} bytes`,
  );
  return bytes;
}

/** Measures a record, its text encoded already. */
export function measureRecord(record: LogRecord): MeasuredRecord {
  if (record.kind === "append") return measureAppend(record);
  if (record.kind === "create") return measureCreate(record);
  if (record.kind === "snapshot") return measureSnapshot(record);
  if (record.kind === "delete") return measureDelete(record);
  if (record.kind === "trim") return measureTrim(record);
  if (record.kind === "policies") return measurePolicies(record);
  return measureSubscription(record);
}

function measureAppend(record: AppendRecord): MeasuredRecord {
  const { producer, data } = record;
  if (producer === undefined && record.seq === undefined) {
    return {
      lengthBytes: APPEND_BYTES + data.length,
      encode: (into, view, at) => {
        putAppendHead(record, view, at, 0, 0);
        into.set(data, at + APPEND_BYTES);
      },
    };
  }
  const producerId = encodeText(producer?.id ?? "");
  const seq = encodeText(record.seq ?? "");
  const producerBytes = producer === undefined ? 0 : PRODUCER_BYTES;
  return {
    lengthBytes: APPEND_BYTES + producerBytes + producerId.length + seq.length + data.length,
    encode: (into, view, at) => {
      putAppendHead(record, view, at, producerId.length, seq.length);
      if (producer !== undefined) {
        putU64(view, at + APPEND_BYTES, producer.epoch);
        putU64(view, at + APPEND_BYTES + 8, producer.seq);
      }
      const textAt = at + APPEND_BYTES + producerBytes;
      into.set(producerId, textAt);
      into.set(seq, textAt + producerId.length);
      into.set(data, textAt + producerId.length + seq.length);
    },
  };
}

function putAppendHead(
  record: AppendRecord,
  view: DataView,
  at: number,
  producerIdBytes: number,
  seqBytes: number,
): void {
  view.setUint8(at, APPEND);
  view.setUint8(
    at + 1,
    (record.close ? CLOSED : 0) | (record.producer === undefined ? 0 : HAS_PRODUCER) |
      (record.seq === undefined ? 0 : HAS_SEQ),
  );
  putU64(view, at + 2, record.id);
  putU64(view, at + 10, record.atMs);
  putU64(view, at + 18, record.start);
  view.setUint16(at + 26, producerIdBytes, true);
  view.setUint16(at + 28, seqBytes, true);
}

function measureCreate(record: CreateRecord): MeasuredRecord {
  const { fork, data, lifetime } = record;
  const name = encodeText(record.name);
  const contentType = encodeText(record.contentType);
  const sourceName = encodeText(fork?.sourceName ?? "");
  const messagesBytes = fork?.messages === undefined ? 0 : FORK_MESSAGES_BYTES;
  const forkBytes = fork === undefined ? 0 : FORK_BYTES + messagesBytes + sourceName.length;
  const { earliest = 0 } = record;
  const keptText = encodePolicies(record.policies);
  const kept = encodeKept(earliest, keptText);
  return {
    lengthBytes: CREATE_BYTES + forkBytes + kept.length + name.length + contentType.length +
      data.length,
    encode: (into, view, at) => {
      view.setUint8(at, CREATE);
      view.setUint8(
        at + 1,
        (record.closed ? CLOSED : 0) | (fork === undefined ? 0 : IS_FORK) |
          (fork?.offset === undefined ? 0 : HAS_FORK_OFFSET) |
          (fork?.messages === undefined ? 0 : HAS_FORK_MESSAGES) |
          (earliest === 0 ? 0 : HAS_EARLIEST) | (keptText === undefined ? 0 : HAS_POLICIES),
      );
      putU64(view, at + 2, record.id);
      putU64(view, at + 10, record.atMs);
      view.setUint16(at + 18, name.length, true);
      view.setUint16(at + 20, contentType.length, true);
      view.setUint8(at + 22, LIFETIMES.indexOf(lifetime.kind));
      putU64(view, at + 23, lifetimeValue(lifetime));
      const forkAt = at + CREATE_BYTES;
      if (fork !== undefined) {
        putU64(view, forkAt, fork.sourceId);
        putU64(view, forkAt + 8, fork.offset ?? 0);
        putU64(view, forkAt + 16, fork.subOffset);
        putU64(view, forkAt + 24, fork.point);
        view.setUint16(forkAt + 32, sourceName.length, true);
        if (fork.messages !== undefined) putU64(view, forkAt + FORK_BYTES, fork.messages);
        into.set(sourceName, forkAt + FORK_BYTES + messagesBytes);
      }
      into.set(kept, forkAt + forkBytes);
      const nameAt = forkAt + forkBytes + kept.length;
      into.set(name, nameAt);
      into.set(contentType, nameAt + name.length);
      into.set(data, nameAt + name.length + contentType.length);
    },
  };
}

/** What a create says of what is kept of the stream. */
function encodeKept(earliest: number, policies: string | undefined): Bytes {
  if (earliest === 0 && policies === undefined) return NO_BYTES;
  const text = encodeText(policies ?? "");
  const earliestBytes = earliest === 0 ? 0 : EARLIEST_BYTES;
  const lengthBytes = policies === undefined ? 0 : POLICIES_LENGTH_BYTES;
  const bytes = new Uint8Array(earliestBytes + lengthBytes + text.length);
  const view = viewOf(bytes);
  if (earliest !== 0) putU64(view, 0, earliest);
  if (policies !== undefined) view.setUint16(earliestBytes, text.length, true);
  bytes.set(text, earliestBytes + lengthBytes);
  return bytes;
}

function lifetimeValue(lifetime: Lifetime): number {
  if (lifetime.kind === "ttl") return lifetime.ttlSeconds;
  return lifetime.kind === "until" ? Math.max(0, lifetime.expiresAtMs) : 0;
}

function measureDelete(record: DeleteRecord): MeasuredRecord {
  return {
    lengthBytes: DELETE_BYTES + record.ids.length * ID_BYTES,
    encode: (_into, view, at) => {
      view.setUint8(at, DELETE);
      view.setUint8(at + 1, record.soft ? SOFT : 0);
      putU64(view, at + 2, record.atMs);
      view.setUint32(at + 10, record.ids.length, true);
      record.ids.forEach((id, i) => putU64(view, at + DELETE_BYTES + i * ID_BYTES, id));
    },
  };
}

function measureSubscription({ id, atMs, change }: SubscriptionRecord): MeasuredRecord {
  const text = encodeUtf8(encodeChange(change));
  return {
    lengthBytes: SUBSCRIPTION_BYTES + text.length,
    encode: (into, view, at) => {
      view.setUint8(at, SUBSCRIPTION);
      view.setUint8(at + 1, CHANGES.indexOf(change.kind) + 1);
      putU64(view, at + 2, id);
      putU64(view, at + 10, atMs);
      into.set(text, at + SUBSCRIPTION_BYTES);
    },
  };
}

/** More than all of an append or a create but its data takes. */
const BEFORE_DATA_LIMIT_BYTES = 256 * 1024;

/**
 * How many bytes of a record have all but its data in them: a record of so many can be decoded.
 *
 * @param kind its first byte
 */
export function bytesBeforeData(kind: number | undefined, lengthBytes: number): number {
  const hasData = kind === APPEND || kind === CREATE;
  return hasData ? Math.min(lengthBytes, BEFORE_DATA_LIMIT_BYTES) : lengthBytes;
}

/** The record in `bytes`; its data is a copy. The bytes have passed their checksum. */
export function decodeRecord(bytes: Bytes): LogRecord {
  const kind = bytes[0];
  if (kind === APPEND) return decodeAppend(bytes);
  if (kind === CREATE) return decodeCreate(bytes);
  if (kind === SUBSCRIPTION) return decodeSubscription(bytes);
  if (kind === SNAPSHOT) return decodeSnapshot(bytes);
  if (kind === TRIM) return decodeTrim(bytes);
  if (kind === POLICIES) return decodePoliciesRecord(bytes);
  invariant(kind === DELETE, `a record of kind ${kind} is known`);
  return decodeDelete(bytes);
}

function decodeAppend(bytes: Bytes): AppendRecord {
  const view = viewOf(bytes);
  const flags = view.getUint8(1);
  let at = APPEND_BYTES;
  const hasProducer = (flags & HAS_PRODUCER) !== 0;
  const position = hasProducer
    ? { epoch: getU64(view, at), seq: getU64(view, at + 8) }
    : { epoch: 0, seq: 0 };
  if (hasProducer) at += PRODUCER_BYTES;
  const idEnd = at + view.getUint16(26, true);
  const seqEnd = idEnd + view.getUint16(28, true);
  return {
    kind: "append",
    id: getU64(view, 2),
    atMs: getU64(view, 10),
    start: getU64(view, 18),
    data: bytes.slice(seqEnd),
    producer: hasProducer ? { id: utf8.decode(bytes.subarray(at, idEnd)), ...position } : undefined,
    seq: (flags & HAS_SEQ) !== 0 ? utf8.decode(bytes.subarray(idEnd, seqEnd)) : undefined,
    close: (flags & CLOSED) !== 0,
  };
}

function decodeCreate(bytes: Bytes): CreateRecord {
  const view = viewOf(bytes);
  const flags = view.getUint8(1);
  let at = CREATE_BYTES;
  let fork: CreateRecord["fork"];
  if ((flags & IS_FORK) !== 0) {
    const hasMessages = (flags & HAS_FORK_MESSAGES) !== 0;
    const nameAt = at + FORK_BYTES + (hasMessages ? FORK_MESSAGES_BYTES : 0);
    const end = nameAt + view.getUint16(at + 32, true);
    fork = {
      sourceId: getU64(view, at),
      offset: (flags & HAS_FORK_OFFSET) !== 0 ? getU64(view, at + 8) : undefined,
      subOffset: getU64(view, at + 16),
      point: getU64(view, at + 24),
      messages: hasMessages ? getU64(view, at + FORK_BYTES) : undefined,
      sourceName: utf8.decode(bytes.subarray(nameAt, end)),
    };
    at = end;
  }
  const hasEarliest = (flags & HAS_EARLIEST) !== 0;
  const earliest = hasEarliest ? getU64(view, at) : undefined;
  if (hasEarliest) at += EARLIEST_BYTES;
  let policies: StreamPolicies | undefined;
  if ((flags & HAS_POLICIES) !== 0) {
    const textAt = at + POLICIES_LENGTH_BYTES;
    const end = textAt + view.getUint16(at, true);
    policies = decodePolicies(utf8.decode(bytes.subarray(textAt, end)));
    at = end;
  }
  const nameEnd = at + view.getUint16(18, true);
  const typeEnd = nameEnd + view.getUint16(20, true);
  return {
    kind: "create",
    id: getU64(view, 2),
    atMs: getU64(view, 10),
    name: utf8.decode(bytes.subarray(at, nameEnd)),
    contentType: utf8.decode(bytes.subarray(nameEnd, typeEnd)),
    lifetime: toLifetime(view.getUint8(22), getU64(view, 23)),
    fork,
    closed: (flags & CLOSED) !== 0,
    ...(earliest === undefined ? {} : { earliest }),
    ...(policies === undefined ? {} : { policies }),
    data: bytes.slice(typeEnd),
  };
}

function toLifetime(kind: number, value: number): Lifetime {
  if (LIFETIMES[kind] === "ttl") return { kind: "ttl", ttlSeconds: value };
  if (LIFETIMES[kind] === "until") return { kind: "until", expiresAtMs: value };
  return { kind: "forever" };
}

function decodeDelete(bytes: Bytes): DeleteRecord {
  const view = viewOf(bytes);
  const count = view.getUint32(10, true);
  return {
    kind: "delete",
    atMs: getU64(view, 2),
    soft: (view.getUint8(1) & SOFT) !== 0,
    ids: Array.from({ length: count }, (_, i) => getU64(view, DELETE_BYTES + i * ID_BYTES)),
  };
}

function decodeSubscription(bytes: Bytes): SubscriptionRecord {
  const view = viewOf(bytes);
  const number = view.getUint8(1);
  const kind = CHANGES[number - 1];
  invariant(kind !== undefined, `a change of kind ${number} is known`);
  return {
    kind: "subscription",
    id: getU64(view, 2),
    atMs: getU64(view, 10),
    change: decodeChange(kind, utf8.decode(bytes.subarray(SUBSCRIPTION_BYTES))),
  };
}
