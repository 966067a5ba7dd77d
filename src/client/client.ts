import { type Clock, systemClock } from "../env/clock.ts";
import { toBytes } from "../protocol/bytes.ts";
import {
  STREAM_CLOSED,
  STREAM_EXPIRES_AT,
  STREAM_FORK_OFFSET,
  STREAM_FORK_SUB_OFFSET,
  STREAM_FORKED_FROM,
  STREAM_TTL,
} from "../protocol/headers.ts";
import { type AppendAnswer, sendAppend } from "./append_request.ts";
import { ClientError } from "./client_error.ts";
import { connect, type Connection } from "./connection.ts";
import { defined } from "./defined.ts";
import { type HeadersOption, withHeaders } from "./headers_option.ts";
import { type ListedStream, type ListOptions, listStreams } from "./list.ts";
import { parsePlace } from "./place.ts";
import { Producer } from "./producer.ts";
import type { ProducerOptions } from "./producer_options.ts";
import { Reader, type ReaderOptions, type ReadMode } from "./reader.ts";
import { withRetry } from "./retry.ts";
import { askStreamInfo, type StreamInfo, streamInfoIn } from "./stream_info.ts";
import { StreamUrls } from "./stream_url.ts";
import { fetchTransport, type Transport } from "./transport.ts";
import { Writer, type WriterOptions } from "./writer.ts";

/** How a {@link Client} reaches its server. */
export interface ClientOptions {
  /** Go with every request; a value may be a function, asked each time. */
  headers?: HeadersOption;
  /** How long one attempt may take; 30 s. */
  timeoutMs?: number;
  /** How long a live read may hear nothing before it is begun anew; 90 s, and more than a server waits. */
  liveTimeoutMs?: number;
  /** How readers follow a stream; `auto`. */
  readMode?: ReadMode;
  /** What sends; `withRetry()(fetchTransport())`. */
  transport?: Transport;
  /** Where the time comes from. */
  clock?: Clock;
  /** A number from 0 up to 1, for jitter; `Math.random`. */
  random?: () => number;
}

/** Every call takes one. */
export interface CallOptions {
  /** Aborting it ends the call, which rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What a new stream is to be (PROTOCOL §5.1). */
export interface CreateOptions extends CallOptions {
  /** The server's default, `application/octet-stream`, unless given; a fork has its source's. */
  contentType?: string;
  /** It ends when nobody read or wrote it for this long. */
  ttlSeconds?: number;
  /** It ends then. */
  expiresAt?: Date | string;
  /** The first content. */
  initialData?: Uint8Array | string;
  /** It is complete as it is created. */
  closed?: boolean;
  /** It begins with what another stream holds, up to `offset` (the tail unless given). */
  forkFrom?: string | ForkPoint;
}

/** Where a fork branches off (PROTOCOL §4.2). */
export interface ForkPoint {
  /** The source's name. */
  path: string;
  /** An offset or a message's `offset` in the source; its tail unless given. */
  offset?: string;
  /** Further messages (in other than JSON streams, bytes) of the source past `offset`. */
  subOffset?: number;
}

/** A create's answer. */
export interface CreatedStream extends StreamInfo {
  /** False where it was there already, just as asked for. */
  created: boolean;
}

/**
 * A server's streams.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "../server/app.ts";
 * import { createMemoryStorage } from "../storage/memory.ts";
 * import { Client } from "./client.ts";
 * import { fetchTransport } from "./transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const client = new Client("http://localhost:4437/v1/stream", {
 *   // Left out where the server is another process.
 *   transport: fetchTransport({ fetch: (url, init) => app.request(url, init) }),
 * });
 *
 * await client.create("chat/1", { contentType: "application/json" });
 * const writer = client.writer("chat/1");
 * await writer.sendJson({ text: "hello" });
 * await writer.sendJson({ text: "bye" }, { close: true });
 *
 * const texts: string[] = [];
 * for await (const message of client.reader("chat/1")) {
 *   texts.push(message.json<{ text: string }>().text);
 * }
 * assert.deepEqual(texts, ["hello", "bye"]);
 * ```
 */
export class Client {
  readonly #connection: Connection;
  readonly #readMode: ReadMode;

  /**
   * @param baseUrl what the streams' URLs begin with: `http://localhost:4437/v1/stream`
   * @throws {ClientError} `invalid_argument`
   */
  constructor(baseUrl: string | URL, options: ClientOptions = {}) {
    const clock = options.clock ?? systemClock;
    const random = options.random ?? Math.random;
    const withOurs = options.headers === undefined ? undefined : withHeaders(options.headers);
    const given = options.transport;
    const plain = given ?? fetchTransport({ clock });
    const sending = withOurs === undefined ? plain : withOurs(plain);
    this.#connection = connect({
      urls: new StreamUrls(baseUrl),
      // Headers are asked for at every attempt: a token may have been refreshed since.
      transport: given === undefined ? withRetry({ clock, random })(sending) : sending,
      clock,
      random,
      timeoutMs: options.timeoutMs ?? 30_000,
      liveTimeoutMs: options.liveTimeoutMs ?? 90_000,
    });
    this.#readMode = options.readMode ?? "auto";
  }

  /**
   * Creates a stream, or finds it there just as asked for (PROTOCOL §5.1).
   *
   * @throws {ClientError} `conflict` where another one is there; `not_found` where a fork's source isn't
   */
  async create(path: string, options: CreateOptions = {}): Promise<CreatedStream> {
    const { status, headers } = await this.#connection.send({
      method: "PUT",
      url: this.#connection.urls.of(path),
      headers: this.#createHeaders(options),
      body: options.initialData ? toBytes(options.initialData) : undefined,
      signal: options.signal,
      repeatable: true,
    });
    return { ...streamInfoIn(headers), created: status === 201 };
  }

  /**
   * Creates a stream that begins with what another holds (PROTOCOL §4.2).
   *
   * @param source the name of the stream that it branches off from
   * @throws {ClientError} as `create`
   */
  async fork(
    source: string,
    path: string,
    options: Omit<CreateOptions, "forkFrom"> & Omit<ForkPoint, "path"> = {},
  ): Promise<CreatedStream> {
    const { offset, subOffset, ...create } = options;
    const forkFrom: ForkPoint = { path: source };
    if (offset !== undefined) forkFrom.offset = offset;
    if (subOffset !== undefined) forkFrom.subOffset = subOffset;
    return await this.create(path, { ...create, forkFrom });
  }

  /**
   * What a stream is and how far it goes (PROTOCOL §5.5).
   *
   * @throws {ClientError} `not_found`, `gone`
   */
  async head(path: string, options: CallOptions = {}): Promise<StreamInfo> {
    return await askStreamInfo(this.#connection, path, options.signal);
  }

  /**
   * Closes a stream; closing it again is fine (PROTOCOL §5.3).
   *
   * @throws {ClientError} `not_found`, `gone`
   */
  async close(path: string, options: CallOptions = {}): Promise<AppendAnswer> {
    return await sendAppend(this.#connection, path, { close: true, signal: options.signal });
  }

  /**
   * Deletes a stream (PROTOCOL §5.4).
   *
   * @throws {ClientError} `not_found`, `gone`
   */
  async delete(path: string, options: CallOptions = {}): Promise<void> {
    try {
      await this.#connection.send({
        method: "DELETE",
        url: this.#connection.urls.of(path),
        signal: options.signal,
        repeatable: true,
      });
    } catch (error) {
      // A repeated request that finds nothing left may have been what deleted it.
      const isGone = error instanceof ClientError && error.repeated &&
        (error.code === "not_found" || error.code === "gone");
      if (!isGone) throw error;
    }
  }

  /** The server's streams in the order of their names; an extension of this project's server. */
  list(options: ListOptions = {}): AsyncIterableIterator<ListedStream> {
    return listStreams(this.#connection, options);
  }

  /** Reads a stream from any place on, and follows it. */
  reader(path: string, options: ReaderOptions = {}): Reader {
    return new Reader(this.#connection, path, { readMode: this.#readMode, ...options });
  }

  /** Appends to a stream, one request each. */
  writer(path: string, options: WriterOptions = {}): Writer {
    return new Writer(this.#connection, path, options);
  }

  /** Appends to a stream in batches, each message exactly once (PROTOCOL §5.2.1). */
  producer(path: string, options: ProducerOptions): Producer {
    return new Producer(this.#connection, path, options);
  }

  #createHeaders(options: CreateOptions): Record<string, string> {
    const { contentType, ttlSeconds, expiresAt, closed, forkFrom } = options;
    const point = typeof forkFrom === "string" ? { path: forkFrom } : forkFrom;
    const place = point?.offset === undefined ? undefined : parsePlace(point.offset);
    const subOffset = (place?.skip ?? 0) + (point?.subOffset ?? 0);
    return defined({
      "content-type": contentType,
      [STREAM_TTL]: ttlSeconds?.toString(),
      [STREAM_EXPIRES_AT]: typeof expiresAt === "string" ? expiresAt : expiresAt?.toISOString(),
      [STREAM_CLOSED]: closed ? "true" : undefined,
      [STREAM_FORKED_FROM]: point && this.#connection.urls.pathOf(point.path),
      [STREAM_FORK_OFFSET]: place?.offset,
      [STREAM_FORK_SUB_OFFSET]: subOffset > 0 ? subOffset.toString() : undefined,
    });
  }
}
