import { type Bytes, concatBytes, encodeUtf8, NO_BYTES } from "../../protocol/bytes.ts";
import { compactedUpToOf } from "../common/compacted_up_to.ts";
import { isJsonType, sseEncoding } from "../../protocol/content_type.ts";
import { nextCursor } from "../../protocol/cursor.ts";
import { formatOffset, type OffsetSpace, spaceAt } from "../../protocol/offset.ts";
import { StreamError } from "../../protocol/errors.ts";
import {
  encodeCredentialExpired,
  encodeSseFrame,
  sendableTextLength,
  type SseFormat,
} from "../../protocol/sse.ts";
import type { MessageCount, ReadResult, Watch } from "../../storage/storage.ts";
import type { PermitEnd } from "../access/permit_end.ts";
import type { ServerConfig } from "../common/options.ts";
import { countAt } from "../common/ordinals.ts";
import type { SseReader } from "./sse_reader.ts";

/** SSE reads on in chunks of this size at most, so that a stalled client holds little memory. */
const SSE_CHUNK_BYTES = 64 * 1024;

/**
 * One stream and the SSE connections that follow it. New data is read and encoded once for all that are at
 * the same offset.
 */
export class SseStream {
  readonly #config: ServerConfig;
  readonly #name: string;
  readonly #id: number;
  readonly #format: SseFormat;
  #space: OffsetSpace;
  readonly #readers = new Set<SseReader>();
  #watch: Promise<Watch> | undefined;
  #pumping = false;
  /** Whether all are to be served: there is new data. */
  #allAreDue = false;
  /** Those to be served by themselves: a new one costs no look at thousands of others. */
  readonly #due = new Set<SseReader>();

  constructor(config: ServerConfig, name: string, first: ReadResult) {
    this.#config = config;
    this.#name = name;
    this.#id = first.id;
    this.#space = first.space;
    this.#format = {
      json: isJsonType(first.contentType),
      encoding: sseEncoding(first.contentType),
    };
  }

  /** How many connections follow it. */
  get size(): number {
    return this.#readers.size;
  }

  /** Adds a connection; it gets nothing before {@link follow}. */
  add(reader: SseReader): void {
    this.#readers.add(reader);
  }

  /** Takes a connection out; true if it was the last. */
  remove(reader: SseReader): boolean {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return false;
    this.#watch?.then((watch) => watch.cancel(), () => {});
    return true;
  }

  /** Sends the connection whatever comes from now on. */
  follow(reader: SseReader): void {
    // One that has ended already, with the closure, would leave a watch that nobody cancels.
    if (!this.#readers.has(reader)) return;
    reader.onRoom = () => this.#schedule(reader);
    this.#watch ??= this.#config.storage.watch(this.#name, () => {
      this.#allAreDue = true;
      void this.#pump();
    });
    // Data between the reader's last read and the watch is looked for once the watch is set.
    this.#watch.then(() => this.#schedule(reader), () => this.#endAll());
  }

  /**
   * Sends a chunk to the readers that are at its start.
   *
   * @param count how many messages come before its end, where one of them wants to know
   */
  deliver(chunk: ReadResult, readers: readonly SseReader[], count?: MessageCount): void {
    const atTail = chunk.next === chunk.tail;
    const closed = atTail && chunk.closed;
    this.#space = chunk.space;
    const length = this.#sendableBytes(chunk);
    const data = chunk.data.subarray(0, length);
    const nowMs = this.#config.clock.nowMs();
    const currentCursor = nextCursor(null, nowMs);
    // Behind a chunk may be a gap that a compaction has left.
    const end = length === chunk.data.length ? chunk.next : chunk.start + length;
    const compactedUpTo = compactedUpToOf(chunk);
    const frames = new Map<number, Bytes>();
    const countedFrames = new Map<number, Bytes>();
    // Of what is held back nobody knows how many messages it ends.
    const counted = length === chunk.data.length ? count : undefined;
    for (const reader of readers) {
      if (reader.isExpired || (length === 0 && !closed && reader.started)) continue;
      reader.cursor = Math.max(reader.cursor, currentCursor);
      const sameFrames = reader.hasOrdinals ? countedFrames : frames;
      let frame = sameFrames.get(reader.cursor);
      if (frame === undefined) {
        frame = encodeSseFrame(data, this.#format, {
          nextOffset: formatOffset(chunk.space, end),
          cursor: reader.cursor,
          upToDate: atTail,
          closed,
          count: reader.hasOrdinals ? counted : undefined,
          compactedUpTo,
        });
        sameFrames.set(reader.cursor, frame);
      }
      reader.started = true;
      reader.offset = end;
      reader.upToDate = atTail;
      reader.send(frame, nowMs);
      if (closed) reader.end();
    }
  }

  /**
   * The last events of a connection whose right has ended: where to continue, then why it ends. It gets
   * nothing else from now on.
   *
   * @param isLater whether they are sent later: who knows then what came meanwhile
   */
  lastEvents(reader: SseReader, reason: PermitEnd, isLater: boolean): Bytes {
    reader.isExpired = true;
    const { offset, cursor } = reader;
    const nextOffset = formatOffset(this.#space, offset);
    const upToDate = reader.upToDate && !isLater;
    const frame = encodeSseFrame(NO_BYTES, this.#format, {
      nextOffset,
      cursor,
      upToDate,
      closed: false,
      count: undefined,
    });
    return concatBytes([frame, encodeUtf8(encodeCredentialExpired(reason))]);
  }

  #schedule(reader: SseReader): void {
    this.#due.add(reader);
    void this.#pump();
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#allAreDue || this.#due.size > 0) {
        const readers = this.#allAreDue ? this.#readers : [...this.#due];
        this.#allAreDue = false;
        this.#due.clear();
        await this.#pass(readers);
      }
    } catch {
      // The stream is gone, or can't be read: a reader that comes back is told why.
      this.#endAll();
    } finally {
      this.#pumping = false;
    }
  }

  async #pass(readers: Iterable<SseReader>): Promise<void> {
    const groups = new Map<number, SseReader[]>();
    for (const reader of readers) {
      if (!reader.started || reader.isExpired) continue;
      if (!reader.mayPush) {
        reader.behind = true;
        reader.upToDate = false;
        continue;
      }
      const group = groups.get(reader.offset);
      if (group === undefined) groups.set(reader.offset, [reader]);
      else group.push(reader);
    }
    const limitBytes = Math.min(SSE_CHUNK_BYTES, this.#config.chunkBytes);
    for (const [offset, group] of groups) {
      const chunk = await this.#readOrEnd(offset, limitBytes, group);
      if (chunk === undefined) continue;
      if (chunk.id !== this.#id) throw new Error("The stream was made again.");
      const count = group.some(({ hasOrdinals }) => hasOrdinals)
        ? await countAt(this.#config.storage, this.#name, chunk, chunk.next)
        : undefined;
      this.deliver(chunk, group, count);
      if (chunk.next < chunk.tail) { for (const reader of group) this.#due.add(reader); }
    }
  }

  /** As `#read`; ends the readers whose place was trimmed, with an event that says so. */
  async #readOrEnd(
    offset: number,
    limitBytes: number,
    readers: readonly SseReader[],
  ): Promise<ReadResult | undefined> {
    try {
      return await this.#read(offset, limitBytes);
    } catch (error) {
      if (!(error instanceof StreamError) || error.failure.code !== "offset_trimmed") throw error;
      const { space, earliest } = error.failure;
      const earliestOffset = formatOffset(space, earliest);
      for (const reader of readers) this.#endTrimmed(reader, earliestOffset);
      return undefined;
    }
  }

  /** The client comes back, to where it was, and is told 410; or to what is still kept. */
  #endTrimmed(reader: SseReader, earliestOffset: string): void {
    const nextOffset = formatOffset(this.#space, reader.offset);
    const { cursor } = reader;
    const control = { nextOffset, cursor, upToDate: false, closed: false, earliestOffset };
    reader.send(encodeSseFrame(NO_BYTES, this.#format, control), this.#config.clock.nowMs());
    reader.end();
  }

  /** The next chunk. One of which nothing may go out yet is read on from: nobody would get past it else. */
  async #read(offset: number, limitBytes: number): Promise<ReadResult> {
    const { storage } = this.#config;
    // A bare 0 would be the start, wherever that is by now.
    const from = { space: spaceAt(this.#space, offset), position: offset };
    let chunk = await storage.read(this.#name, from, limitBytes);
    while (chunk.next < chunk.tail && this.#sendableBytes(chunk) === 0) {
      const rest = await storage.read(this.#name, chunk.next, limitBytes);
      chunk = { ...rest, start: chunk.start, data: concatBytes([chunk.data, rest.data]) };
    }
    return chunk;
  }

  /** How much of a chunk may go out: text waits for the rest of its last character, or of its CRLF. */
  #sendableBytes(chunk: ReadResult): number {
    const isEnd = chunk.closed && chunk.next === chunk.tail;
    const { json, encoding } = this.#format;
    if (isEnd || json || encoding === "base64") return chunk.data.length;
    return sendableTextLength(chunk.data);
  }

  #endAll(): void {
    for (const reader of [...this.#readers]) reader.end();
  }
}
