import { basename } from "node:path";
import type { LogRecord } from "../../../records.ts";
import { encodePolicies } from "../../../policies.ts";
import { encodeChange } from "../../../subscriptions/subscription_json.ts";
import { getU64, viewOf } from "../../../little_endian.ts";
import {
  decodeLogHeader,
  LOG_HEADER_BYTES,
  type LogHeader,
  logSeed,
  parseLogFileName,
} from "../../wal/format.ts";
import type { FileWindow } from "../../directory/file_window.ts";
import { bytesText, type Item, type ItemFields, timeText } from "./item.ts";
import {
  type WalkedGap,
  type WalkedPart,
  type WalkedRecord,
  walkLog,
  walkRecords,
} from "../../wal/log_walk.ts";

/** A log file's header, batches and records, also those after damage. */
export function* inspectLog(window: FileWindow, path: string): Generator<Item> {
  const number = parseLogFileName(basename(path));
  const header = decodeLogHeader(window.bytes(0, LOG_HEADER_BYTES));
  yield headerItem(window, header, number);
  const seed = header === undefined ? guessSeed(window, number) : logSeed(header);
  if (seed === undefined) {
    yield damaged("batches", LOG_HEADER_BYTES, "batches of this file", "no valid one");
    return;
  }
  yield* partItems(window, seed, header?.firstLsn);
}

function* partItems(
  window: FileWindow,
  seed: number,
  firstLsn: number | undefined,
): Generator<Item> {
  let expected = firstLsn;
  for (const part of walkLog(window, seed)) {
    yield partItem(part, expected);
    if (part.kind !== "batch") continue;
    expected = part.header.firstLsn + part.header.count;
    if (!part.isWhole) continue;
    for (const record of walkRecords(window, part)) yield recordItem(record);
  }
}

/** A file that waits to be used: no part of the log, whatever its earlier lives left in it. */
export function* inspectRecycled(window: FileWindow): Generator<Item> {
  const note = "waits to be used: no part of the log, whatever it holds";
  yield { kind: "spare", position: 0, fields: { bytes: window.sizeBytes, note } };
  const header = decodeLogHeader(window.bytes(0, LOG_HEADER_BYTES));
  if (header === undefined) return;
  yield headerItem(window, header, undefined);
  yield* partItems(window, logSeed(header), header.firstLsn);
}

function headerItem(
  window: FileWindow,
  header: LogHeader | undefined,
  number: number | undefined,
): Item {
  if (header === undefined) {
    const found = `${Math.min(window.sizeBytes, LOG_HEADER_BYTES)} bytes that are none`;
    return damaged("log header", 0, "a log file's header", found);
  }
  const fields = {
    number: header.number,
    salt: header.salt,
    uuid: header.uuid,
    firstSequence: header.firstLsn,
    bytes: window.sizeBytes,
  };
  if (window.sizeBytes < header.sizeBytes) {
    const damage = { expected: `${header.sizeBytes} bytes`, found: String(window.sizeBytes) };
    return { kind: "log header", position: 0, fields, damage };
  }
  if (number === undefined || number === header.number) {
    return { kind: "log header", position: 0, fields };
  }
  const damage = { expected: `number ${number}, as in its name`, found: String(header.number) };
  return { kind: "log header", position: 0, fields, damage };
}

/** A header that fails its checksum may still have the salt: then batches check with it. */
function guessSeed(window: FileWindow, nameNumber: number | undefined): number | undefined {
  const bytes = window.bytes(0, LOG_HEADER_BYTES);
  if (bytes.length < LOG_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  const salt = view.getUint32(16, true);
  const numbers = [getU64(view, 8), ...(nameNumber === undefined ? [] : [nameNumber])];
  return numbers.map((number) => logSeed({ number, salt }))
    .find((seed) => walkLog(window, seed).some(({ kind }) => kind === "batch"));
}

function partItem(part: WalkedPart, expected: number | undefined): Item {
  const { filePosition: position } = part;
  if (part.kind !== "batch") return gapItem(part, expected);
  const { firstLsn, count, payloadBytes, syncedLsn } = part.header;
  const fields = {
    firstSequence: firstLsn,
    records: count,
    bytes: payloadBytes,
    syncedThrough: syncedLsn,
  };
  const damage = !part.isWhole
    ? { expected: "records with the header's CRC-32", found: "others" }
    : expected !== undefined && firstLsn !== expected
    ? { expected: `a batch that begins with record ${expected}`, found: String(firstLsn) }
    : undefined;
  return { kind: "batch", position, fields, damage };
}

function gapItem(
  { kind, filePosition: position, end }: WalkedGap,
  expected: number | undefined,
): Item {
  const bytes = end - position;
  if (kind === "end") {
    return { kind, position, fields: { bytes, note: "no batch of this life of the file" } };
  }
  const sought = expected === undefined ? "a batch" : `a batch that begins with ${expected}`;
  return damaged(kind, position, sought, `${bytes} bytes in which none checks, and more behind`);
}

function recordItem(
  { lsn, filePosition: position, lengthBytes, record, dataBytes }: WalkedRecord,
): Item {
  if (record === undefined) {
    const found = `${lengthBytes} bytes that are none`;
    return { ...damaged("record", position, "a record", found), fields: { sequence: lsn } };
  }
  const fields = { sequence: lsn, ...recordFields(record, dataBytes) };
  return { kind: record.kind, position, fields };
}

function recordFields(record: LogRecord, dataBytes: number): ItemFields {
  const at = timeText(record.atMs);
  if (record.kind === "delete") {
    return { streams: record.ids.join(","), at, soft: record.soft || undefined };
  }
  if (record.kind === "subscription") {
    const { id, change } = record;
    return { subscription: id, change: change.kind, at, body: encodeChange(change) };
  }
  if (record.kind === "snapshot") {
    const { id, snapshot } = record;
    return {
      stream: id,
      at,
      removed: snapshot === undefined || undefined,
      number: snapshot?.number,
      offset: snapshot?.position,
      contentType: snapshot?.contentType,
      bytes: snapshot?.bytes,
    };
  }
  if (record.kind === "trim") {
    return { stream: record.id, at, earliest: record.earliest, messages: record.messages };
  }
  if (record.kind === "policies") {
    return { stream: record.id, at, policies: encodePolicies(record.policies) };
  }
  const data = dataBytes === 0 ? undefined : bytesText(record.data, dataBytes);
  if (record.kind === "append") {
    const { producer } = record;
    return {
      stream: record.id,
      at,
      offset: record.start,
      bytes: dataBytes,
      producer: producer?.id,
      epoch: producer?.epoch,
      producerSeq: producer?.seq,
      seq: record.seq,
      closed: record.close || undefined,
      data,
    };
  }
  const { fork, lifetime } = record;
  return {
    stream: record.id,
    name: record.name,
    at,
    contentType: record.contentType,
    ttlSeconds: lifetime.kind === "ttl" ? lifetime.ttlSeconds : undefined,
    expiresAt: lifetime.kind === "until" ? timeText(lifetime.expiresAtMs) : undefined,
    source: fork?.sourceId,
    sourceName: fork?.sourceName,
    forkPoint: fork?.point,
    earliest: record.earliest || undefined,
    policies: encodePolicies(record.policies),
    bytes: dataBytes,
    closed: record.closed || undefined,
    data,
  };
}

function damaged(kind: string, position: number, expected: string, found: string): Item {
  return { kind, position, fields: {}, damage: { expected, found } };
}
