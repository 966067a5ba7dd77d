import { type Bytes, encodeUtf8 } from "../../protocol/bytes.ts";
import { isJsonType } from "../../protocol/content_type.ts";
import { type AppendAnswer, sendAppend } from "../transport/append_request.ts";
import { type Data, toBody } from "./body.ts";
import type { CallOptions } from "../transport/call_options.ts";
import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "../transport/connection.ts";
import type { RequestAdditions } from "../transport/headers_option.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";
import { jsonText } from "./json_text.ts";
import { SerialQueue } from "./serial_queue.ts";
import { StreamType } from "./stream_type.ts";
import { type WritableOptions, writableTo } from "./writable.ts";

/** The content type of a {@link Writer}, and the additions to its requests. */
export interface WriterOptions extends RequestAdditions {
  /** The stream's content type; fetched before the first append unless given or known. */
  contentType?: string | undefined;
}

/** The options of one append. */
export interface SendOptions extends CallOptions {
  /** Must be greater than the last one, byte by byte (`Stream-Seq`, PROTOCOL §5.2). */
  seq?: string | undefined;
  /** The append is rejected unless the tail is exactly here; an extension of this project's server. */
  expectedOffset?: string | undefined;
  /** Closes the stream in the same step (PROTOCOL §4.1). */
  close?: boolean | undefined;
}

/**
 * Appends to a stream, one request each. Failures are thrown, and only a request that was rejected unread
 * is sent again: to retry, to send batches and to never store twice, use `client.producer()`.
 *
 * Calls are sent in order, one at a time, even if nobody awaits them. If one fails, those that wait behind
 * it aren't sent: they fail with the same code, `undelivered` says `lost: 1`, and `cause` is the failure.
 * Calls after that are sent.
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
 * await client.create("log", { contentType: "text/plain" });
 *
 * const writer = client.writer("log");
 * void writer.send("one\n");
 * void writer.send(new Blob(["two\n"]));
 * await writer.send("three\n");
 * await new Blob(["four\n"]).stream().pipeTo(writer.writable({ close: true }));
 * assert.equal(await client.reader("log").allText(), "one\ntwo\nthree\nfour\n");
 * ```
 */
export class Writer {
  readonly path: string;
  readonly #connection: Connection;
  readonly #type: StreamType;
  readonly #queue = new SerialQueue();
  #offset: string | undefined;

  constructor(connection: Connection, path: string, options: WriterOptions = {}) {
    this.path = path;
    this.#connection = connection.adding(options);
    this.#type = new StreamType(this.#connection, path, options.contentType);
  }

  /** The tail after the last successful append; `undefined` before the first, or if the server gave none. */
  get offset(): string | undefined {
    return this.#offset;
  }

  /**
   * Appends bytes, or text as UTF-8, unchanged. In a JSON stream they are a JSON text, in which an array is
   * several messages (PROTOCOL §9.1.2). A `Blob` or stream is read to its end first, a stream up to 64 MiB.
   *
   * @throws {ClientError}
   */
  async send(data: Data, options: SendOptions = {}): Promise<AppendAnswer> {
    const body = toBody(data, options.signal);
    return await this.#append(options, async () => {
      const bytes = await body;
      if (bytes.length > 0 || options.close) return () => bytes;
      throw invalidArgument("The data", "", "something to append");
    });
  }

  /**
   * Appends a value as JSON. In a JSON stream that is one message, even if the value is an array.
   *
   * @throws {ClientError}
   */
  async sendJson(value: unknown, options: SendOptions = {}): Promise<AppendAnswer> {
    const text = jsonText(value);
    return await this.#append(
      options,
      () =>
        Promise.resolve((contentType) => encodeUtf8(isJsonType(contentType) ? `[${text}]` : text)),
    );
  }

  /**
   * Closes the stream: readers see that it is complete (PROTOCOL §5.3). Closing it again is fine.
   *
   * @throws {ClientError}
   */
  async close(options: CallOptions = {}): Promise<AppendAnswer> {
    const { signal } = options;
    const run = () => this.#send(options, { close: true, signal });
    return await this.#queue.add(run, signal);
  }

  /**
   * A stream whose chunks are appended, one request each: `response.body.pipeTo(writer.writable())`.
   * Closing it leaves the stream on the server open, unless `close` is given; aborting it always does.
   */
  writable({ close = false }: WritableOptions = {}): WritableStream<Data> {
    return writableTo({
      send: (chunk) => this.send(chunk),
      finish: () => close ? this.close() : Promise.resolve(),
    });
  }

  async #append(
    options: SendOptions,
    prepare: () => Promise<(contentType: string) => Bytes>,
  ): Promise<AppendAnswer> {
    const { seq, expectedOffset, close, signal } = options;
    const run = async () => {
      const toBytes = await prepare();
      const append = (contentType: string) => {
        const body = toBytes(contentType);
        return this.#send(options, { contentType, body, seq, expectedOffset, close, signal });
      };
      const contentType = await this.#type.get(signal);
      try {
        return await append(contentType);
      } catch (error) {
        if (!(error instanceof ClientError) || error.code !== "conflict") throw error;
        // The remembered type may be of an earlier stream of this name.
        const renewed = await this.#type.renew(contentType, signal);
        if (renewed === undefined) throw error;
        return await append(renewed);
      }
    };
    return await this.#queue.add(run, signal);
  }

  async #send(
    additions: RequestAdditions,
    request: Parameters<typeof sendAppend>[2],
  ): Promise<AppendAnswer> {
    const result = await sendAppend(this.#connection.adding(additions), this.path, request);
    this.#offset = result.offset;
    return result;
  }
}
