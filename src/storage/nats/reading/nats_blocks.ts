import { messageEnds } from "../../../protocol/json.ts";
import { chunkBytes } from "../../chunk_bytes.ts";
import type { Chunk, CountedBlocks } from "../../blocks.ts";
import { invariant } from "../../invariant.ts";
import type { Stream } from "../../stream.ts";
import type { CountedBlock } from "../../tail_buffer.ts";
import type { CachedMessage } from "../streams/cached_message.ts";
import type { MessageCache } from "../streams/message_cache.ts";
import { NatsStream } from "../streams/nats_stream.ts";
import { countsOf, type OffsetSearch } from "./offset_search.ts";

const LINE_FEED = 0x0a;

/**
 * Reads streams' bytes from their messages: those in the cache at once, others from the cluster. What is
 * checked and kept together is a message; a chunk ends where an append does, or a JSON message. That is what
 * a block is where messages are counted, so that numbers are exact.
 */
export class NatsBlocks implements CountedBlocks {
  readonly #cache: MessageCache;
  readonly #search: OffsetSearch;

  constructor(cache: MessageCache, search: OffsetSearch) {
    this.#cache = cache;
    this.#search = search;
  }

  readChunk(
    of: Stream,
    from: number,
    limitBytes: number,
    to: number,
  ): Chunk | undefined | Promise<Chunk | undefined> {
    const stream = asNatsStream(of);
    const found: CachedMessage[] = [];
    let at = from;
    for (;;) {
      const message = this.#cache.at(stream, at);
      if (message === undefined) return this.#readOn(stream, found, from, limitBytes, to);
      found.push(message);
      at = message.end;
      if (isCut(found, from)) return this.#readOn(stream, [], from, limitBytes, to);
      const chunk = chunkOf(stream, found, from, limitBytes, to);
      if (chunk !== "needs more") return chunk;
    }
  }

  blockStart(of: Stream, offset: number): number | Promise<number> {
    const stream = asNatsStream(of);
    const message = this.#cache.at(stream, offset);
    const start = message && startWithin(stream, message, offset);
    return start ?? this.#findStart(stream, offset);
  }

  async blockSince(of: Stream, sinceMs: number): Promise<number | undefined> {
    const stream = asNatsStream(of);
    if (stream.lastAtMs < sinceMs) return undefined;
    const message = await this.#search.since(stream, sinceMs);
    // One without bytes ends where the next one that has some begins.
    return message === undefined || message.start >= stream.tail ? undefined : message.appendStart;
  }

  /**
   * The message that holds an offset of the stream's own bytes.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async messageAt(of: Stream, offset: number): Promise<CachedMessage> {
    const [message] = await this.#read(asNatsStream(of), offset, 1);
    invariant(message !== undefined, "a search finds something or fails");
    return message;
  }

  async countedBlockAt(of: Stream, offset: number): Promise<CountedBlock> {
    const stream = asNatsStream(of);
    const message = await this.messageAt(stream, offset);
    const before = countsOf(stream, message).before + endsBefore(stream, message, offset);
    const start = startWithin(stream, message, offset) ?? await this.#findStart(stream, offset);
    const end = await this.#findEnd(stream, message, offset);
    return { start, end, before, through: before + 1, atMs: message.atMs };
  }

  async countedBlockOf(of: Stream, number: number): Promise<CountedBlock> {
    const stream = asNatsStream(of);
    const message = await this.#search.ofMessage(stream, number);
    const end = nthEnd(stream, message, number - countsOf(stream, message).before);
    return await this.countedBlockAt(stream, end - 1);
  }

  async #findEnd(stream: NatsStream, first: CachedMessage, offset: number): Promise<number> {
    for (let message = first;;) {
      const end = stream.json
        ? firstJsonEnd([message], Math.max(offset, message.start))
        : firstEnd([message], offset);
      if (end !== undefined) return end;
      const [next] = await this.#read(stream, message.end, 1);
      invariant(next !== undefined, "a search finds something or fails");
      message = next;
    }
  }

  async #readOn(
    stream: NatsStream,
    found: CachedMessage[],
    from: number,
    limitBytes: number,
    to: number,
  ): Promise<Chunk | undefined> {
    if (found.length === 0 && stream.json && from > stream.ownStart) {
      // Whether a message ends before it may only be seen in what comes before.
      const [first] = await this.#read(stream, from, limitBytes);
      if (first !== undefined && first.start === from && first.appendStart < from) {
        const [before] = await this.#read(stream, from - 1, 1);
        invariant(before !== undefined, "a search finds something or fails");
        if (before.data.at(-1) !== LINE_FEED) return undefined;
      }
    }
    let at = found.at(-1)?.end ?? from;
    for (;;) {
      found.push(...await this.#read(stream, at, from + limitBytes - at));
      at = found.at(-1)?.end ?? at;
      const chunk = chunkOf(stream, found, from, limitBytes, to);
      if (chunk !== "needs more") return chunk;
    }
  }

  async #read(stream: NatsStream, at: number, wantedBytes: number): Promise<CachedMessage[]> {
    const cached = this.#cache.at(stream, at);
    return cached === undefined ? await this.#search.read(stream, at, wantedBytes) : [cached];
  }

  async #findStart(stream: NatsStream, offset: number): Promise<number> {
    for (let at = offset; at > stream.ownStart;) {
      const [message] = await this.#read(stream, at, 1);
      invariant(message !== undefined, "a search finds something or fails");
      const start = startWithin(stream, message, at === offset ? offset : at + 1);
      if (start !== undefined) return start;
      at = message.start - 1;
    }
    return stream.ownStart;
  }
}

function asNatsStream(stream: Stream): NatsStream {
  invariant(stream instanceof NatsStream, "this storage has no other streams");
  return stream;
}

/** Whether the first of them begins in the middle of a JSON message, and the offset with it. */
function isCut([first]: readonly CachedMessage[], from: number): boolean {
  return first !== undefined && first.start === from && first.appendStart < from;
}

/** The chunk, or that the messages don't reach far enough. */
function chunkOf(
  stream: NatsStream,
  messages: readonly CachedMessage[],
  from: number,
  limitBytes: number,
  to: number,
): Chunk | undefined | "needs more" {
  const [first] = messages;
  if (first === undefined) return "needs more";
  if (stream.json && from > first.start && first.data[from - first.start - 1] !== LINE_FEED) {
    return undefined;
  }
  const covered = messages.at(-1)?.end ?? from;
  const next = chunkEnd(stream.json, messages, from, Math.min(to, from + limitBytes), to);
  if (next === undefined || next > covered) return "needs more";
  return { data: copyOf(messages, from, next, stream.json), next, isCut: next < to };
}

/** Where a chunk ends: at the last place within `most` where one may, else at the first one after it. */
function chunkEnd(
  isJson: boolean,
  messages: readonly CachedMessage[],
  from: number,
  most: number,
  to: number,
): number | undefined {
  if (most >= to) return to;
  if ((messages.at(-1)?.end ?? 0) < most) return undefined;
  const last = isJson ? lastJsonEnd(messages, from, most) : lastEnd(messages, from, most);
  if (last !== undefined) return last;
  const next = isJson ? firstJsonEnd(messages, most) : firstEnd(messages, most);
  return next === undefined ? undefined : Math.min(next, to);
}

function lastEnd(
  messages: readonly CachedMessage[],
  from: number,
  most: number,
): number | undefined {
  for (let i = messages.length - 1; i >= 0; i--) {
    const end = messages[i]?.ends.findLast((end) => end <= most);
    if (end !== undefined) return end > from ? end : undefined;
  }
  return undefined;
}

function firstEnd(messages: readonly CachedMessage[], most: number): number | undefined {
  for (const { ends } of messages) {
    const end = ends.find((end) => end > most);
    if (end !== undefined) return end;
  }
  return undefined;
}

function lastJsonEnd(
  messages: readonly CachedMessage[],
  from: number,
  most: number,
): number | undefined {
  for (let i = messages.length - 1; i >= 0; i--) {
    const message = messages[i];
    if (message === undefined || message.start >= most) continue;
    const { data, start } = message;
    const end = data.lastIndexOf(LINE_FEED, most - start - 1) + 1;
    if (end > 0) return start + end > from ? start + end : undefined;
  }
  return undefined;
}

function firstJsonEnd(messages: readonly CachedMessage[], most: number): number | undefined {
  for (const { data, start, end } of messages) {
    if (end <= most) continue;
    const at = data.indexOf(LINE_FEED, Math.max(0, most - start));
    if (at >= 0) return start + at + 1;
  }
  return undefined;
}

/** The caller's own, with the byte before it. */
function copyOf(
  messages: readonly CachedMessage[],
  from: number,
  to: number,
  isJson: boolean,
): Uint8Array<ArrayBuffer> {
  const copy = chunkBytes(to - from, isJson);
  for (const { data, start, end } of messages) {
    const first = Math.max(from, start);
    const last = Math.min(to, end);
    if (first < last) copy.set(data.subarray(first - start, last - start), first - from);
  }
  return copy;
}

/** How many messages end in it up to an offset. */
function endsBefore(
  { json }: NatsStream,
  { data, start, ends }: CachedMessage,
  offset: number,
): number {
  return json
    ? messageEnds(data.subarray(0, offset - start)).length
    : ends.filter((end) => end <= offset).length;
}

/** Where the message of this number ends, of those that end in it, counted from 0. */
function nthEnd(
  { json }: NatsStream,
  { data, start, ends }: CachedMessage,
  number: number,
): number {
  const end = json ? start + (messageEnds(data)[number] ?? 0) : ends[number];
  invariant(end !== undefined && end > start, "as many end in it as it counts");
  return end;
}

/** Where the append, or the JSON message, begins that an offset is in; `undefined` where before this one. */
function startWithin(
  { json }: NatsStream,
  message: CachedMessage,
  offset: number,
): number | undefined {
  const { data, start, ends, appendStart } = message;
  if (json) {
    const before = offset > start ? data.lastIndexOf(LINE_FEED, offset - start - 1) + 1 : 0;
    if (before > 0) return start + before;
    return appendStart < start ? undefined : start;
  }
  return ends.findLast((end) => end <= offset) ?? appendStart;
}
