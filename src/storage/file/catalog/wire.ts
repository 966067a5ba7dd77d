import type { Bytes } from "../../../protocol/bytes.ts";
import type { CursorRow } from "../../subscriptions/capture.ts";
import type {
  BlockRow,
  CatalogChanges,
  DeletedBlocks,
  StreamRow,
  StreamUpdate,
} from "./catalog.ts";
import { type EncodedSubscription, encodeSubscription } from "./subscription_rows.ts";

/**
 * How changes go to the catalogue's thread. A copy of objects costs the thread that sends it more than
 * the rest of a checkpoint, so that updates, which are most of them, go as two buffers that change hands:
 * buffers and not arrays, whose elements Deno would visit one by one.
 */
export interface CatalogBatch
  extends
    Omit<CatalogChanges, "streams" | "updates" | "blocks" | "deletedBlocks" | "subscriptions"> {
  /** New rows without their rests. */
  rows: readonly Omit<StreamRow, "rest">[];
  rowRests: ArrayBuffer;
  /** Where each row's rest ends in `rowRests`. */
  rowRestEnds: readonly number[];
  /** For each update as many numbers of 64 bits as {@link AT} has fields. */
  numbers: ArrayBuffer;
  /** The updates' rests, one after the other. */
  rests: ArrayBuffer;
  /** The fields that aren't numbers, of the few updates that have any. */
  texts: readonly UpdateTexts[];
  /** For each block {@link BLOCK_FIELDS} numbers: stream, base, end, time, messages, how long it is. */
  blocks: ArrayBuffer;
  /** The blocks themselves, one after the other. */
  blockBodies: ArrayBuffer;
  /** For each stream that gives up blocks {@link DELETED_BLOCKS_FIELDS} numbers: itself, and up to where. */
  deletedBlocks: ArrayBuffer;
  deletedSubscriptionIds: readonly number[];
  subscriptionRows: readonly EncodedSubscription[];
  /** For each cursor {@link CURSOR_FIELDS} numbers: subscription, stream, position. */
  cursors: ArrayBuffer;
  /** As the cursors, and without a meaning for the position. */
  deletedCursors: ArrayBuffer;
}

interface UpdateTexts {
  index: number;
  seq: string | undefined;
  closedById: string | undefined;
  policies: string | undefined;
}

/**
 * Where each field is among an update's numbers. Names and constants, since functions that get and set
 * each field take three times as long: 30 ms instead of 13 for 100,000 updates.
 */
const AT = {
  id: 0,
  identityChecksum: 1,
  endsAtMs: 2,
  softDeleted: 3,
  accessedAtMs: 4,
  closed: 5,
  closedByEpoch: 6,
  closedBySeq: 7,
  producerCount: 8,
  lsn: 9,
  tail: 10,
  messages: 11,
  lastAtMs: 12,
  earliest: 13,
  earliestMessages: 14,
  trimsAtMs: 15,
  restMessages: 16,
  restBytes: 17,
} as const;
const FIELDS = Object.keys(AT).length;
const CURSOR_FIELDS = 3;
const BLOCK_FIELDS = 6;
const DELETED_BLOCKS_FIELDS = 2;

/** Encodes changes; {@link buffersOf} are to be transferred. */
export function encodeChanges(
  { streams, updates, blocks, deletedBlocks, subscriptions, ...others }: CatalogChanges,
): CatalogBatch {
  const numbers = new Float64Array(updates.length * FIELDS);
  const texts: UpdateTexts[] = [];
  updates.forEach((update, index) => {
    const { seq, closedBy, policies, rest } = update;
    const first = index * FIELDS;
    numbers[first + AT.id] = update.id;
    numbers[first + AT.identityChecksum] = update.identityChecksum;
    numbers[first + AT.endsAtMs] = update.endsAtMs;
    numbers[first + AT.softDeleted] = update.softDeleted ? 1 : 0;
    numbers[first + AT.accessedAtMs] = update.accessedAtMs;
    numbers[first + AT.closed] = update.closed ? 1 : 0;
    numbers[first + AT.closedByEpoch] = closedBy?.epoch ?? 0;
    numbers[first + AT.closedBySeq] = closedBy?.seq ?? 0;
    numbers[first + AT.producerCount] = update.producerCount;
    numbers[first + AT.lsn] = update.lsn;
    numbers[first + AT.tail] = update.tail;
    numbers[first + AT.messages] = update.messages;
    numbers[first + AT.lastAtMs] = update.lastAtMs;
    numbers[first + AT.earliest] = update.earliest;
    numbers[first + AT.earliestMessages] = update.earliestMessages;
    numbers[first + AT.trimsAtMs] = update.trimsAtMs;
    numbers[first + AT.restMessages] = update.restMessages;
    numbers[first + AT.restBytes] = rest.length;
    if (seq !== undefined || closedBy !== undefined || policies !== undefined) {
      texts.push({ index, seq, closedById: closedBy?.id, policies });
    }
  });
  let rowRestEnd = 0;
  return {
    ...others,
    rows: streams.map(({ rest: _, ...row }) => row),
    rowRests: joined(streams.map(({ rest }) => rest)),
    rowRestEnds: streams.map(({ rest }) => rowRestEnd += rest.length),
    numbers: numbers.buffer,
    rests: joined(updates.map(({ rest }) => rest)),
    texts,
    blocks: blockNumbers(blocks),
    blockBodies: joined(blocks.map(({ body }) => body)),
    deletedBlocks: new Float64Array(
      deletedBlocks.flatMap(({ streamId, before }) => [streamId, before]),
    ).buffer,
    deletedSubscriptionIds: subscriptions.deletedIds,
    subscriptionRows: subscriptions.rows.map(encodeSubscription),
    cursors: cursorNumbers(subscriptions.cursors),
    deletedCursors: cursorNumbers(subscriptions.deletedCursors),
  };
}

function blockNumbers(blocks: readonly BlockRow[]): ArrayBuffer {
  const numbers = new Float64Array(blocks.length * BLOCK_FIELDS);
  let at = 0;
  for (const { streamId, base, end, atMs, messages, body } of blocks) {
    numbers[at++] = streamId;
    numbers[at++] = base;
    numbers[at++] = end;
    numbers[at++] = atMs;
    numbers[at++] = messages;
    numbers[at++] = body.length;
  }
  return numbers.buffer;
}

/** The blocks of a batch. */
export function* decodeBlocks(batch: CatalogBatch): Generator<BlockRow> {
  const numbers = new Float64Array(batch.blocks);
  const bodies = new Uint8Array(batch.blockBodies);
  let bodyAt = 0;
  for (let at = 0; at < numbers.length; at += BLOCK_FIELDS) {
    const bodyEnd = bodyAt + (numbers[at + 5] ?? 0);
    yield {
      streamId: numbers[at] ?? 0,
      base: numbers[at + 1] ?? 0,
      end: numbers[at + 2] ?? 0,
      atMs: numbers[at + 3] ?? 0,
      messages: numbers[at + 4] ?? 0,
      body: bodies.subarray(bodyAt, bodyEnd),
    };
    bodyAt = bodyEnd;
  }
}

/** Which blocks a batch deletes. */
export function* decodeDeletedBlocks(batch: CatalogBatch): Generator<DeletedBlocks> {
  const numbers = new Float64Array(batch.deletedBlocks);
  for (let at = 0; at < numbers.length; at += DELETED_BLOCKS_FIELDS) {
    yield { streamId: numbers[at] ?? 0, before: numbers[at + 1] ?? 0 };
  }
}

function cursorNumbers(
  cursors: readonly (Omit<CursorRow, "position"> & { readonly position?: number })[],
): ArrayBuffer {
  const numbers = new Float64Array(cursors.length * CURSOR_FIELDS);
  let at = 0;
  for (const { subscriptionId, streamId, position } of cursors) {
    numbers[at++] = subscriptionId;
    numbers[at++] = streamId;
    numbers[at++] = position ?? 0;
  }
  return numbers.buffer;
}

/** The cursors of a batch, or those that it deletes. */
export function* decodeCursors(from: ArrayBuffer): Generator<CursorRow> {
  const numbers = new Float64Array(from);
  for (let at = 0; at < numbers.length; at += CURSOR_FIELDS) {
    yield {
      subscriptionId: numbers[at] ?? 0,
      streamId: numbers[at + 1] ?? 0,
      position: numbers[at + 2] ?? 0,
    };
  }
}

/** The memory that changes hands with a batch. */
export function buffersOf(batch: CatalogBatch): ArrayBuffer[] {
  const { rowRests, numbers, rests, blocks, blockBodies, deletedBlocks } = batch;
  const ofStreams = [rowRests, numbers, rests, blocks, blockBodies, deletedBlocks];
  return [...ofStreams, batch.cursors, batch.deletedCursors];
}

/** A copy even of a single one, since the memory changes hands. */
function joined(parts: readonly Bytes[]): ArrayBuffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes.buffer;
}

/** The new rows of a batch. */
export function* decodeRows({ rows, rowRests, rowRestEnds }: CatalogBatch): Generator<StreamRow> {
  const rests = new Uint8Array(rowRests);
  let start = 0;
  for (const [index, row] of rows.entries()) {
    const end = rowRestEnds[index] ?? start;
    yield { ...row, rest: rests.subarray(start, end) };
    start = end;
  }
}

/** The updates of a batch. */
export function* decodeUpdates(batch: CatalogBatch): Generator<StreamUpdate> {
  const numbers = new Float64Array(batch.numbers);
  const rests = new Uint8Array(batch.rests);
  const textsOf = new Map(batch.texts.map((entry) => [entry.index, entry]));
  let restAt = 0;
  for (let index = 0; index * FIELDS < numbers.length; index++) {
    const first = index * FIELDS;
    const field = (at: number) => numbers[first + at] ?? 0;
    const found = textsOf.get(index);
    const restEnd = restAt + field(AT.restBytes);
    yield {
      id: field(AT.id),
      identityChecksum: field(AT.identityChecksum),
      endsAtMs: field(AT.endsAtMs),
      softDeleted: field(AT.softDeleted) === 1,
      accessedAtMs: field(AT.accessedAtMs),
      closed: field(AT.closed) === 1,
      closedBy: found?.closedById === undefined
        ? undefined
        : { id: found.closedById, epoch: field(AT.closedByEpoch), seq: field(AT.closedBySeq) },
      seq: found?.seq,
      producerCount: field(AT.producerCount),
      lsn: field(AT.lsn),
      tail: field(AT.tail),
      messages: field(AT.messages),
      lastAtMs: field(AT.lastAtMs),
      earliest: field(AT.earliest),
      earliestMessages: field(AT.earliestMessages),
      policies: found?.policies,
      trimsAtMs: field(AT.trimsAtMs),
      restMessages: field(AT.restMessages),
      rest: rests.subarray(restAt, restEnd),
    };
    restAt = restEnd;
  }
}
