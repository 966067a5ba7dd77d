import { type Clock, systemClock } from "../env/clock.ts";
import {
  STREAM_CLOSED,
  STREAM_COMPACTION,
  STREAM_EXPIRES_AT,
  STREAM_FORK_OFFSET,
  STREAM_FORK_SUB_OFFSET,
  STREAM_FORKED_FROM,
  STREAM_RETENTION,
  STREAM_TRIM_BEFORE,
  STREAM_TTL,
} from "../protocol/headers.ts";
import { type AppendAnswer, sendAppend } from "./transport/append_request.ts";
import { type AttemptHook, withAttemptHook } from "./transport/attempt_hook.ts";
import { type Data, toBody } from "./producer/body.ts";
import type { CallOptions } from "./transport/call_options.ts";
import { checkAmounts, checkIntegers } from "./errors/option_checks.ts";
import { ClientError } from "./errors/client_error.ts";
import { connect, type Connection } from "./transport/connection.ts";
import { defined } from "./transport/defined.ts";
import { type HeadersOption, type QueryOption, withAdditions } from "./transport/headers_option.ts";
import { invalidArgument } from "./errors/invalid_argument.ts";
import { type ListedStream, type ListOptions, listStreams } from "./transport/list.ts";
import { parsePlace, START } from "./transport/place.ts";
import { type Compaction, compactionText } from "./transport/compaction.ts";
import { type Retention, retentionText } from "./transport/retention.ts";
import { Producer } from "./producer/producer.ts";
import type { ProducerOptions } from "./producer/options.ts";
import { checkReadMode, type ReadMode } from "./reader/read_mode.ts";
import { type LiveOptions, LiveReader } from "./reader/live_reader.ts";
import type { LiveStart } from "./reader/live_connection.ts";
import { Reader } from "./reader/reader.ts";
import type { ReaderOptions } from "./reader/options.ts";
import { withRetry } from "./transport/retry.ts";
import {
  fetchHead,
  fetchStreamInfo,
  type StreamInfo,
  streamInfoIn,
} from "./transport/stream_info.ts";
import { Snapshots } from "./snapshots.ts";
import type { ListedSubscription } from "./subscriptions/options.ts";
import { Subscription } from "./subscriptions/subscription.ts";
import { listSubscriptions } from "./subscriptions/subscription_json.ts";
import { Worker, type WorkerOptions } from "./subscriptions/worker.ts";
import { StreamUrls } from "./transport/stream_url.ts";
import { type TokenOption, withToken } from "./transport/token.ts";
import { fetchTransport, type Transport } from "./transport/transport.ts";
import { Writer, type WriterOptions } from "./producer/writer.ts";

/** How a {@link Client} connects to its server. */
export interface ClientOptions {
  /** Headers of every request; a value may be a function, called each time. */
  headers?: HeadersOption | undefined;
  /** Query parameters of every request; a value may be a function, called each time. */
  query?: QueryOption | undefined;
  /**
   * The bearer token of every request that has no `authorization` of its own; a function is asked anew once
   * the server takes the last one no more.
   */
  token?: TokenOption | undefined;
  /** How long one attempt may take; 30 s. */
  timeoutMs?: number | undefined;
  /** How long a live read may be silent before it is repeated; 90 s, which is longer than a server waits. */
  liveTimeoutMs?: number | undefined;
  /** How readers follow a stream; `auto`. */
  readMode?: ReadMode | undefined;
  /** Sends the requests; `withRetry()(fetchTransport())`. */
  transport?: Transport | undefined;
  /**
   * Called as each attempt ends. If `transport` is given, once for each request to that: put
   * `withAttemptHook` inside its `withRetry` to see every attempt.
   */
  onAttempt?: AttemptHook | undefined;
  /** The source of time. */
  clock?: Clock | undefined;
  /** A number from 0 up to 1, for jitter; `Math.random`. */
  random?: (() => number) | undefined;
}

/** The properties of a new stream (PROTOCOL §5.1). */
export interface CreateOptions extends CallOptions {
  /** The content type; the server's default, `application/octet-stream`, unless given; a fork has its source's. */
  contentType?: string | undefined;
  /** It expires after this long without reads or writes. */
  ttlSeconds?: number | undefined;
  /** When it expires. */
  expiresAt?: Date | string | undefined;
  /** The first content; in a JSON stream the text of a JSON value, in which an array is several messages. */
  initialData?: Data | undefined;
  /** It is closed as it is created. */
  closed?: boolean | undefined;
  /** It begins with the content of another stream up to `offset` (the tail unless given). */
  forkFrom?: string | ForkPoint | undefined;
  /** How much of it is kept (an extension); all unless given. */
  retention?: Retention | undefined;
  /** Which of its messages stand for others (an extension); none unless given. */
  compaction?: Compaction | undefined;
}

/** What is to change about a stream (an extension of this project's server). */
export interface ChangeOptions extends CallOptions {
  /** How much of it is kept from now on; `null` for everything. Left out, it stays as it is. */
  retention?: Retention | null | undefined;
  /** Which of its messages stand for others; `null` for none. Left out, it stays as it is. */
  compaction?: Compaction | null | undefined;
}

/** Where a fork branches off (PROTOCOL §4.2). */
export interface ForkPoint {
  /** The source's name. */
  path: string;
  /** An offset, or the `offset` of a message, in the source; its tail unless given. */
  offset?: string | undefined;
  /** How many messages (bytes if the stream isn't JSON) of the source past `offset` belong to it too. */
  subOffset?: number | undefined;
}

/** The result of a create. */
export interface CreatedStream extends StreamInfo {
  /** False if it existed already, with the same properties. */
  created: boolean;
}

/** What a stream is after a change. */
export interface ChangedStream {
  /** The tail: the offset of the next append. */
  nextOffset: string;
  /** The first offset that can be read. */
  earliestOffset: string;
  /** How much of it is kept; left out if that is all. */
  retention?: Retention;
  /** Which of its messages stand for others; left out if none do. */
  compaction?: Compaction;
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
 * import { fetchTransport } from "./transport/transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const client = new Client("http://localhost:4437/v1/stream", {
 *   // Left out if the server is another process.
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
   * @param baseUrl the beginning of the streams' URLs: `http://localhost:4437/v1/stream`
   * @throws {ClientError} `invalid_argument`
   */
  constructor(baseUrl: string | URL, options: ClientOptions = {}) {
    checkAmounts(options, ["timeoutMs", "liveTimeoutMs"]);
    checkReadMode(options.readMode);
    const clock = options.clock ?? systemClock;
    const random = options.random ?? Math.random;
    const { transport: given, onAttempt, headers, query, token } = options;
    let transport = given ?? fetchTransport({ clock });
    if (onAttempt !== undefined) transport = withAttemptHook(onAttempt, { clock })(transport);
    if (token !== undefined) {
      transport = withToken(token, { timeoutMs: options.timeoutMs, clock })(transport);
    }
    if (headers !== undefined || query !== undefined) {
      transport = withAdditions({ headers, query })(transport);
    }
    // Outermost, so that headers are computed for every attempt: a token may have been refreshed.
    if (given === undefined) transport = withRetry({ clock, random })(transport);
    this.#connection = connect({
      urls: new StreamUrls(baseUrl),
      transport,
      clock,
      random,
      timeoutMs: options.timeoutMs ?? 30_000,
      liveTimeoutMs: options.liveTimeoutMs ?? 90_000,
    });
    this.#readMode = options.readMode ?? "auto";
  }

  /**
   * Creates a stream, unless it exists with the same properties (PROTOCOL §5.1).
   *
   * @throws {ClientError} `conflict` if it exists with others; `not_found` if a fork's source doesn't exist
   */
  async create(path: string, options: CreateOptions = {}): Promise<CreatedStream> {
    const { initialData, signal } = options;
    const headers = this.#createHeaders(options);
    const connection = this.#connection.adding(options);
    const url = connection.urls.of(path);
    const body = initialData === undefined ? undefined : await toBody(initialData, signal);
    return await connection.request(
      {
        method: "PUT",
        url,
        headers,
        body: body?.length === 0 ? undefined : body,
        signal,
        repeatable: true,
      },
      ({ status, headers }) => {
        const info = streamInfoIn(headers);
        connection.types.set(path, options.contentType ?? info.contentType);
        return { ...info, created: status === 201 };
      },
    );
  }

  /**
   * Creates a stream that begins with the content of another (PROTOCOL §4.2).
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
    return await this.create(path, { ...create, forkFrom: { path: source, offset, subOffset } });
  }

  /**
   * A stream's properties and its tail (PROTOCOL §5.5).
   *
   * @throws {ClientError} `not_found`, `gone`
   */
  async head(path: string, options: CallOptions = {}): Promise<StreamInfo> {
    return await fetchStreamInfo(this.#connection.adding(options), path, options.signal);
  }

  /**
   * Whether a stream exists. A deleted one doesn't.
   *
   * @throws {ClientError} if that can't be determined
   */
  async exists(path: string, options: CallOptions = {}): Promise<boolean> {
    try {
      return await fetchHead(this.#connection.adding(options), path, options.signal, () => true);
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /**
   * Closes a stream; closing it again is fine (PROTOCOL §5.3).
   *
   * @throws {ClientError} `not_found`, `gone`
   */
  async close(path: string, options: CallOptions = {}): Promise<AppendAnswer> {
    const { signal } = options;
    return await sendAppend(this.#connection.adding(options), path, { close: true, signal });
  }

  /**
   * Deletes a stream (PROTOCOL §5.4).
   *
   * @throws {ClientError} `not_found`, `gone`
   */
  async delete(path: string, options: CallOptions = {}): Promise<void> {
    this.#connection.types.set(path, undefined);
    try {
      await this.#connection.adding(options).send({
        method: "DELETE",
        url: this.#connection.urls.of(path),
        signal: options.signal,
        repeatable: true,
      });
    } catch (error) {
      // If a repeated request finds no stream, its first attempt may have deleted it.
      if (!isMissing(error) || !error.repeated) throw error;
    }
  }

  /**
   * Changes what becomes of a stream's older messages; an extension of this project's server.
   *
   * @throws {ClientError} `not_found`, `gone`; `unsupported` where the server keeps everything
   */
  async configure(path: string, options: ChangeOptions): Promise<ChangedStream> {
    const { retention, compaction } = options;
    return await this.#change(path, {
      [STREAM_RETENTION]: retention === undefined ? undefined : retentionText(retention),
      [STREAM_COMPACTION]: compaction === undefined ? undefined : compactionText(compaction),
    }, options);
  }

  /**
   * Lets go of all that lies before an offset, or was written before a time (up to a block of that stays);
   * an extension of this project's server. Nothing later goes: a place between two messages of a
   * response, `OFFSET/COUNT`, counts as its offset.
   *
   * @param before an offset, `now` for all there is, or a time
   * @throws {ClientError} `not_found`, `gone`; `unsupported` where the server keeps everything
   */
  async trim(
    path: string,
    before: string | Date,
    options: CallOptions = {},
  ): Promise<ChangedStream> {
    const text = before instanceof Date ? timeText(before, "before") : parsePlace(before).offset;
    return await this.#change(path, { [STREAM_TRIM_BEFORE]: text }, options);
  }

  /** The server's streams in the order of their names; an extension of this project's server. */
  list(options: ListOptions = {}): AsyncIterableIterator<ListedStream> {
    checkIntegers(options, ["pageSize"], 1, 1_000);
    return listStreams(this.#connection.adding(options), options);
  }

  /** Reads a stream from any place on, and follows it. */
  reader(path: string, options: ReaderOptions = {}): Reader {
    const readMode = options.readMode ?? this.#readMode;
    return new Reader(this.#connection, path, { ...options, readMode });
  }

  /**
   * Follows several streams, and those of patterns, by one connection where the server offers that: an
   * extension of this project's server. Where it doesn't, each stream has a connection, and patterns fail.
   */
  live(streams: readonly (string | LiveStart)[], options: LiveOptions = {}): LiveReader {
    return new LiveReader(this.#connection, streams, options);
  }

  /** A stream's snapshots: a state as of an offset; an extension of this project's server. */
  snapshot(path: string): Snapshots {
    return new Snapshots(this.#connection, path);
  }

  /** Appends to a stream, one request each. */
  writer(path: string, options: WriterOptions = {}): Writer {
    return new Writer(this.#connection, path, options);
  }

  /** Appends to a stream in batches, each message exactly once (PROTOCOL §5.2.1). */
  producer(path: string, options: ProducerOptions): Producer {
    return new Producer(this.#connection, path, options);
  }

  /** One of the server's subscriptions, which wake workers as streams change (PROTOCOL §6). */
  subscription(id: string): Subscription {
    return new Subscription(this.#connection, id);
  }

  /** The server's subscriptions in the order of their ids; an extension of this project's server. */
  subscriptions(options: CallOptions = {}): AsyncIterableIterator<ListedSubscription> {
    return listSubscriptions(this.#connection.adding(options), options);
  }

  /** Works for a pull-wake subscription, once `run` is called (PROTOCOL §7.2). */
  worker(subscriptionId: string, options: WorkerOptions): Worker {
    return new Worker(this.#connection, subscriptionId, options);
  }

  async #change(
    path: string,
    headers: Readonly<Record<string, string | undefined>>,
    options: CallOptions,
  ): Promise<ChangedStream> {
    const connection = this.#connection.adding(options);
    return await connection.request({
      method: "PATCH",
      url: connection.urls.of(path),
      headers: defined(headers),
      signal: options.signal,
      repeatable: true,
    }, ({ headers }) => {
      const { nextOffset, earliestOffset = START, retention, compaction } = streamInfoIn(headers);
      return {
        nextOffset,
        earliestOffset,
        ...(retention === undefined ? {} : { retention }),
        ...(compaction === undefined ? {} : { compaction }),
      };
    });
  }

  #createHeaders(options: CreateOptions): Record<string, string> {
    const { contentType, ttlSeconds, expiresAt, closed, forkFrom } = options;
    const { retention, compaction } = options;
    const point = typeof forkFrom === "string" ? { path: forkFrom } : forkFrom;
    checkIntegers({ ttlSeconds, subOffset: point?.subOffset }, ["ttlSeconds", "subOffset"], 0);
    const place = point?.offset === undefined ? undefined : parsePlace(point.offset);
    const subOffset = (place?.skip ?? 0) + (point?.subOffset ?? 0);
    return defined({
      "content-type": contentType,
      [STREAM_TTL]: ttlSeconds?.toString(),
      [STREAM_EXPIRES_AT]: expiresAt === undefined ? undefined : timeText(expiresAt, "expiresAt"),
      [STREAM_CLOSED]: closed ? "true" : undefined,
      [STREAM_FORKED_FROM]: point && this.#connection.urls.pathOf(point.path),
      [STREAM_FORK_OFFSET]: place?.offset,
      [STREAM_FORK_SUB_OFFSET]: subOffset > 0 ? subOffset.toString() : undefined,
      [STREAM_RETENTION]: retention === undefined ? undefined : retentionText(retention),
      [STREAM_COMPACTION]: compaction === undefined ? undefined : compactionText(compaction),
    });
  }
}

function timeText(time: Date | string, name: string): string {
  if (typeof time === "string") return time;
  if (time instanceof Date && !Number.isNaN(time.getTime())) return time.toISOString();
  throw invalidArgument(name, time, "a valid Date, or a time like 2026-01-01T00:00:00Z");
}

function isMissing(error: unknown): error is ClientError {
  return error instanceof ClientError && (error.code === "not_found" || error.code === "gone");
}
