import { type Bytes, concatBytes, decodeUtf8, NO_BYTES } from "../../protocol/bytes.ts";
import { defined } from "../transport/defined.ts";
import { linkAborts } from "../transport/abort_link.ts";
import { type Batch, dataAfter } from "./batch.ts";
import type { WaitOptions } from "../transport/call_options.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";
import { checkAmounts } from "../errors/option_checks.ts";
import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "../transport/connection.ts";
import { Feed } from "./feed.ts";
import { toLine } from "../transport/json_array.ts";
import type { Message } from "./message.ts";
import { formatPlace, NOW, parsePlace, START } from "../transport/place.ts";
import { checkReadMode, type ReadMode } from "./read_mode.ts";
import { fetchSnapshot, type Snapshot } from "./snapshot.ts";
import { readableFrom } from "./readable.ts";
import { checkTrimmed, type ReaderOptions, type StreamData, tailQueryOf } from "./options.ts";
import type { StandardSchema } from "./standard_schema.ts";
import { validate } from "./validate.ts";

/** So often the snapshot is asked for that a reader begins at, where what comes behind it goes meanwhile. */
const SNAPSHOT_TRIES = 5;

const END = { done: true, value: undefined } as const;

/**
 * Reads a stream from any place on, each message exactly once and in order, and follows it until it is
 * closed. Transient failures are retried. After an error, as after a `break`, the reader's place is after
 * the last message that it returned, and reading continues there.
 *
 * One read at a time: a second one while another is pending fails (`invalid_argument`). After `read()`
 * the reader may hold a connection open: `close()` it in the end. A loop that has ended holds none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "../../server/app.ts";
 * import { createMemoryStorage } from "../../storage/memory.ts";
 * import { Client } from "../client.ts";
 * import { fetchTransport } from "../transport/transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
 * const client = new Client("http://localhost/v1/stream", { transport });
 * await client.create("numbers", { contentType: "application/json", initialData: "[1, 2, 3]" });
 *
 * // Stop anywhere, keep the place...
 * const first = client.reader("numbers");
 * for await (const message of first) {
 *   if (message.json() === 2) break;
 * }
 * await client.writer("numbers").sendJson(4, { close: true });
 *
 * // ...and continue there, with this reader or, in another process, with a new one.
 * const rest: number[] = [];
 * for await (const value of client.reader("numbers", { offset: first.offset }).json<number>()) {
 *   rest.push(value);
 * }
 * assert.deepEqual(rest, [3, 4]);
 * ```
 */
export class Reader implements AsyncIterable<Message>, AsyncDisposable {
  readonly path: string;
  readonly #connection: Connection;
  /** How far before the tail it begins, where it does. */
  readonly #atTail: Pick<ReaderOptions, "last" | "lastBytes">;
  readonly #readMode: ReadMode;
  readonly #maxElapsedMs: number;
  readonly #signal: AbortSignal | undefined;
  #feed: Feed;
  /** The last response, of which this many messages have been returned. */
  #batch: Batch | undefined;
  #taken = 0;
  #offset: string;
  #ended: ClientError | undefined;
  #isBusy = false;
  /** It hasn't looked for the snapshot yet that it begins at. */
  #beginsAtSnapshot: boolean;
  #snapshot: Snapshot | undefined;
  /** The first response behind it, until it is taken, and the feed that has got it. */
  #first: { readonly feed: Feed; readonly batch: Batch } | undefined;
  /** Aborts the pending wait for the server. */
  #waiting: AbortController | undefined;

  /** @throws {ClientError} `invalid_argument` */
  constructor(connection: Connection, path: string, options: ReaderOptions = {}) {
    checkAmounts(options, ["maxElapsedMs"]);
    checkReadMode(options.readMode);
    const { offset = START, readMode = "auto", signal, maxElapsedMs = 60_000 } = options;
    const { trimmed = "fail", ordinals = false } = options;
    const last = tailQueryOf(options);
    checkTrimmed(trimmed);
    checkFrom(options);
    this.#beginsAtSnapshot = options.from !== undefined;
    const place = parsePlace(offset);
    this.path = path;
    this.#connection = connection.adding(options);
    this.#atTail = { last: options.last, lastBytes: options.lastBytes };
    this.#readMode = readMode;
    this.#maxElapsedMs = maxElapsedMs;
    this.#signal = signal;
    const skipsTrimmed = trimmed === "skip";
    const feed = { path, last, skipsTrimmed, ordinals, readMode, maxElapsedMs, signal };
    this.#feed = new Feed(this.#connection, feed, place);
    this.#offset = formatPlace(place);
  }

  /** The place after the last message that was returned: a reader that begins there continues. */
  get offset(): string {
    return this.#offset;
  }

  /** The stream's content type; `undefined` before the first response. */
  get contentType(): string | undefined {
    return this.#feed.contentType;
  }

  /** Everything up to the tail of the last response has been returned. */
  get upToDate(): boolean {
    return this.#feed.upToDate && this.#isDrained;
  }

  /** Everything has been returned, and nothing will ever follow. */
  get closed(): boolean {
    return this.#feed.closed && this.#isDrained;
  }

  /**
   * The snapshot that it begins at, of a reader that does (`from`): the state before the first message.
   * `undefined` where the stream has none.
   *
   * @throws {ClientError}
   */
  async snapshot(options: WaitOptions = {}): Promise<Snapshot | undefined> {
    return await this.#exclusive(async () => {
      if (this.#beginsAtSnapshot) await this.#goToSnapshot(options.signal);
      return this.#snapshot;
    });
  }

  /**
   * The content of the next response, or the rest of the last one after a loop. At the tail it is one more
   * response: in `catch-up` mode at once; by long-poll when data arrives or the server has waited long
   * enough; over SSE when data arrives. After the end it returns `closed` again, at once.
   *
   * @throws {ClientError}
   */
  async read(options: WaitOptions = {}): Promise<StreamData> {
    return await this.#exclusive(async () => {
      if (this.#isDrained) this.#batch = undefined;
      while (this.#batch === undefined && !this.#feed.closed) await this.#fill(options.signal);
      const batch = this.#batch;
      const taken = batch === undefined ? 0 : this.#taken;
      this.#batch = undefined;
      this.#taken = 0;
      const { place, cursor, upToDate, closed } = this.#feed;
      this.#offset = formatPlace(place);
      return {
        messages: batch?.messages.slice(taken) ?? [],
        data: batch === undefined ? NO_BYTES : dataAfter(batch, taken),
        nextOffset: this.#offset,
        cursor,
        upToDate,
        closed,
        ...defined({
          nextOrdinal: batch?.nextOrdinal,
          missed: taken > 0 ? undefined : batch?.missed,
          compactedUpTo: batch?.compactedUpTo,
        }),
      };
    });
  }

  /** Message by message, until the stream is closed; in `catch-up` mode until its tail. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.#iterate((message) => message);
  }

  /**
   * Value by value; with a Standard Schema, the values that it returns. For a message that it rejects an
   * error is thrown, and the reader stays before it; `seek(error.offset)` continues after it.
   *
   * @throws {ClientError} `invalid_message`
   */
  json<T = unknown>(schema?: StandardSchema<unknown, T>): AsyncIterableIterator<T> {
    return this.#iterate(valueBy(schema));
  }

  /**
   * The bytes, fetched as they are read; each message of a JSON stream as a line (NDJSON). Cancelling it
   * disconnects.
   */
  stream(): ReadableStream<Bytes> {
    return readableFrom(this.#iterate(chunkOf), (bytes) => bytes, () => NO_BYTES);
  }

  /** As `stream`, as text; chunks never split a character. Invalid UTF-8 becomes U+FFFD. */
  textStream(): ReadableStream<string> {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return readableFrom(
      this.#iterate(chunkOf),
      (bytes) => decoder.decode(bytes, { stream: true }),
      () => decoder.decode(),
    );
  }

  /**
   * All messages from here to the tail, in any mode; then the reader is at the tail. If this fails, it stays
   * where it was. All messages are in memory at once.
   *
   * @throws {ClientError}
   */
  all(options: WaitOptions = {}): Promise<Message[]> {
    return this.#collect(options, (message) => message);
  }

  /**
   * As `all`, but the values: see `json`.
   *
   * @throws {ClientError} `invalid_message`, among others
   */
  allJson<T = unknown>(
    schema?: StandardSchema<unknown, T>,
    options: WaitOptions = {},
  ): Promise<T[]> {
    return this.#collect(options, valueBy(schema));
  }

  /**
   * As `all`, but the text; each message of a JSON stream is a line (NDJSON).
   *
   * @throws {ClientError}
   */
  async allText(options: WaitOptions = {}): Promise<string> {
    return decodeUtf8(concatBytes(await this.#collect(options, chunkOf)));
  }

  /**
   * Moves to another place; a pending read continues there.
   *
   * @throws {ClientError} `invalid_argument` if it is not an offset
   */
  seek(offset: string): this {
    this.#goTo(this.#feed.at(parsePlace(offset)));
    return this;
  }

  /**
   * Moves to the tail: only what is appended after this is read next.
   *
   * @throws {ClientError}
   */
  async seekToTail(options: WaitOptions = {}): Promise<this> {
    await this.#exclusive(async () => {
      const feed = this.#feed.at(parsePlace(NOW));
      await this.#wait(options.signal, (signal) => feed.next(signal));
      this.#goTo(feed);
    });
    return this;
  }

  /** Ends the reader: pending and later calls reject with `ended`. */
  close(): Promise<void> {
    this.#ended ??= new ClientError("ended", "The reader was closed.");
    this.#waiting?.abort(this.#ended);
    this.#feed.disconnect();
    this.#batch = undefined;
    return Promise.resolve();
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #isDrained(): boolean {
    return this.#taken >= (this.#batch?.messages.length ?? 0);
  }

  /**
   * Goes to the stream's snapshot. Whoever keeps a newer one lets go of what comes behind this one, perhaps
   * before it was read: then that newer one is asked for.
   */
  async #goToSnapshot(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#findSnapshot(signal);
    } catch (error) {
      // Sent elsewhere meanwhile, which ends the wait, it goes on there.
      if (this.#beginsAtSnapshot || this.#ended !== undefined) throw error;
    }
  }

  async #findSnapshot(signal: AbortSignal | undefined): Promise<void> {
    let lastOffset: string | undefined;
    // Unless it is sent elsewhere meanwhile.
    for (let tries = 1; this.#beginsAtSnapshot; tries++) {
      const snapshot = await this.#wait(
        signal,
        (signal) => fetchSnapshot(this.#connection, this.path, signal),
      );
      if (!this.#beginsAtSnapshot) return;
      if (snapshot === undefined) {
        this.#beginsAtSnapshot = false;
        return;
      }
      const feed = this.#feed.at(parsePlace(snapshot.offset));
      const first = await this.#firstBehindSnapshot(feed, signal);
      if (!this.#beginsAtSnapshot) return;
      const isNew = snapshot.offset !== lastOffset;
      lastOffset = snapshot.offset;
      if (first === "trimmed" && isNew && tries < SNAPSHOT_TRIES) continue;
      this.#snapshot = snapshot;
      // What was trimmed otherwise comes to light as it is read.
      this.#goTo(feed.at(parsePlace(snapshot.offset)));
      if (first !== undefined && first !== "trimmed") this.#first = { feed, batch: first };
      return;
    }
  }

  /** The first response of a feed; `undefined` where it fails, which the next read meets again. */
  async #firstBehindSnapshot(
    feed: Feed,
    signal: AbortSignal | undefined,
  ): Promise<Batch | "trimmed" | undefined> {
    try {
      const batch = await this.#wait(signal, (signal) => feed.next(signal));
      return batch.missed === undefined ? batch : "trimmed";
    } catch (error) {
      this.#signal?.throwIfAborted();
      signal?.throwIfAborted();
      if (!(error instanceof ClientError) || error.code === "ended") throw error;
      return error.code === "trimmed" ? "trimmed" : undefined;
    }
  }

  #goTo(feed: Feed): void {
    this.#beginsAtSnapshot = false;
    this.#feed.disconnect();
    this.#feed = feed;
    this.#batch = undefined;
    this.#first = undefined;
    this.#taken = 0;
    this.#offset = formatPlace(feed.place);
    this.#waiting?.abort(new ClientError("ended", "The reader was sent elsewhere."));
  }

  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ended !== undefined) throw this.#ended;
    this.#signal?.throwIfAborted();
    if (this.#isBusy) {
      throw new ClientError(
        "invalid_argument",
        "Another read of this reader waits.",
      );
    }
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }

  async #wait<T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#ended !== undefined) throw this.#ended;
    const waiting = new AbortController();
    const unlink = linkAborts([this.#signal, signal], waiting);
    this.#waiting = waiting;
    try {
      return await work(waiting.signal);
    } finally {
      this.#waiting = undefined;
      unlink();
    }
  }

  /** Gets the next response; after a `seek` meanwhile, from the new place. */
  async #fill(signal: AbortSignal | undefined): Promise<void> {
    while (true) {
      if (this.#beginsAtSnapshot) await this.#goToSnapshot(signal);
      const first = this.#first;
      this.#first = undefined;
      if (first !== undefined) this.#feed = first.feed;
      const feed = this.#feed;
      const isAnchor = feed.place.offset === NOW && this.#readMode === "long-poll";
      try {
        // A response that has arrived is kept even if this is aborted now: the feed is past it.
        const batch = first?.batch ??
          await this.#wait(signal, (signal) => feed.next(signal));
        if (feed !== this.#feed) continue;
        this.#batch = batch;
        this.#taken = 0;
        if (batch.messages.length === 0) this.#offset = formatPlace(batch.end);
        // It replaces a long-poll from `now`, which would have waited.
        if (!isAnchor || feed.closed) return;
      } catch (error) {
        if (feed === this.#feed) throw error;
      }
    }
  }

  async #collect<T>({ signal }: WaitOptions, toValue: ToValue<T>): Promise<T[]> {
    return await this.#exclusive(async () => {
      const values: T[] = [];
      if (this.#beginsAtSnapshot) await this.#goToSnapshot(signal);
      const { last } = this.#feed;
      const reader = await this.#wait(signal, async (signal) => {
        const reader = new Reader(this.#connection, this.path, {
          ...(last === undefined ? { offset: this.#offset } : this.#atTail),
          readMode: "catch-up",
          maxElapsedMs: this.#maxElapsedMs,
          ...this.#feed.extensions,
          signal,
        });
        for await (const value of reader.#iterate(toValue)) values.push(value);
        return reader;
      });
      this.#goTo(reader.#feed.at(reader.#feed.place, this.#readMode));
      this.#feed.upToDate = true;
      this.#feed.closed = reader.#feed.closed;
      return values;
    });
  }

  #iterate<T>(toValue: ToValue<T>): AsyncIterableIterator<T, undefined> {
    let isDone = false;
    let isWaiting = false;
    let atTail: Feed | undefined;
    const finish = () => {
      isDone = true;
      this.#feed.disconnect();
    };
    const take = async (): Promise<IteratorResult<T, undefined>> => {
      while (true) {
        const message = this.#batch?.messages[this.#taken];
        if (message === undefined) {
          if (this.#feed.closed || atTail === this.#feed) return END;
          await this.#fill(undefined);
          if (this.#readMode === "catch-up" && this.#feed.upToDate) atTail = this.#feed;
          continue;
        }
        const feed = this.#feed;
        const value = await toValue(message, this.#batch?.isJson ?? false);
        if (this.#ended !== undefined) throw this.#ended;
        if (feed !== this.#feed) continue;
        this.#taken++;
        this.#offset = message.offset;
        return { done: false, value };
      }
    };
    return {
      next: async () => {
        if (isDone) return END;
        return await this.#exclusive(async () => {
          isWaiting = true;
          try {
            const result = await take();
            if (result.done) finish();
            return result;
          } catch (error) {
            const wasStopped = isDone;
            finish();
            if (wasStopped) return END;
            throw error;
          } finally {
            isWaiting = false;
          }
        });
      },
      return: () => {
        if (!isDone) finish();
        if (isWaiting) this.#waiting?.abort();
        return Promise.resolve(END);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

type ToValue<T> = (message: Message, isJson: boolean) => T | Promise<T>;

/** A message of a JSON stream as a line, or the bytes unchanged. */
function chunkOf({ bytes }: Message, isJson: boolean): Bytes {
  return isJson ? toLine(bytes) : bytes;
}

function valueBy<T>(schema: StandardSchema<unknown, T> | undefined): ToValue<T> {
  return (message) => schema === undefined ? message.json<T>() : validate(message, schema);
}

function checkFrom({ from, offset, last, lastBytes }: ReaderOptions): void {
  if (from === undefined) return;
  if (from !== "snapshot") throw invalidArgument("from", from, '"snapshot"');
  if (offset !== undefined || last !== undefined || lastBytes !== undefined) {
    throw invalidArgument("from", from, "neither offset nor last beside it");
  }
}
