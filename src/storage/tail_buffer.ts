import { type Bytes, NO_BYTES } from "../protocol/bytes.ts";
import { BLOCK_BYTES, endsBefore, endsWith } from "./block_rule.ts";
import { invariant } from "./invariant.ts";
import { partitionPoint } from "./partition_point.ts";
import { EXTENT_BYTES, recycledExtents } from "./recycled_extents.ts";

const FIRST_EXTENT_BYTES = 128;
/** A stream that outgrows this is given a spare extent where there is one, instead of doubling on. */
const RECYCLED_FROM_BYTES = 32 * 1024;

/**
 * A finished block: it ends before `end`, its last message came at `atMs`, and up to its end there are so
 * many of the stream's own messages.
 */
export interface Block {
  end: number;
  atMs: number;
  messages: number;
}

/** A block of a stream's own bytes, and which of the stream's own messages are in it. */
export interface CountedBlock {
  readonly start: number;
  readonly end: number;
  /** How many come before it. */
  readonly before: number;
  /** How many there are up to its end. */
  readonly through: number;
  /** When its last message came, in ms since 1970. */
  readonly atMs: number;
}

/** Bytes of a stream where they lie. */
export interface TailPart {
  /** Logical offset of the first one. */
  readonly start: number;
  readonly bytes: Bytes;
}

interface Extent {
  /** Logical offset of the first byte. */
  start: number;
  length: number;
  bytes: Bytes;
}

/**
 * The newest bytes of a stream, by logical offset, cut into blocks as they come. Bytes are copied in,
 * so that a request's body can go at once: many small long-lived buffers cost far more than the copy.
 */
export class TailBuffer {
  #start: number;
  #end: number;
  #extents: Extent[] = [];
  #blocks: Block[] = [];
  #openBlockStart: number;
  #lastAtMs: number;
  #startMessages: number;
  #messages: number;

  /**
   * @param start offset of the first byte to come; a block begins there
   * @param lastAtMs when the message before it came
   * @param messages how many of the stream's own come before it
   */
  constructor(start: number, lastAtMs = 0, messages = 0) {
    this.#lastAtMs = lastAtMs;
    this.#startMessages = messages;
    this.#messages = messages;
    this.#start = start;
    this.#end = start;
    this.#openBlockStart = start;
  }

  /** Offset of the first byte held. */
  get start(): number {
    return this.#start;
  }

  /** Offset after the last byte held. */
  get end(): number {
    return this.#end;
  }

  /** The finished blocks held, oldest first; the bytes after them are in the open block. */
  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  /** Where the unfinished block begins. */
  get openBlockStart(): number {
    return this.#openBlockStart;
  }

  /** When the last message came, in ms since 1970: never running backwards, whatever the clock does. */
  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  /** How many of the stream's own messages there are up to the end. */
  get messages(): number {
    return this.#messages;
  }

  /** How many of them come before the first byte held. */
  get startMessages(): number {
    return this.#startMessages;
  }

  /** How much memory the bytes take. */
  get capacityBytes(): number {
    let capacity = 0;
    for (const extent of this.#extents) capacity += extent.bytes.length;
    return capacity;
  }

  /**
   * Adds whole messages.
   *
   * @param ends where each message ends in `bytes`, the last one at its end
   */
  append(bytes: Bytes, ends: readonly number[], atMs: number): void {
    const base = this.#end;
    this.#copyIn(bytes);
    let messageStart = base;
    let messages = this.#messages;
    for (const end of ends) {
      this.#cut(messageStart, base + end, Math.max(atMs, this.#lastAtMs), messages++);
      messageStart = base + end;
    }
    this.#messages = messages;
    invariant(messageStart === this.#end, "the last message ends where the bytes end");
  }

  /** Puts back the bytes of a block that was unfinished when it was stored, with so many messages. */
  resume(openBlock: Bytes, messages: number): void {
    invariant(this.#start === this.#end, "only an empty buffer is resumed");
    this.#copyIn(openBlock);
    this.#messages += messages;
  }

  /** A copy of the bytes from `from` up to `to`, both within what is held. */
  slice(from: number, to: number): Bytes {
    invariant(from >= this.#start && to <= this.#end, "the bytes asked for are held");
    if (from >= to) return NO_BYTES;
    const last = this.#extents.at(-1);
    // Almost always: what is asked for is short and new.
    if (last !== undefined && from >= last.start) {
      return last.bytes.slice(from - last.start, to - last.start);
    }
    const copy = new Uint8Array(to - from);
    this.copyInto(copy, from);
    return copy;
  }

  /** Copies the bytes from `from` on, as many as `into` takes. */
  copyInto(into: Bytes, from: number): void {
    for (const { start, bytes } of this.parts(from, from + into.length)) {
      into.set(bytes, start - from);
    }
  }

  /** The byte at an offset; `undefined` where it isn't held. */
  byteAt(offset: number): number | undefined {
    const extent = this.#extents[this.#extentOf(offset)];
    return extent?.bytes[offset - extent.start];
  }

  /** The bytes from `from` up to `to` where they lie: valid until the next change. */
  *parts(from: number, to: number): Generator<TailPart> {
    for (let i = this.#extentOf(from); i < this.#extents.length; i++) {
      const extent = this.#extents[i];
      if (extent === undefined || extent.start >= to) return;
      const first = Math.max(from, extent.start);
      const last = Math.min(to, extent.start + extent.length);
      if (first < last) {
        yield {
          start: first,
          bytes: extent.bytes.subarray(first - extent.start, last - extent.start),
        };
      }
    }
  }

  /**
   * Where a chunk from `from` may end so that it has at most `limitBytes`: at the last block's end
   * within, else at the first one after; never past `to`.
   */
  chunkEnd(from: number, limitBytes: number, to: number): number {
    if (to - from <= limitBytes) return to;
    const past = this.#blockAt(from + limitBytes);
    const within = this.#blocks[past - 1]?.end ?? 0;
    if (within > from) return Math.min(within, to);
    return Math.min(this.#blocks[past]?.end ?? to, to);
  }

  /** Where the block begins in which `offset` is; it is held, or the end. */
  blockStart(offset: number): number {
    return this.#blocks[this.#blockAt(offset) - 1]?.end ?? this.#start;
  }

  /**
   * Where the first block begins whose last message came at `sinceMs` or later; `undefined` where none
   * that is held did.
   */
  blockSince(sinceMs: number): number | undefined {
    if (this.#lastAtMs < sinceMs) return undefined;
    const earlier = partitionPoint(
      this.#blocks.length,
      (index) => (this.#blocks[index]?.atMs ?? 0) < sinceMs,
    );
    const start = this.#blocks[earlier - 1]?.end ?? this.#start;
    return start < this.#end ? start : undefined;
  }

  /** The block in which `offset` is, which is held, or the open one. */
  countedBlockAt(offset: number): CountedBlock {
    return this.#countedBlock(this.#blockAt(offset));
  }

  /** The block in which the stream's own message of this number is, which is held; they count from 0. */
  countedBlockOf(message: number): CountedBlock {
    return this.#countedBlock(partitionPoint(
      this.#blocks.length,
      (index) => (this.#blocks[index]?.messages ?? 0) <= message,
    ));
  }

  /** Lets go of the bytes before `offset`, which is a block's end. */
  dropBefore(offset: number): void {
    if (offset <= this.#start) return;
    let blocks = 0;
    while ((this.#blocks[blocks]?.end ?? Infinity) <= offset) blocks++;
    this.#startMessages = this.#blocks[blocks - 1]?.messages ?? this.#startMessages;
    this.#blocks.splice(0, blocks);
    let extents = 0;
    for (const extent of this.#extents) {
      if (extent.start + extent.length > offset) break;
      extents++;
    }
    for (const { bytes } of this.#extents.splice(0, extents)) recycledExtents.give(bytes);
    this.#start = offset;
    this.#shrinkFirst();
  }

  /** Lets go of all; a block begins with what comes next. */
  drop(): void {
    for (const { bytes } of this.#extents.splice(0)) recycledExtents.give(bytes);
    this.#blocks.length = 0;
    this.#start = this.#end;
    this.#openBlockStart = this.#end;
    this.#startMessages = this.#messages;
  }

  #copyIn(bytes: Bytes): void {
    let taken = 0;
    while (taken < bytes.length) {
      const extent = this.#room(bytes.length - taken);
      const count = Math.min(extent.bytes.length - extent.length, bytes.length - taken);
      extent.bytes.set(
        taken === 0 && count === bytes.length ? bytes : bytes.subarray(taken, taken + count),
        extent.length,
      );
      extent.length += count;
      taken += count;
      this.#end += count;
    }
  }

  /** The last extent with room in it: grown while it is small, else a new one. */
  #room(wantedBytes: number): Extent {
    const last = this.#extents.at(-1);
    if (last !== undefined) {
      if (last.length < last.bytes.length) return last;
      if (last.bytes.length < EXTENT_BYTES) {
        const grown = extentOf(Math.max(last.bytes.length * 2, last.length + wantedBytes));
        grown.set(last.bytes);
        last.bytes = grown;
        return last;
      }
    }
    const wanted = last === undefined ? Math.max(FIRST_EXTENT_BYTES, wantedBytes) : EXTENT_BYTES;
    const extent = { start: this.#end, length: 0, bytes: extentOf(wanted) };
    this.#extents.push(extent);
    return extent;
  }

  /** @param before how many messages come before this one */
  #cut(messageStart: number, messageEnd: number, atMs: number, before: number): void {
    if (endsBefore(this.#openBlockStart, messageStart, messageEnd)) {
      this.#finishBlock(messageStart, before);
    }
    this.#lastAtMs = atMs;
    if (endsWith(this.#openBlockStart, messageEnd)) this.#finishBlock(messageEnd, before + 1);
  }

  #finishBlock(end: number, messages: number): void {
    this.#blocks.push({ end, atMs: this.#lastAtMs, messages });
    this.#openBlockStart = end;
  }

  #countedBlock(index: number): CountedBlock {
    const before = this.#blocks[index - 1];
    const block = this.#blocks[index];
    return {
      start: before?.end ?? this.#start,
      end: block?.end ?? this.#end,
      before: before?.messages ?? this.#startMessages,
      through: block?.messages ?? this.#messages,
      atMs: block?.atMs ?? this.#lastAtMs,
    };
  }

  #extentOf(offset: number): number {
    return partitionPoint(this.#extents.length, (index) => {
      const extent = this.#extents[index];
      return extent !== undefined && extent.start + extent.length <= offset;
    });
  }

  /** The number of the block in which `offset` is; that of the open one where it is no finished one. */
  #blockAt(offset: number): number {
    return partitionPoint(
      this.#blocks.length,
      (index) => (this.#blocks[index]?.end ?? 0) <= offset,
    );
  }

  /** A big extent that holds little more than the open block is copied into one that fits. */
  #shrinkFirst(): void {
    const first = this.#extents[0];
    if (first === undefined || this.#extents.length > 1) return;
    const kept = this.#end - this.#start;
    if (first.bytes.length < 4 * BLOCK_BYTES || kept * 4 > first.bytes.length) return;
    const bytes = new Uint8Array(Math.max(FIRST_EXTENT_BYTES, kept));
    bytes.set(first.bytes.subarray(first.length - kept, first.length));
    recycledExtents.give(first.bytes);
    this.#extents = [{ start: this.#start, length: kept, bytes }];
  }
}

/** Room for so many bytes or, past an extent's length, for a part of them. */
function extentOf(wantedBytes: number): Bytes {
  const spare = wantedBytes > RECYCLED_FROM_BYTES ? recycledExtents.take() : undefined;
  return spare ?? new Uint8Array(Math.min(wantedBytes, EXTENT_BYTES));
}
