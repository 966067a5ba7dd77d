import { type Bytes, NO_BYTES } from "../../../protocol/bytes.ts";
import type { MessageTally, StreamMessage } from "../format/message.ts";

/** A stream's message as reads need it. */
export interface CachedMessage {
  readonly sequence: number;
  readonly previousSequence: number;
  /** Offset of its first byte; the tail before it. */
  readonly start: number;
  /** Offset after its last byte. */
  readonly end: number;
  readonly atMs: number;
  readonly data: Bytes;
  /** Offsets at which its appends end, in order; of a part only the last one has its. */
  readonly ends: readonly number[];
  /** Where the append begins that it begins with: before `start` for a further part of one. */
  readonly appendStart: number;
  readonly isPart: boolean;
  /** `undefined` where they weren't counted. */
  readonly counts: MessageTally | undefined;
}

/** A message in the cache, between those that were used before and after it. */
export interface CacheEntry {
  readonly message: CachedMessage;
  /** Those of its stream. */
  readonly owner: CacheEntry[];
  older: CacheEntry | undefined;
  newer: CacheEntry | undefined;
}

/** What reads need of a message. */
export function toCached(message: StreamMessage, sequence: number): CachedMessage {
  const { previousSequence, start, atMs, counts } = message;
  const base = { sequence, previousSequence, start, atMs, counts };
  if (message.kind === "appends") {
    let end = start;
    const ends: number[] = [];
    for (const { lengthBytes } of message.appends) {
      if (lengthBytes > 0) ends.push(end += lengthBytes);
    }
    return { ...base, end, data: message.data, ends, appendStart: start, isPart: false };
  }
  if (message.kind === "part") {
    const { data, index, partCount, appendStart } = message;
    const end = start + data.length;
    const ends = index + 1 === partCount ? [end] : [];
    return { ...base, end, data, ends, appendStart, isPart: true };
  }
  return {
    ...base,
    end: start,
    data: NO_BYTES,
    ends: [],
    appendStart: start,
    isPart: false,
  };
}
