import type { Missed } from "../../../client/reader/missed.ts";
import type { Reader } from "../../../client/reader/reader.ts";
import type { StreamData } from "../../../client/reader/options.ts";
import { joinArray } from "../../../client/transport/json_array.ts";
import { isJsonType } from "../../../protocol/content_type.ts";
import type { Bytes } from "../../../protocol/bytes.ts";

/** A batch of messages is cut at these; one longer message is a batch by itself. */
const BATCH_BYTES = 1024 * 1024;
const BATCH_MESSAGES = 10_000;
/** Bytes of other streams are cut below what servers take by default, 10 MiB. */
const PART_BYTES = 8 * 1024 * 1024;

/** What goes into one append. */
export interface CopiedBatch {
  /** The messages of a JSON stream; of any other the bytes, as one. */
  readonly messages: readonly Bytes[];
  readonly body: Bytes;
}

/**
 * A stream's content from a place up to where its tail was, a chunk at a time: a message of a JSON
 * stream, any bytes of others. No more than two responses are in memory.
 */
export class StreamCursor {
  readonly isJson: boolean;
  readonly #reader: Reader;
  readonly #until: string;
  readonly #onMissed: (missed: Missed) => void;
  #chunks: Bytes[] = [];
  #next: Promise<StreamData> | undefined;
  #atEnd = false;
  #isClosed = false;

  /**
   * @param reader in `catch-up` mode
   * @param until the tail; what is appended later is left to another cursor
   * @param onMissed told of what its reader has skipped, before what follows is to be had
   */
  constructor(
    reader: Reader,
    contentType: string,
    until: string,
    onMissed: (missed: Missed) => void = () => {},
  ) {
    this.#reader = reader;
    this.#until = until;
    this.#onMissed = onMissed;
    this.isJson = isJsonType(contentType);
  }

  /** The server's offset of where it has come to; all chunks up to there have to be taken. */
  get offset(): string {
    return this.#reader.offset;
  }

  /** The stream is closed, and this is its end. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The next chunk; `undefined` at the end. */
  async peek(): Promise<Bytes | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#atEnd) return undefined;
      const { messages, nextOffset, upToDate, closed, missed } = await this.#read();
      if (missed !== undefined) this.#onMissed(missed);
      this.#chunks = messages.map(({ bytes }) => bytes).reverse();
      this.#isClosed = closed;
      // Offsets of one stream are ordered as texts (PROTOCOL §8).
      this.#atEnd = upToDate || closed || nextOffset >= this.#until;
    }
    return this.#chunks.at(-1);
  }

  /** Goes past the next chunk, or so many bytes of it. */
  advance(bytes = Infinity): void {
    const chunk = this.#chunks.pop();
    if (chunk !== undefined && bytes < chunk.length) this.#chunks.push(chunk.subarray(bytes));
  }

  /** Goes past what fits into one append, and has the next response fetched meanwhile. */
  async takeBatch(): Promise<CopiedBatch | undefined> {
    const first = await this.peek();
    if (first === undefined) return undefined;
    const messages: Bytes[] = [];
    if (this.isJson) {
      let length = 0;
      for (let next = this.#chunks.at(-1); next !== undefined; next = this.#chunks.at(-1)) {
        length += next.length + 1;
        const isFull = length > BATCH_BYTES || messages.length === BATCH_MESSAGES;
        if (isFull && messages.length > 0) break;
        messages.push(next);
        this.advance();
      }
    } else {
      messages.push(first.subarray(0, PART_BYTES));
      this.advance(PART_BYTES);
    }
    if (this.#chunks.length === 0 && !this.#atEnd) this.#fetchNext();
    return { messages, body: this.isJson ? joinArray(messages) : messages[0] ?? first };
  }

  /** Lets go of its connection. */
  async close(): Promise<void> {
    await this.#reader.close();
  }

  #fetchNext(): void {
    this.#next ??= this.#reader.read();
    // It is reported to whoever takes the next chunk.
    this.#next.catch(() => {});
  }

  async #read(): Promise<StreamData> {
    const next = this.#next ?? this.#reader.read();
    this.#next = undefined;
    return await next;
  }
}
