import type { Bytes } from "../../../protocol/bytes.ts";
import type { CatalogChanges, StreamRow, StreamUpdate } from "./catalog.ts";

/**
 * How changes go to the catalogue's thread. A copy of objects costs the thread that sends it more than
 * all else about a checkpoint, so that what most of them are made of, updates, goes as two buffers that
 * change hands: buffers and not arrays, at whose elements Deno would look one by one.
 */
export interface CatalogBatch extends Omit<CatalogChanges, "streams" | "updates"> {
  /** New rows without their rests. */
  rows: readonly Omit<StreamRow, "rest">[];
  rowRests: ArrayBuffer;
  /** Where each row's rest ends in `rowRests`. */
  rowRestEnds: readonly number[];
  /** {@link FIELDS} numbers of 64 bits for each update. */
  numbers: ArrayBuffer;
  /** The updates' rests, one after the other. */
  rests: ArrayBuffer;
  /** What isn't a number, of the few updates that have such. */
  texts: readonly UpdateTexts[];
}

interface UpdateTexts {
  index: number;
  seq: string | undefined;
  closedById: string | undefined;
}

const FIELDS = 13;

/** Packs changes; {@link buffersOf} are to be transferred. */
export function encodeChanges({ streams, updates, ...others }: CatalogChanges): CatalogBatch {
  const numbers = new Float64Array(updates.length * FIELDS);
  const texts: UpdateTexts[] = [];
  updates.forEach((update, index) => {
    const { seq, closedBy, rest } = update;
    let at = index * FIELDS;
    numbers[at++] = update.id;
    numbers[at++] = update.identityChecksum;
    numbers[at++] = update.endsAtMs;
    numbers[at++] = update.softDeleted ? 1 : 0;
    numbers[at++] = update.accessedAtMs;
    numbers[at++] = update.closed ? 1 : 0;
    numbers[at++] = closedBy?.epoch ?? 0;
    numbers[at++] = closedBy?.seq ?? 0;
    numbers[at++] = update.producerCount;
    numbers[at++] = update.lsn;
    numbers[at++] = update.tail;
    numbers[at++] = update.lastAtMs;
    numbers[at] = rest.length;
    if (seq !== undefined || closedBy !== undefined) {
      texts.push({ index, seq, closedById: closedBy?.id });
    }
  });
  let rowRestEnd = 0;
  return {
    ...others,
    rows: streams.map(({ rest: _, ...row }) => row),
    rowRests: joinedRests(streams),
    rowRestEnds: streams.map(({ rest }) => rowRestEnd += rest.length),
    numbers: numbers.buffer,
    rests: joinedRests(updates),
    texts,
  };
}

/** The memory that a parcel hands over. */
export function buffersOf({ rowRests, numbers, rests }: CatalogBatch): ArrayBuffer[] {
  return [rowRests, numbers, rests];
}

/** Always memory of its own, since it changes hands. */
function joinedRests(from: readonly { rest: Bytes }[]): ArrayBuffer {
  let length = 0;
  for (const { rest } of from) length += rest.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const { rest } of from) {
    joined.set(rest, at);
    at += rest.length;
  }
  return joined.buffer;
}

/** The new rows of a parcel. */
export function* decodeRows({ rows, rowRests, rowRestEnds }: CatalogBatch): Generator<StreamRow> {
  const rests = new Uint8Array(rowRests);
  let start = 0;
  for (const [index, row] of rows.entries()) {
    const end = rowRestEnds[index] ?? start;
    yield { ...row, rest: rests.subarray(start, end) };
    start = end;
  }
}

/** The updates of a parcel. */
export function* decodeUpdates(parcel: CatalogBatch): Generator<StreamUpdate> {
  const numbers = new Float64Array(parcel.numbers);
  const rests = new Uint8Array(parcel.rests);
  const textsOf = new Map(parcel.texts.map((entry) => [entry.index, entry]));
  let restAt = 0;
  for (let index = 0; index * FIELDS < numbers.length; index++) {
    const first = index * FIELDS;
    const field = (at: number) => numbers[first + at] ?? 0;
    const found = textsOf.get(index);
    const restEnd = restAt + field(12);
    yield {
      id: field(0),
      identityChecksum: field(1),
      endsAtMs: field(2),
      softDeleted: field(3) === 1,
      accessedAtMs: field(4),
      closed: field(5) === 1,
      closedBy: found?.closedById === undefined
        ? undefined
        : { id: found.closedById, epoch: field(6), seq: field(7) },
      seq: found?.seq,
      producerCount: field(8),
      lsn: field(9),
      tail: field(10),
      lastAtMs: field(11),
      rest: rests.subarray(restAt, restEnd),
    };
    restAt = restEnd;
  }
}
